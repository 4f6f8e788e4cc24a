"""The arguments of a verb: one object from the other end of the link, believed in nothing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hilrig.core.errors import RigLostError, UsageError
from hilrig.rig.agent.layout import RunFolder, WorkFolder


def work_folder_of(arguments: Mapping[str, Any]) -> WorkFolder:
    """Return the work folder that a verb was given.

    Raises:
        UsageError: it is not an absolute path.
        RigLostError: it is not there: the rig was reached, but what was put on it is gone.
    """
    path = Path(text_of(arguments, "work_folder"))
    if not path.is_absolute():
        raise UsageError(f"the work folder should be an absolute path, found {str(path)!r}")
    if not path.is_dir():
        raise RigLostError(f"the work folder {path} is not there", hint="run the command again: it is made anew")
    return WorkFolder(path)


def run_of(arguments: Mapping[str, Any]) -> RunFolder:
    """Return the folder of the run that a verb was given; it is there.

    Raises:
        UsageError: an argument cannot be meant.
        RigLostError: there is no such run.
    """
    run = work_folder_of(arguments).run(text_of(arguments, "run_id"))
    if run.path.is_symlink() or not run.path.is_dir():
        raise RigLostError(
            f"run {run.run_id} is not on this rig", hint="it was fetched, given up or tidied away; start it again"
        )
    return run


def text_of(arguments: Mapping[str, Any], name: str) -> str:
    """Return the argument `name`, a text.

    Raises:
        UsageError: it is missing or something else.
    """
    value = arguments.get(name)
    if not isinstance(value, str):
        raise UsageError(f"the argument {name} should be a text, found {value!r:.100}")
    return value


def count_of(arguments: Mapping[str, Any], name: str) -> int:
    """Return the argument `name`, a natural number (a size, an offset).

    Raises:
        UsageError: it is missing or something else; `true` is no number.
    """
    value = arguments.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UsageError(f"the argument {name} should be a whole number from 0 on, found {value!r:.100}")
    return value


def objects_of(arguments: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the argument `name`, a list of objects.

    Raises:
        UsageError: it is missing or something else.
    """
    value = arguments.get(name)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise UsageError(f"the argument {name} should be a list of objects, found {value!r:.100}")
    return value
