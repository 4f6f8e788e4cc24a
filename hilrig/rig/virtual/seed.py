"""What makes a virtual rig this one: name, host key, who may log in.

The keys are made on this side, so the host key is known before the first connection: nothing is trusted on first
use. The guest gets them as a tar archive that is its second disk.
"""

import io
import tarfile
from pathlib import Path
from typing import Final

from hilrig.rig.virtual.programs import run_program

USER: Final = "hilrig"
SEED: Final = "seed.tar"
CLIENT_KEY: Final = "id"
HOST_KEY: Final = "host_key"
KNOWN_HOSTS: Final = "known_hosts"
_READABLE: Final = 0o644
_PRIVATE: Final = 0o600


def make_seed(folder: Path, *, name: str) -> None:
    """Make both key pairs and the archive in a rig's folder.

    Raises:
        PreconditionError: ssh-keygen fails.
    """
    for key in (CLIENT_KEY, HOST_KEY):
        run_program(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / key)])
    with tarfile.open(folder / SEED, "w", format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, "etc/hostname", f"{name}\n".encode(), mode=_READABLE)
        _add(archive, "etc/hosts", f"127.0.0.1 localhost {name}\n".encode(), mode=_READABLE)
        _add(archive, "etc/ssh/ssh_host_ed25519_key", (folder / HOST_KEY).read_bytes(), mode=_PRIVATE)
        _add(archive, f"home/{USER}/.ssh/authorized_keys", _public(folder, CLIENT_KEY), mode=_READABLE)
    (folder / SEED).chmod(_PRIVATE)


def write_known_hosts(folder: Path, *, host: str, port: int) -> None:
    """Write the file that ssh holds the rig's host key against."""
    kind, key = _public(folder, HOST_KEY).decode("ascii").split()[:2]
    (folder / KNOWN_HOSTS).write_text(f"[{host}]:{port} {kind} {key}\n", encoding="ascii")


def _public(folder: Path, key: str) -> bytes:
    return (folder / f"{key}.pub").read_bytes()


def _add(archive: tarfile.TarFile, path: str, content: bytes, *, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
