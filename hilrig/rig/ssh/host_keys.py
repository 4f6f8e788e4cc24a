"""The host keys of rigs: what a rig shows, what was accepted. Nothing is accepted but by a person's word."""

import base64
import binascii
import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hilrig.core.errors import PreconditionError, TrustError
from hilrig.rig.ssh.errors import explain, silent
from hilrig.rig.ssh.options import (
    SshOptions,
    known_hosts_path,
    reaching,
    ssh_environment,
    ssh_program,
    where,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKey:
    """A host key.

    Args:
        key_type: as ssh names it: `ssh-ed25519`.
        fingerprint: `SHA256:...`, as `ssh-keygen -lf` shows it on the rig.
        line: its line for a known_hosts file, without the line's end.
    """

    key_type: str
    fingerprint: str
    line: str


def offered_keys(options: SshOptions, name: str, folder: Path) -> tuple[HostKey, ...]:
    """Return the host key that the rig shows now, the one of the kind that ssh likes best; nobody logs in.

    ssh itself asks for it, so the rig has proved that it holds the key, and the way there (aliases, machines on
    the way) is that of a run.

    Raises:
        RigLostError: nothing answers.
        TrustError: a machine on the way does not show the key that it should.
        PreconditionError: there is no ssh on this machine.
    """
    with tempfile.TemporaryDirectory(prefix="hilrig-keys-") as empty:
        found = Path(empty, "known_hosts")
        first_come = ["-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={found}"]
        nobody = ["-o", "PreferredAuthentications=none", "-o", "HashKnownHosts=no"]
        said = _ask([*first_come, *nobody, *reaching(options, folder)], options, name)
        keys = tuple(_read(found.read_text().splitlines())) if found.exists() else ()
    if not keys:
        raise explain(said, name=name, options=options, folder=folder)
    return keys


def accepted_keys(options: SshOptions, folder: Path) -> tuple[HostKey, ...]:
    """Return the rig's host keys that were accepted; none while it has not been enrolled.

    Raises:
        PreconditionError: there is no ssh on this machine.
    """
    path = known_hosts_path(options, folder)
    if not path.exists():
        return ()
    command = [ssh_program("ssh-keygen"), "-F", known_name(options, folder), "-f", str(path)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return tuple(_read(done.stdout.splitlines()))


def accept(options: SshOptions, folder: Path, key: HostKey, *, replace: bool = False) -> None:
    """Write the key as one that the rig may show; the file is replaced whole, so it is never half written.

    Args:
        options: how the rig is reached.
        folder: where the rig file lies.
        key: one that a person has accepted.
        replace: whether older keys of the rig go.

    Raises:
        TrustError: the rig has another key already, and `replace` is not asked for.
        PreconditionError: the file cannot be written.
    """
    older = [old for old in accepted_keys(options, folder) if old.fingerprint != key.fingerprint]
    if older and not replace:
        raise TrustError(
            f"another host key of {options.host} was accepted before: {older[0].fingerprint}",
            hint="ask whoever keeps the rig whether it was installed anew; then enroll it again with --replace",
        )
    path = known_hosts_path(options, folder).resolve()  # a link to a lab's own file stays one
    try:
        _replace(path, key, without=known_name(options, folder))
    except OSError as error:
        raise PreconditionError(
            f"{path}: expected a file that can be written, found: {error.strerror}",
            hint=f"let your user write {path.parent}",
        ) from error


def known_name(options: SshOptions, folder: Path) -> str:
    """Return the name that ssh looks for in a known_hosts file: the alias, else the host, else `[host]:port`."""
    command = [ssh_program("ssh"), "-G", *where(options, folder), "--", options.host]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=ssh_environment()
    )
    if done.returncode != 0:
        raise explain(done.stderr, name=options.host, options=options, folder=folder)
    said = dict(line.split(" ", 1) for line in reversed(done.stdout.splitlines()) if " " in line)
    alias, host, port = said.get("hostkeyalias", "none"), said["hostname"], said["port"]
    if alias != "none":
        return alias
    return host if port == "22" else f"[{host}]:{port}"


def _ask(arguments: list[str], options: SshOptions, name: str) -> str:
    command = [ssh_program("ssh"), *arguments, "-T", "--", options.host, "true"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=ssh_environment(),
            timeout=options.connect_timeout_s,
            start_new_session=True,  # no terminal to ask on
        )
    except subprocess.TimeoutExpired:
        raise silent(name=name, options=options) from None
    return done.stderr.decode(errors="replace")


def _read(lines: Iterable[str]) -> Iterator[HostKey]:
    """Yield the keys of known_hosts lines; comments and lines with a marker (`@revoked`) are not host keys."""
    for line in lines:
        words = line.split()
        if len(words) < 3 or line[0] in "#@":  # noqa: PLR2004 - names, type, key
            continue
        try:
            blob = base64.b64decode(words[2], validate=True)
        except binascii.Error:
            continue
        digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
        yield HostKey(key_type=words[1], fingerprint=f"SHA256:{digest}", line=" ".join(words[:3]))


def _replace(path: Path, key: HostKey, *, without: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as beside:
        new = Path(beside, "known_hosts")
        new.write_bytes(path.read_bytes() if path.exists() else b"")
        command = [ssh_program("ssh-keygen"), "-R", without, "-f", str(new)]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        text = new.read_bytes()
        gap = b"" if text.endswith(b"\n") or not text else b"\n"
        new.write_bytes(text + gap + key.line.encode() + b"\n")
        new.chmod(0o600)
        _sync(new)
        new.replace(path)
        _sync(path.parent)


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
