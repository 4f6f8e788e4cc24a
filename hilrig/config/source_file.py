"""Reading one configuration file that a person has named."""

from collections.abc import Sequence
from pathlib import Path

from hilrig.config.key_tree import nearest
from hilrig.config.yaml_text import SIZE_MAX_BYTES
from hilrig.core.errors import ConfigError, Problem


def read_bytes(path: Path) -> bytes:
    """Return the file's bytes, at most one more than the largest size that is accepted.

    Raises:
        ConfigError: it can't be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(SIZE_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError([whole_file_problem(path, "unreadable", f"can't be read: {error.strerror}")]) from error


def not_found(path: Path, *, what: str, known: Sequence[str]) -> ConfigError:
    """Return the refusal of a path that leads to no file, with the names that stand beside it."""
    hint = nearest(path.name, list(known)) if known else f"there is no {what} beside it either"
    return ConfigError([whole_file_problem(path, "not_found", f"no such {what}", hint)])


def whole_file_problem(path: Path, code: str, message: str, hint: str = "") -> Problem:
    """Return a problem with a file as a whole."""
    return Problem(file=str(path), line=0, column=0, code=code, message=message, hint=hint)
