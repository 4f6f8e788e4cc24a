"""A rig reached over ssh: one connection of the system's OpenSSH, shared by all commands."""

import os
import re
import select
import shlex
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from typing import IO, Any, Final

from hilrig.core.errors import HilrigError, PreconditionError, RigLostError
from hilrig.rig.argv import checked
from hilrig.rig.ssh.errors import broken, explain, silent
from hilrig.rig.ssh.host_keys import accepted_keys
from hilrig.rig.ssh.options import SshOptions, key_path, reaching, ssh_environment, ssh_program

READY: Final = r"hilrig '\\' is there"
"""The first command prints it. A shell outside the sh family makes something else of quotes and backslashes."""

FIRST_COMMAND: Final = shlex.join(["printf", "%s\\n", READY]) + "; exec cat"
"""A port that takes connections is not yet a rig that runs commands; `cat` then keeps the connection."""

SOCKET_FOLDER_MAX_CHARS: Final = 60
"""A socket's path may have 107 bytes, and ssh makes it under a longer name first."""

END_S: Final = 3.0
"""For a connection to end in order; then it is killed. ssh does it in milliseconds unless it is stopped."""

LINE_MAX_BYTES: Final = 4096
_PLAIN_PATH: Final = re.compile(r"/[\w./-]*")


class SshTransport:
    """Starts commands on a rig over one connection that is kept open.

    The connection is a process of its own which runs `cat` on the rig: it lives as long as its stdin is held here,
    so it does not outlive this process, however that ends. It takes as many commands at a time as the rig's
    `MaxSessions` says, less one; OpenSSH's own number is 10.

    Args:
        options: where the rig is.
        name: the rig's, for messages.
        folder: where the rig file lies.
    """

    Options = SshOptions

    def __init__(self, options: SshOptions, name: str, folder: Path) -> None:
        self._options, self._name, self._folder = options, name, folder
        self._connection: _Connection | None = None

    def open(self) -> Mapping[str, Any]:
        """Reach the rig: a first command has run there when this returns.

        Raises:
            RigLostError: nothing answers, or it refuses this user.
            TrustError: its host key is unknown, or not the one that was accepted.
            PreconditionError: no ssh here, no usable key file, or a login that a command cannot go through.
        """
        self.close()
        _refuse_missing_key(self._options, self._name, self._folder)
        self._connection = _Connection(self._options, self._folder)
        try:
            self._await_ready(self._connection)
            keys = accepted_keys(self._options, self._folder)
        except BaseException:
            self.close()
            raise
        return {"address": self._options.address, "host_keys": [key.fingerprint for key in keys]}

    def start(self, argv: Sequence[str]) -> "Popen[bytes]":
        """Start a command in the login's home; stdin, stdout and stderr are pipes.

        Raises:
            RigLostError: the connection is not open, or has broken.
            UsageError: an argument holds a NUL.
        """
        if self._connection is None:
            raise RigLostError(f"rig '{self._name}': the way to it is not open", hint="open it first")
        if not self._connection.is_alive():
            raise broken(self._connection.errors(), name=self._name, options=self._options)
        return self._connection.start(shlex.join(checked(argv)))

    def lost(self) -> str:
        """Return nothing: nobody takes away a rig that has only an address."""
        return ""

    def leave(self) -> None:
        """Close it: there is nothing else to hold."""
        self.close()

    def close(self) -> None:
        """End the connection; what runs on the rig goes on."""
        if self._connection is not None:
            self._connection.end()
            self._connection = None

    def _await_ready(self, connection: "_Connection") -> None:
        line = connection.first_line(self._options.connect_timeout_s)
        if line is None:
            raise silent(name=self._name, options=self._options)
        said = line.decode(errors="replace").rstrip("\r\n")
        if said == READY:
            return
        if not said and not connection.is_alive():
            raise self._failure(connection)
        raise PreconditionError(
            f"rig '{self._name}' at {self._options.address}: its login prints {said[:100]!r} "
            "where a command's own output begins",
            hint="its shell must be of the sh family (sh, bash, dash) and print nothing by itself: "
            "look into ~/.bashrc and ~/.profile there",
        )

    def _failure(self, connection: "_Connection") -> HilrigError:
        accepted = [f"{key.key_type} {key.fingerprint}" for key in accepted_keys(self._options, self._folder)]
        return explain(
            connection.errors(), name=self._name, options=self._options, folder=self._folder, accepted=accepted
        )


