"""A pipeline without a network: its process moves into an empty network namespace before it loads anything.

A call that leaves the machine fails or waits there, and shows up as failed frames or as latency. Loopback is there
and empty: nobody else's service answers on it.
"""

import ctypes
import fcntl
import os
import socket
import struct
from typing import Final

from hilrig.core.errors import PreconditionError

CLONE_NEWUSER: Final = 0x10000000  # linux/sched.h
CLONE_NEWNET: Final = 0x40000000
SIOCSIFFLAGS: Final = 0x8914  # linux/sockios.h
IFF_UP: Final = 1  # linux/if.h
IFREQ: Final = struct.Struct("16sh22x")  # struct ifreq: a name, then flags


def leave_network() -> None:
    """Move this process into an empty network namespace; for good.

    Threads that run already stay outside: call it before anything is loaded.

    Raises:
        PreconditionError: this user may not, or this kernel cannot.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(CLONE_NEWNET) and library.unshare(CLONE_NEWUSER | CLONE_NEWNET):
        words = os.strerror(ctypes.get_errno())
        raise PreconditionError(
            f"run.network: false needs an empty network namespace, which was refused: {words}",
            hint="run as root, allow user namespaces (sysctl user.max_user_namespaces), or leave the key out",
        )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, IFREQ.pack(b"lo", IFF_UP))


if __name__ == "__main__":
    leave_network()
