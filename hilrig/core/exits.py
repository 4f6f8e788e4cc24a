"""Exit codes of the command line: an interface that CI jobs build on."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process's exit status tells its caller.

    1 is left to Python's own crash: an ImportError before `main` also exits with 1, so it can't mean FAIL.
    """

    OK = 0  # PASS, or the command did what it says
    USAGE = 2  # a mistake in arguments or in a configuration file
    FAIL = 10
    INCONCLUSIVE = 11
    ABORTED = 12  # by the operator
    RIG_BUSY = 20
    RIG_UNREACHABLE = 21
    PRECONDITION = 22  # this rig cannot do what the profile asks
    TRUST = 30  # a signature, digest or key does not hold
    NO_REPORT = 31
    EXPIRED = 32
    WRONG_CLASS = 33
    APPROVAL_MISSING = 34
    STORE_UNSAFE = 40
