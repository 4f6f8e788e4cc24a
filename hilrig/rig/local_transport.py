"""The machine that one sits at, reached as if it were a rig elsewhere."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, ClassVar

from hilrig.core.errors import RigLostError
from hilrig.rig.argv import checked


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalOptions:
    """Where commands begin.

    Args:
        home: their home and working folder; None: yours. Relative paths start at the rig file's folder.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    home: str | None = None


class LocalTransport:
    """Starts commands on this machine, as this user."""

    Options = LocalOptions

    def __init__(self, options: LocalOptions, name: str, folder: Path) -> None:
        self._home = Path.home() if options.home is None else (folder / Path(options.home).expanduser()).absolute()
        self._name = name
        self._is_open = False

    def open(self) -> Mapping[str, Any]:
        """Return that the rig is this machine.

        Raises:
            RigLostError: the home is not there, as a disk that is not mounted.
        """
        if not self._home.is_dir():
            raise RigLostError(
                f"rig '{self._name}': expected a folder {self._home}, found none",
                hint="mount the disk, or make the folder, or correct transport_options.home in the rig file",
            )
        self._is_open = True
        return {"address": "this machine", "home": str(self._home)}

    def start(self, argv: Sequence[str]) -> "Popen[bytes]":
        """Start a command in the home; stdin, stdout and stderr are pipes.

        It has a session of its own, so that Ctrl-C in a terminal does not end it before hilrig knows.

        Raises:
            RigLostError: the transport is not open.
            UsageError: an argument holds a NUL.
        """
        if not self._is_open:
            raise RigLostError(f"rig '{self._name}': the way to it is not open", hint="open it first")
        command = ["/bin/sh", "-c", 'exec "$@"', "sh", *checked(argv)]  # 127 for no such program, as over ssh
        return Popen(
            command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=self._home,
            env={**os.environ, "HOME": str(self._home), "PWD": str(self._home)},
            start_new_session=True,
        )

    def lost(self) -> str:
        """Return nothing: this machine is always ours."""
        return ""

    def leave(self) -> None:
        """Close it: there is nothing else to hold."""
        self.close()

    def close(self) -> None:
        """Take no more commands; those that run go on."""
        self._is_open = False
