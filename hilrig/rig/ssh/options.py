"""What a rig file says about a way over ssh, as the arguments that OpenSSH gets for it."""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from hilrig.core.errors import PreconditionError

SSH_ENVIRONMENT: Final = {"SSH_ASKPASS_REQUIRE": "never"}
"""Nobody is there to answer a question, not even in a window."""

ALIVE_INTERVAL_S: Final = 5
ALIVE_COUNT: Final = 3
"""A dead line is noticed after 15 to 20 s: a cable plugged in anew is in time, and a person waits no longer."""

CONNECT_SHARE: Final = 2 / 3
"""Of the time to reach a rig, for connecting; the rest is for the login and the first command."""

_UNSAFE: Final = re.compile(r"^-|[\s\x00-\x1f\x7f]")
PORT_MAX: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class SshOptions:
    """Where the rig is, as whom, and which host key it must have. Relative paths start at the rig file's folder.

    Args:
        host: name or address, or an alias of the ssh configuration.
        user: the login; empty: what the ssh configuration says, else yours.
        port: None: what the ssh configuration says, else 22.
        key_file: the private key; empty: the keys of the ssh configuration, of ~/.ssh or of the agent.
        known_hosts: the file with the host keys that were accepted; no other is looked at.
        host_key_alias: the name that the host key goes by in there, for a rig whose address changes.
        connect_timeout_s: until a first command has run on the rig.
        config_file: an ssh configuration in place of your own and the machine's, which count when it is empty.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    host: str
    user: str = ""
    port: int | None = None
    key_file: str = ""
    known_hosts: str = "known_hosts"
    host_key_alias: str = ""
    connect_timeout_s: float = 15.0
    config_file: str = ""

    def __post_init__(self) -> None:
        for name, value in (("host", self.host), ("user", self.user), ("host_key_alias", self.host_key_alias)):
            if _UNSAFE.search(value):  # ssh would take it for an option, or for two words
                raise ValueError(f"{name} may not begin with '-' or hold spaces or control characters: {value!r}")
        if not self.host:
            raise ValueError("host is empty")
        if not self.known_hosts:
            raise ValueError("known_hosts is empty: a rig whose host key is not checked can be anybody")
        if self.port is not None and not 1 <= self.port <= PORT_MAX:
            raise ValueError(f"port must be within 1 to {PORT_MAX}, found {self.port}")
        if not 1 <= self.connect_timeout_s <= 600:  # noqa: PLR2004 - ten minutes: a typing error beyond
            raise ValueError(f"connect_timeout_s must be within 1 to 600, found {self.connect_timeout_s}")
        for path in (self.key_file, self.known_hosts, self.config_file):
            if "${" in path or any(ord(character) < ord(" ") for character in path):  # ssh would put in a variable
                raise ValueError(f"a path may not hold '${{' or control characters: {path!r}")

    @property
    def connecting_s(self) -> int:
        """How long ssh may take to connect, in whole seconds as it wants them."""
        return max(1, int(self.connect_timeout_s * CONNECT_SHARE))

    @property
    def address(self) -> str:
        """The rig's address for a person."""
        user = f"{self.user}@" if self.user else ""
        return f"{user}{self.host}" + ("" if self.port is None else f" port {self.port}")


def known_hosts_path(options: SshOptions, folder: Path) -> Path:
    """Return the file with the accepted host keys; it need not be there."""
    return _path(options.known_hosts, folder)


def key_path(options: SshOptions, folder: Path) -> Path | None:
    """Return the private key's file, None where ssh chooses."""
    return _path(options.key_file, folder) if options.key_file else None


def where(options: SshOptions, folder: Path) -> list[str]:
    """Return the arguments that say where the rig is; the host is not among them."""
    arguments = ["-F", str(_path(options.config_file, folder))] if options.config_file else []
    if options.user:
        arguments += ["-l", options.user]
    if options.port is not None:
        arguments += ["-p", str(options.port)]
    if options.host_key_alias:
        arguments += _options({"HostKeyAlias": options.host_key_alias})
    return arguments


def reaching(options: SshOptions, folder: Path) -> list[str]:
    """Return the arguments of a new connection that trusts accepted host keys only and asks nobody anything."""
    own = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": _quoted(known_hosts_path(options, folder)),
        "GlobalKnownHostsFile": "/dev/null",
        "VerifyHostKeyDNS": "no",
        "UpdateHostKeys": "no",
        "CheckHostIP": "no",
        "ConnectTimeout": str(options.connecting_s),
        "ConnectionAttempts": "1",
        "ServerAliveInterval": str(ALIVE_INTERVAL_S),
        "ServerAliveCountMax": str(ALIVE_COUNT),
        "ControlPersist": "no",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "ClearAllForwardings": "yes",
        "PermitLocalCommand": "no",
        "RemoteCommand": "none",
        "RequestTTY": "no",
        "LogLevel": "ERROR",
    }
    arguments = _options(own) + where(options, folder)
    if (key := key_path(options, folder)) is not None:
        arguments += _options({"IdentityFile": _quoted(key), "IdentitiesOnly": "yes"})
    return arguments


def ssh_program(name: str) -> str:
    """Return the path of a program of OpenSSH.

    Raises:
        PreconditionError: it is not on this machine.
    """
    path = shutil.which(name)
    if path is None:
        raise PreconditionError(
            f"no program '{name}' on this machine: rigs are reached with OpenSSH",
            hint="install it here: sudo apt install openssh-client",
        )
    return path


def ssh_environment() -> dict[str, str]:
    """Return this process's environment, with what keeps ssh from asking somebody."""
    return {**os.environ, **SSH_ENVIRONMENT}


def _options(values: Mapping[str, str]) -> list[str]:
    return [word for name, value in values.items() for word in ("-o", f"{name}={value}")]


def _path(text: str, folder: Path) -> Path:
    return (folder / Path(text).expanduser()).absolute()


def _quoted(path: Path) -> str:
    """Return a path as ssh's own option values want it: it splits at spaces and puts in what follows a %."""
    text = str(path).replace("%", "%%").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