class _Connection:
    """The process that holds the connection, and the private folder with its socket."""

    def __init__(self, options: SshOptions, folder: Path) -> None:
        self._ssh = ssh_program("ssh")
        self._host = options.host
        self._private = _private_folder()
        self._socket = str(self._private / "s")
        self._log = self._private / "errors"
        own = ["-o", "ControlMaster=yes", "-S", self._socket, *reaching(options, folder)]
        with self._log.open("wb") as log:
            self._process = Popen(
                [self._ssh, *own, "-T", "--", options.host, FIRST_COMMAND],
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
                env=ssh_environment(),
                start_new_session=True,  # Ctrl-C in a terminal is hilrig's to handle
            )

    def start(self, command: str) -> "Popen[bytes]":
        """Start a command over the connection. Should it have just broken, `false` is the way to a new one."""
        own = ["-F", "none", "-S", self._socket, "-o", "ControlMaster=no", "-o", "ProxyCommand=false"]
        quiet = ["-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]
        return Popen(
            [self._ssh, *own, *quiet, "-T", "--", self._host, command],
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=ssh_environment(),
            start_new_session=True,
        )

    def first_line(self, timeout_s: float) -> bytes | None:
        """Return the first line that the rig prints, what there is of it when the line breaks, None if late."""
        deadline_s = time.monotonic() + timeout_s
        output, line, ready = _pipe(self._process.stdout).fileno(), b"", select.poll()
        ready.register(output, select.POLLIN)
        while not line.endswith(b"\n") and len(line) < LINE_MAX_BYTES:
            if not ready.poll(max(0.0, deadline_s - time.monotonic()) * 1e3):
                return None
            byte = os.read(output, 1)
            if not byte:
                with suppress(TimeoutExpired):
                    self._process.wait(END_S)
                break
            line += byte
        return line

    def is_alive(self) -> bool:
        """Return whether the connection stands, as far as ssh knows: a dead line is noticed after some seconds."""
        return self._process.poll() is None

    def errors(self) -> str:
        """Return what ssh wrote to stderr."""
        return self._log.read_text(errors="replace")

    def end(self) -> None:
        """End the process; return when it is gone."""
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                _pipe(pipe).close()
        self._process.terminate()
        try:
            self._process.wait(END_S)
        except TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._private, ignore_errors=True)


def _refuse_missing_key(options: SshOptions, name: str, folder: Path) -> None:
    """Refuse a private key that is not there: ssh would go on without it, and say something else."""
    path = key_path(options, folder)
    if path is None or os.access(path, os.R_OK):
        return
    found = "one that your user may not read" if path.exists() else "none"
    raise PreconditionError(
        f"rig '{name}': expected a private key at {path}, found {found}",
        hint=f"make a pair: ssh-keygen -t ed25519 -f {path}; {path}.pub goes into ~/.ssh/authorized_keys there",
    )


def _private_folder() -> Path:
    """Return a new folder for this user only; its path is short and holds nothing that ssh would replace."""
    run = os.environ.get("XDG_RUNTIME_DIR", "")
    is_fit = _PLAIN_PATH.fullmatch(run) and len(run) <= SOCKET_FOLDER_MAX_CHARS and os.access(run, os.W_OK)
    return Path(tempfile.mkdtemp(prefix="hilrig-", dir=run if is_fit else "/tmp"))  # noqa: S108 - mode 0700


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - asked for when it was started
    return pipe
