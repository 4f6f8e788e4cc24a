"""The error tree of hilrig.

    HilrigError
    ├── UsageError           2   arguments that cannot be meant
    │   └── ConfigError      2   a file with mistakes, each at file:line:column
    ├── RigBusyError        20   another run holds the rig
    ├── RigLostError        21   the rig or a process of the run went away
    ├── PreconditionError   22   this rig cannot do what the profile asks, or a needed file is unusable
    ├── RecordError         22   a run directory cannot be written or read
    ├── RunAbortedError     12   the operator ended it
    ├── TrustError          30   a signature, digest or key does not hold
    │   ├── RefusedError    10   the gate looked at this release and refused it, or took its decision back
    │   ├── NoDecisionError 31   the gate never decided on this model for this class
    │   ├── ExpiredError    32   a signed statement is over, or a newer one replaced it
    │   └── WrongClassError 33   it is for another device class, stack or node
    └── StoreError          40   a model store is not safe to serve from

Every message says what was expected, what was found and where; `hint` is the next command or step.
A failing check is a value (`hilrig.core.verdict`), never an exception. Only `hilrig.cli` prints or exits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from hilrig.core.exits import ExitCode


class HilrigError(Exception):
    """The root: a message for a person, a hint for the next step, an exit code for a caller."""

    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(HilrigError):
    """Arguments that cannot be meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in a file. Line and column count from 1; 0 means the file as a whole."""

    file: str
    line: int
    column: int
    code: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{where}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class ConfigError(UsageError):
    """A file with mistakes: all of them at once, in the order of the file."""

    def __init__(self, problems: Sequence[Problem], *, hint: str = "") -> None:
        super().__init__("\n".join(str(problem) for problem in problems), hint=hint)
        self.problems = tuple(problems)


class RigBusyError(HilrigError):
    """Another run holds the rig."""

    exit_code = ExitCode.RIG_BUSY


class RigLostError(HilrigError):
    """The rig, or a process of the run, went away."""

    exit_code = ExitCode.RIG_UNREACHABLE


class PreconditionError(HilrigError):
    """This rig cannot do what the profile asks; nothing was started."""

    exit_code = ExitCode.PRECONDITION


class RecordError(HilrigError):
    """A run directory cannot be written or read."""

    exit_code = ExitCode.PRECONDITION


def of_system(error: OSError) -> RecordError:
    """Return in words what the system refused, where nobody nearer could say what it means."""
    where = f"{error.filename}: " if error.filename is not None else ""
    return RecordError(
        f"{where}the system refused: {error.strerror or error}",
        hint="look at the disk (dmesg, df) and at who may read and write there, then again",
    )


class RunAbortedError(HilrigError):
    """The operator ended the run."""

    exit_code = ExitCode.ABORTED


class TrustError(HilrigError):
    """A signature, digest or key does not hold."""

    exit_code = ExitCode.TRUST


class UnknownKeyError(TrustError):
    """A signature names a key that is not among the trusted ones: nobody has checked it."""


class RefusedError(TrustError):
    """The gate looked at this release and refused it, or took its decision back."""

    exit_code = ExitCode.FAIL


class NoDecisionError(TrustError):
    """The gate never decided on this model for this device class, or refused it."""

    exit_code = ExitCode.NO_REPORT


class ExpiredError(TrustError):
    """A signed statement is over, or a newer one has taken its place."""

    exit_code = ExitCode.EXPIRED


class WrongClassError(TrustError):
    """A signed statement is for another device class, stack or node."""

    exit_code = ExitCode.WRONG_CLASS


class StoreError(HilrigError):
    """A model store is not safe to serve from, or refuses what was asked of it."""

    exit_code = ExitCode.STORE_UNSAFE
