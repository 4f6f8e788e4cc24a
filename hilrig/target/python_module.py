"""A module of the user's: from the profile's folder, else from what is installed."""

import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final

from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import PreconditionError

PREFIX: Final = "hilrig_pipeline."
"""Before the name of a module from a profile's folder: one that is called `json` there replaces no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonModule:
    """A loaded module.

    Args:
        file: where it comes from, for messages.
        sha256: of that file; None when it has none.
        folder: whose other modules it may import; None for an installed module.
    """

    module: ModuleType
    file: str
    sha256: str | None
    folder: Path | None

    @contextmanager
    def siblings_importable(self) -> Iterator[None]:
        """Let the module's folder be searched, after everything else, for as long as the block runs."""
        with _searched(self.folder):
            yield


def load_module(name: str, folder: Path) -> PythonModule:
    """Return the module `name`: `folder/name.py`, `folder/name/__init__.py`, else the installed one.

    Raises:
        PreconditionError: there is none, or its code fails when it is loaded.
    """
    path = folder.joinpath(*name.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return _from_file(name, file, folder)
    return _installed(name, folder)


def _from_file(name: str, file: Path, folder: Path) -> PythonModule:
    """Run the very bytes that are hashed; no cache of compiled code can stand between the two."""
    try:
        source = file.read_bytes()
    except OSError as error:
        raise PreconditionError(
            f"{file} cannot be read: {error.strerror}", hint="check its permissions"
        ) from error
    spec = importlib.util.spec_from_file_location(PREFIX + name, file)
    if spec is None:
        raise PreconditionError(f"{file} is no Python module", hint="its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and relative imports look there
    try:
        with _searched(folder):
            exec(compile(source, str(file), "exec"), module.__dict__)  # noqa: S102 - the pipeline that is to be run
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        raise own_fault(str(file), "the module cannot be loaded", error) from error
    return PythonModule(module=module, file=str(file), sha256=sha256_hex(source), folder=folder)


def _installed(name: str, folder: Path) -> PythonModule:
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
            raise own_fault(name, "the module cannot be loaded", error) from error
        raise PreconditionError(
            f"there is no module '{name}': neither {name.replace('.', '/')}.py in {folder} nor an installed one",
            hint="put the file beside profile.yaml, or install the module in hilrig's own environment",
        ) from error
    except (Exception, SystemExit) as error:
        raise own_fault(name, "the module cannot be loaded", error) from error
    file = getattr(module, "__file__", None)
    digest = sha256_hex(Path(file).read_bytes()) if file else None
    return PythonModule(module=module, file=file or name, sha256=digest, folder=None)


def own_fault(file: str, what: str, error: BaseException) -> PreconditionError:
    """Return what the user's code raised, with the last line of its file on the way there.

    The whole traceback goes to stderr: to the terminal of a check, to the log of a run.
    """
    traceback.print_exception(error)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    line = error.lineno if isinstance(error, SyntaxError) else next(reversed(lines), None)
    where = f"{file}:{line}" if line else file
    return PreconditionError(
        f"{where}: {what}: {type(error).__name__}: {error}", hint="hilrig check prints the whole traceback"
    )


@contextmanager
def _searched(folder: Path | None) -> Iterator[None]:
    if folder is None:
        yield
        return
    entry = str(folder)
    sys.path.append(entry)
    try:
        yield
    finally:
        if entry in sys.path:  # the module may have tidied up itself
            sys.path.reverse()
            sys.path.remove(entry)  # the last one: an earlier one is not ours
            sys.path.reverse()
