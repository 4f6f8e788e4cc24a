"""A disk that takes nothing more, for one process: every write to a regular file fails there."""

import resource
from collections.abc import Callable
from contextlib import suppress


def fill_disk(pid: int) -> Callable[[], None]:
    """Let a process write no regular file any more (RLIMIT_FSIZE of 0); return what lets it again.

    Python ignores SIGXFSZ: a write fails with EFBIG, where a full disk would say ENOSPC. Both are an OSError.
    Pipes, sockets and mapped memory are no matter of this limit, nor is what other processes write.

    Raises:
        OSError: there is no such process, or it belongs to somebody else.
    """
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))

    def make_room() -> None:
        with suppress(ProcessLookupError):  # it died meanwhile, and its limit with it
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    return make_room
