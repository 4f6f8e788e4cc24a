"""The programs that a virtual rig needs on this machine.

What they say when they fail is passed on.
"""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from hilrig.core.errors import PreconditionError

TO_RUN: Final[Mapping[str, str]] = {
    "qemu-system-x86_64": "qemu-system-x86",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
"""Program to Debian package."""

TO_BUILD: Final[Mapping[str, str]] = {
    "busybox": "busybox-static",
    "cpio": "cpio",
    "depmod": "kmod",
    "mke2fs": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "modprobe": "kmod",
}
_PLACES: Final = "/usr/sbin:/sbin"
"""Where Debian keeps what only root runs; not on everybody's PATH."""

WORDS_MAX: Final = 1500


def find_program(name: str) -> str | None:
    """Return the path of a program, of those that only root runs too."""
    return shutil.which(name) or shutil.which(name, path=_PLACES)


def require_programs(packages: Mapping[str, str], *, purpose: str) -> None:
    """Let pass only when every program is here.

    Args:
        packages: program to Debian package.
        purpose: what they are for, to go behind `to`.

    Raises:
        PreconditionError: some are missing: all of them, with what to install.
    """
    missing = [program for program in packages if find_program(program) is None]
    if missing:
        install = sorted({packages[program] for program in missing})
        raise PreconditionError(
            f"to {purpose}, this machine lacks: {', '.join(missing)}", hint=f"sudo apt install {' '.join(install)}"
        )


def run_program(argv: Sequence[str], *, cwd: Path | None = None, source: bytes = b"") -> bytes:
    """Run a program of the build to its end; return what it printed.

    Raises:
        PreconditionError: it failed; its last words are in the message.
    """
    path = find_program(argv[0]) or argv[0]
    ended = subprocess.run([path, *argv[1:]], cwd=cwd, input=source, capture_output=True, check=False)
    if ended.returncode:
        words = (ended.stderr or ended.stdout).decode(errors="replace").strip()
        raise PreconditionError(
            f"{argv[0]} failed with exit code {ended.returncode}: {words[-WORDS_MAX:]}",
            hint="correct what it says, then start again: what is finished is kept",
        )
    return ended.stdout
