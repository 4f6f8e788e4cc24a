"""Rigs by name, by file, by labels.

Who is asking for them is found here too.
"""

import getpass
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.app.foreign_text import given_text
from hilrig.config.key_tree import nearest
from hilrig.config.rig_file import load_rig, rig_name
from hilrig.config.source_file import whole_file_problem
from hilrig.core.errors import ConfigError, UsageError
from hilrig.core.rig import RigSpec

RIGS_VARIABLE: Final = "HILRIG_RIGS"
HOLDER_VARIABLE: Final = "HILRIG_HOLDER"
HOLDER_MAX: Final = 128
"""Characters of a holder: it stands in one line of a table and in every message of a held rig."""
_DEFAULT_FOLDER: Final = "rigs"
_SUFFIXES: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class RigFile:
    """A file of a rigs folder. `name` is what it states, its own where it states none.

    Args:
        rig: None when the file has mistakes.
        mistakes: all of them, and that another file states the same name; None when there are none.
    """

    path: Path
    name: str
    rig: RigSpec | None
    mistakes: ConfigError | None


def rigs_folder(option: Path | None) -> Path:
    """Return the folder of the rig files: the one asked for, that of `HILRIG_RIGS`, else `rigs`."""
    return option or Path(os.environ.get(RIGS_VARIABLE) or _DEFAULT_FOLDER)


def read_rigs(folder: Path) -> tuple[RigFile, ...]:
    """Return every rig file of a folder, sorted by the rigs' names.

    Raises:
        UsageError: there is no such folder.
    """
    named = _named(folder)
    return tuple(sorted((_read(path, name, named) for path, name in named.items()), key=lambda file: file.name))


def find_rig(name_or_path: str | Path, folder: Path) -> tuple[RigSpec, Path]:
    """Return a rig and its file: of a path, of the file that is named so, of the file that states this name.

    What has a slash or ends in .yaml is a path, so that a stray file of the current folder never hides a rig.

    Raises:
        ConfigError: there is no such file, or it has mistakes.
        UsageError: no rig has this name, or two files do.
    """
    text = str(name_or_path)
    path = Path(text).expanduser()
    if os.sep in text or path.suffix in _SUFFIXES:
        return load_rig(path), path
    named = _named(folder) if folder.is_dir() else {}
    found = [file for file, name in named.items() if text in (name, file.stem)]
    same = found if len(found) > 1 else [file for file in named if found and named[file] == named[found[0]]]
    if len(same) > 1:
        raise _twice(text if len(found) > 1 else named[found[0]], same)
    if not found and path.is_file():
        return load_rig(path), path
    if not found:
        raise _unknown(text, sorted(named.values()), folder)
    return load_rig(found[0]), found[0]


def find_by_labels(labels: Mapping[str, str], folder: Path) -> tuple[tuple[RigSpec, Path], ...]:
    """Return every rig that has all the labels, with its file, sorted by name; out of service or not.

    A file with mistakes has no labels: it is named when nothing else is found.

    Raises:
        UsageError: there is no such folder, or no rig has the labels.
    """
    files = read_rigs(folder)
    found = tuple(
        (file.rig, file.path) for file in files if file.rig and labels.items() <= file.rig.labels.items()
    )
    if not found:
        raise _no_such_labels(labels, files, folder)
    return found


def require_work_folder(rig: RigSpec, *, hint: str) -> None:
    """Return when the rig is reached over a line, as rigs elsewhere are.

    Raises:
        UsageError: runs on it are done in place; `hint` says what to do then.
    """
    if rig.work_folder is None:
        raise UsageError(f"rig {rig.name} is this machine, and runs on it are done in place", hint=hint)


def holder() -> str:
    """Return who asks for a rig, `user@host`; `HILRIG_HOLDER` says it for a CI job. A claim, not a proof.

    Raises:
        UsageError: what `HILRIG_HOLDER` says is too long for one line.
    """
    stated = os.environ.get(HOLDER_VARIABLE, "")
    text = given_text(stated, what=f"name of the holder in {HOLDER_VARIABLE}", at_most=HOLDER_MAX)
    return text or f"{_user()}@{socket.gethostname()}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # containers run under numbers that no name belongs to
        return f"uid-{os.getuid()}"


def _named(folder: Path) -> dict[Path, str]:
    """Return each rig file of a folder with the name it states; without one, or unreadable: its own."""
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder of rig files '{folder}'", hint=f"--rigs DIR, or {RIGS_VARIABLE}=DIR, names it"
        )
    return {path: _name(path) for path in sorted(folder.iterdir()) if path.suffix in _SUFFIXES and path.is_file()}


def _name(path: Path) -> str:
    try:
        return rig_name(path) or path.stem
    except ConfigError:
        return path.stem


def _read(path: Path, name: str, named: Mapping[Path, str]) -> RigFile:
    same = [file for file, other in named.items() if other == name]
    try:
        rig = load_rig(path)
        if len(same) > 1:
            raise _twice(name, same)
    except ConfigError as error:
        return RigFile(path=path, name=name, rig=None, mistakes=error)
    return RigFile(path=path, name=name, rig=rig, mistakes=None)


def _twice(name: str, files: Sequence[Path]) -> ConfigError:
    problems = []
    for file in files:
        others = ", ".join(str(other) for other in files if other != file)
        message = f"the name '{name}' leads here and to {others}"
        problems.append(whole_file_problem(file, "name_twice", message, "give each rig a name of its own"))
    return ConfigError(problems)


def _unknown(name: str, known: list[str], folder: Path) -> UsageError:
    hint = nearest(name, known) or f"there is no rig file in '{folder}'; --rigs DIR names another folder"
    return UsageError(f"there is no rig '{name}' in '{folder}'", hint=hint)


def _no_such_labels(labels: Mapping[str, str], files: Sequence[RigFile], folder: Path) -> UsageError:
    wanted = ", ".join(f"{key}={value}" for key, value in labels.items())
    there = sorted({f"{key}={value}" for file in files if file.rig for key, value in file.rig.labels.items()})
    broken = ", ".join(file.path.name for file in files if file.rig is None)
    unread = f"; could not be read: {broken} (hilrig rigs check)" if broken else ""
    hint = f"labels there: {', '.join(there) or 'none'}"
    return UsageError(f"no rig in '{folder}' has the label(s) {wanted}{unread}", hint=hint)
