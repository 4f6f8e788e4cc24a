"""The saved profiles that may be started from the page: only what lies in one folder, only by its listed name."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.config.profile import load_profile
from hilrig.core import files
from hilrig.core.errors import ConfigError, UsageError

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_HINT: Final = "load the page again: it shows the profiles that are there"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedProfile:
    """A profile that can be chosen.

    Args:
        name: of its folder, which is how it is asked for.
        duration_s: as the profile says; `frame_rate_fps` alike.
        mistakes: how many its file has; it can't be started with any.
    """

    name: str
    profile_name: str
    description: str
    duration_s: float | None
    frame_rate_fps: float | None
    mistakes: int


class Profiles:
    """A folder of profiles; each file is read once for every change."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[int, SavedProfile]] = {}

    def saved(self) -> tuple[SavedProfile, ...]:
        """Return the profiles that are there now, by name."""
        return tuple(self._profile(name) for name in sorted(_names(self._folder)))

    def find(self, name: str) -> Path:
        """Return the folder of the profile that a client names.

        Raises:
            UsageError: there is none of that name.
        """
        known = next((known for known in _names(self._folder) if known == name), None)
        if known is None:
            raise UsageError("there is no such profile", hint=_HINT)
        return self._folder / known

    def _profile(self, name: str) -> SavedProfile:
        path = self._folder / name / files.PROFILE
        changed_ns = path.lstat().st_mtime_ns
        kept = self._read.get(name)
        if kept is None or kept[0] != changed_ns:
            kept = self._read[name] = (changed_ns, _loaded(name, self._folder / name))
        return kept[1]


def _names(folder: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as found:
            folders = [entry for entry in found if entry.is_dir(follow_symlinks=False)]
    except OSError as error:
        raise UsageError(f"the folder of profiles {folder} cannot be read: {error.strerror}") from error
    for entry in folders:
        profile = Path(entry.path) / files.PROFILE
        if _NAME.fullmatch(entry.name) and profile.is_file() and not profile.is_symlink():
            yield entry.name


def _loaded(name: str, folder: Path) -> SavedProfile:
    try:
        profile = load_profile(folder)
    except ConfigError as error:
        return SavedProfile(
            name=name,
            profile_name=name,
            description=f"hilrig check {name} shows what is wrong",
            duration_s=None,
            frame_rate_fps=None,
            mistakes=max(1, len(error.problems)),
        )
    return SavedProfile(
        name=name,
        profile_name=profile.name,
        description=profile.description,
        duration_s=profile.duration_s,
        frame_rate_fps=float(profile.frame_rate_fps),
        mistakes=0,
    )
