"""What OpenSSH says when it fails, in one clear sentence with the next step."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from hilrig.core.errors import HilrigError, PreconditionError, RigLostError, TrustError
from hilrig.rig.ssh.options import ALIVE_COUNT, ALIVE_INTERVAL_S, SshOptions, key_path

SAID_MAX_CHARS: Final = 300
"""Of ssh's own words in a message: a rig may send any number."""

_FINGERPRINT: Final = re.compile(r"fingerprint for the (\S+) key sent by the remote host is\s+(SHA256:[\w+/]{43})")


class _Cause(NamedTuple):
    """One way to fail: what ssh says then (a pattern), the error, what was found, the next step."""

    said: str
    error: type[HilrigError]
    found: str
    hint: str


_CAUSES: Final = (
    _Cause(
        r"UNPROTECTED PRIVATE KEY FILE|bad permissions",
        PreconditionError,
        "the key file {key} may be read by others, so ssh does not use it",
        "chmod 600 {key}",
    ),
    _Cause(
        r"Load key .*: (error in libcrypto|invalid format)",
        PreconditionError,
        "the key file {key} is not a private key that ssh can read",
        "name the private key, not the .pub file; a new pair: ssh-keygen -t ed25519 -f {key}",
    ),
    _Cause(
        r"Too many authentication failures",
        RigLostError,
        "the rig hung up: this machine offered too many keys",
        "name the right one in the rig file: transport_options.key_file",
    ),
    _Cause(
        r"Permission denied",
        RigLostError,
        "the rig refuses {user} with {keys}",
        "put the public key into ~/.ssh/authorized_keys of that user on the rig; "
        "a key with a passphrase must be in ssh-agent",
    ),
    _Cause(
        r"Connection refused",
        RigLostError,
        "the machine answers, but no ssh server listens there",
        "start it on the rig (sudo systemctl start ssh), or correct the port in the rig file",
    ),
    _Cause(
        r"during banner exchange",
        RigLostError,
        "it takes the connection and then says nothing for {connect_s} s",
        "it may be booting, or hang: look at its screen, then try again",
    ),
    _Cause(
        r"[Tt]imed out",
        RigLostError,
        "nothing answers within {connect_s} s",
        "is it switched on and in this network? Try: ping {host}",
    ),
    _Cause(
        r"No route to host|Network is unreachable|Host is down",
        RigLostError,
        "there is no way to it from here",
        "is it switched on, are its cable and this machine's network or VPN all right? Try: ping {host}",
    ),
    _Cause(
        r"Could not resolve hostname",
        RigLostError,
        "this machine finds no address for the name {host}",
        "correct transport_options.host in the rig file, or write the address there",
    ),
    _Cause(
        r"kex_exchange_identification|invalid characters|Bad packet length|Broken pipe|(reset|closed) by",
        RigLostError,
        "it hangs up before a first command has run",
        "is it an ssh server, and not too busy? Try: ssh -v {host}",
    ),
    _Cause(
        r"Unable to negotiate",
        RigLostError,
        "its ssh server and the one here know no common method",
        "bring the older of the two up to date",
    ),
    _Cause(
        r"Bad configuration option|Can't open user config file|bad configuration options",
        PreconditionError,
        "the ssh configuration of this machine has a mistake",
        "try: ssh -G {host}",
    ),
)


def explain(
    stderr: str, *, name: str, options: SshOptions, folder: Path, accepted: Sequence[str] = ()
) -> HilrigError:
    """Return the error that ssh's last words stand for.

    Args:
        stderr: what ssh wrote before it ended; the rig may have a part in it.
        name: the rig's.
        options: how it was to be reached.
        folder: where the rig file lies.
        accepted: fingerprints of its host keys that were accepted.
    """
    rig = f"rig '{name}' at {options.address}"
    if (trust := _host_key_error(stderr, rig=rig, name=name, accepted=accepted)) is not None:
        return trust
    for cause in _CAUSES:
        if re.search(cause.said, stderr):
            fields = _fields(options, key_path(options, folder))
            return cause.error(
                f"{rig}: {cause.found.format(**fields)}{_quote(stderr)}", hint=cause.hint.format(**fields)
            )
    said = _quote(stderr) or " (ssh said nothing)"
    return RigLostError(f"{rig}: ssh ended{said}", hint=f"try: ssh -v {options.host}")


def silent(*, name: str, options: SshOptions) -> RigLostError:
    """Return the error of a rig that takes the login and then runs nothing in time."""
    return RigLostError(
        f"rig '{name}' at {options.address}: no command has run there within {options.connect_timeout_s:g} s",
        hint="it may be overloaded or out of memory: look at its screen; "
        "a slow rig: raise transport_options.connect_timeout_s",
    )


def broken(stderr: str, *, name: str, options: SshOptions) -> RigLostError:
    """Return the error of a line that stood and is gone; ssh says nothing when the rig just fell silent."""
    return RigLostError(
        f"rig '{name}' at {options.address}: the line broke, or was dead for {ALIVE_COUNT * ALIVE_INTERVAL_S} s"
        f"{_quote(stderr)}",
        hint=f"is the rig still on? Try: ping {options.host}",
    )


def _host_key_error(stderr: str, *, rig: str, name: str, accepted: Sequence[str]) -> TrustError | None:
    if "Host key verification failed" not in stderr:
        return None
    known = " or ".join(accepted)
    is_unknown = "host key is known for" in stderr
    if known and (is_unknown or "HOST IDENTIFICATION HAS CHANGED" in stderr):
        return TrustError(
            f"{rig} shows another host key than the one that was accepted: "
            f"found {_shown_key(stderr)}, accepted {known}",
            hint="ask whoever keeps the rig whether it was installed anew, or whether another machine has its "
            f"address; if the new key is right: hilrig rigs enroll {name} --replace",
        )
    if is_unknown:
        return TrustError(
            f"{rig}: nobody has accepted its host key yet, so it could be any machine",
            hint=f"compare and accept it: hilrig rigs enroll {name}",
        )
    return TrustError(
        f"{rig}: the host key of a machine on the way does not hold{_quote(stderr)}",
        hint="log in to that machine once by hand with ssh",
    )


def _shown_key(stderr: str) -> str:
    match = _FINGERPRINT.search(stderr)
    return f"{match[1]} {match[2]}" if match else "one of another kind"


def _fields(options: SshOptions, key: Path | None) -> dict[str, object]:
    return {
        "user": f"user {options.user}" if options.user else "your user name",
        "key": key or "that ssh took",
        "keys": f"the key {key}" if key else "the keys of ~/.ssh and ssh-agent",
        "host": options.host,
        "connect_s": options.connecting_s,
    }


def _quote(stderr: str) -> str:
    """Return ssh's last line in brackets; nothing in it may reach a terminal as a control sequence."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    if not lines:
        return ""
    last = lines[-1].removeprefix("ssh: ")[:SAID_MAX_CHARS]
    text = "".join(character for character in last if character.isprintable())
    return f" (ssh: {text})"
