"""A real sshd on loopback, with keys made for one test and a home of its own: a rig that is reached over ssh."""

import getpass
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from needed_programs import need

LOOPBACK = "127.0.0.1"
TRIES = 3  # a port that was free a moment ago may be taken when sshd asks for it
WAIT_S = 60.0  # until it listens, on a loaded machine


class Sshd:
    """One sshd and what belongs to it. Its sessions begin in `home`, which is their HOME as well.

    Args:
        folder: where its keys, settings and log are; a short life is assumed.
        host: the address that it listens on.
        shell: what takes the command line of a session; None: the account's own shell, in the account's home.
        login_text: what every session prints before its command, as a careless .bashrc does.
        before: what starts it, such as `ip netns exec NAME`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        host: str = LOOPBACK,
        shell: str | None = "/bin/sh",
        login_text: str = "",
        before: Sequence[str] = (),
    ) -> None:
        self.folder, self.host, self.user = folder, host, getpass.getuser()
        self.home = folder / "home"
        self.key_file, self.host_key = folder / "client_key", folder / "host_key"
        self.known_hosts, self.log = folder / "known_hosts", folder / "sshd.log"
        self.port = free_port() if host == LOOPBACK else 22
        self._program = _sshd_program()
        self._before = list(before)
        self._process: subprocess.Popen[bytes] | None = None
        self.home.mkdir(parents=True, exist_ok=True)
        make_key(self.key_file)
        make_key(self.host_key)
        shutil.copy(f"{self.key_file}.pub", folder / "authorized_keys")
        self._sessions: list[str] = []
        if shell is not None:
            script = _session_script(folder / "session", home=self.home, shell=shell, login_text=login_text)
            self._sessions = [
                f"SetEnv HOME={self.home} HILRIG_LOCK_FOLDER={self.folder / 'lock'}",
                f"ForceCommand {script}",
            ]
        self.trust()

    def options(self, **changed: Any) -> dict[str, Any]:
        """Return the `transport_options` that reach it: its own key, its host key known."""
        return {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "key_file": str(self.key_file),
            "known_hosts": str(self.known_hosts),
            **changed,
        }

    def start(self) -> None:
        """Start it; return when it listens."""
        settings = self._settings()
        for _ in range(TRIES):
            command = [*self._before, self._program, "-D", "-e", "-f", str(settings)]
            with self.log.open("wb") as log:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            if self._listens():
                return
            if self.host == LOOPBACK:
                self.port = free_port()
                settings = self._settings()
                self.trust()
        raise AssertionError(f"sshd does not start: {self.log.read_text(errors='replace')[-2000:]}")

    def stop(self) -> None:
        """End it and cut every connection; what sessions have started goes on, as on a rig whose link breaks."""
        if self._process is None:
            return
        self.cut()
        self._process.kill()
        self._process.wait()
        self._process = None

    def cut(self) -> None:
        """Cut every connection; new ones are taken."""
        for process in self._connections():
            _end(process)

    def change_host_key(self) -> None:
        """Give it another host key, as after a new installation; started anew if it runs."""
        was_on = self._process is not None
        self.stop()
        for path in (self.host_key, Path(f"{self.host_key}.pub")):
            path.unlink()
        make_key(self.host_key)
        if was_on:
            self.start()

    def trust(self) -> None:
        """Write its host key as it is now into `known_hosts`, as the only one."""
        name = self.host if self.port == 22 else f"[{self.host}]:{self.port}"
        key = " ".join(Path(f"{self.host_key}.pub").read_text().split()[:2])
        self.known_hosts.write_text(f"{name} {key}\n")

    def _settings(self) -> Path:
        lines = [
            f"ListenAddress {self.host}",
            f"Port {self.port}",
            f"HostKey {self.host_key}",
            f"AuthorizedKeysFile {self.folder / 'authorized_keys'}",
            *self._sessions,
            "AuthenticationMethods publickey",
            "PasswordAuthentication no",
            "PermitRootLogin prohibit-password",
            "StrictModes no",  # the folder of a test lies below /tmp, which everybody may write
            "UsePAM no",
            "PidFile none",
            "MaxStartups 200",
            "MaxSessions 50",
            "LogLevel VERBOSE",
        ]
        path = self.folder / "sshd_config"
        path.write_text("\n".join([*lines, "PerSourcePenalties no", ""]))
        if subprocess.run([self._program, "-t", "-f", path], capture_output=True, check=False).returncode != 0:
            path.write_text("\n".join([*lines, ""]))  # before 9.8 nobody was kept out for a while
        return path

    def _listens(self) -> bool:
        deadline_s = time.monotonic() + WAIT_S
        while time.monotonic() < deadline_s and self._process is not None and self._process.poll() is None:
            if f"Server listening on {self.host} port {self.port}" in self.log.read_text(errors="replace"):
                return True
            time.sleep(0.01)
        return False

    def _connections(self) -> list[psutil.Process]:
        assert self._process is not None
        below = psutil.Process(self._process.pid).children(recursive=True)
        return [process for process in below if _name(process).startswith("sshd")]


@contextmanager
def running_sshd(folder: Path, **how: Any) -> Iterator[Sshd]:
    """Start an sshd as a rig for a while; skip the test where there is none."""
    sshd = Sshd(folder, **how)
    sshd.start()
    try:
        yield sshd
    finally:
        sshd.stop()


@contextmanager
def silent_port() -> Iterator[int]:
    """Give a port that takes connections and never says a word, as a machine that hangs."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield listener.getsockname()[1]


def free_port() -> int:
    """Return a port of loopback that was free just now."""
    with socket.socket() as asked:
        asked.bind((LOOPBACK, 0))
        port: int = asked.getsockname()[1]
        return port


def make_key(path: Path, kind: str = "ed25519") -> None:
    """Make a key pair without a passphrase."""
    need("ssh-keygen")
    command = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "made for a test", "-f", str(path)]
    subprocess.run(command, check=True)


def _sshd_program() -> str:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    program = shutil.which("sshd", path=path)
    if program is None or shutil.which("ssh") is None or shutil.which("ssh-keygen") is None:
        pytest.skip("no sshd, ssh or ssh-keygen here: install openssh-server and openssh-client")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where a root sshd locks its other half in
    return program


def _session_script(path: Path, *, home: Path, shell: str, login_text: str) -> Path:
    lines = ["#!/bin/sh", f"cd {shlex.quote(str(home))}", f'exec {shell} -c "$SSH_ORIGINAL_COMMAND"']
    if login_text:
        lines.insert(1, f"printf '%s\\n' {shlex.quote(login_text)}")
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o755)
    return path


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


def _end(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()
