"""Commands as they may go to a rig."""

from collections.abc import Sequence

from hilrig.core.errors import UsageError


def checked(argv: Sequence[str]) -> list[str]:
    """Return the arguments of a command.

    Raises:
        UsageError: there is none, or one holds a NUL, where every system ends an argument.
    """
    if not argv:
        raise UsageError("a command for a rig is empty", hint="name a program")
    for argument in argv:
        if "\0" in argument:
            raise UsageError(f"an argument for a rig holds a NUL: {argument!r}", hint="take it out")
    return list(argv)
