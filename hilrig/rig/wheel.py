"""The hilrig that runs, as a wheel: what a client sends to a rig, so that both ends are the same."""

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

import hilrig

_LEFT_OUT: Final = frozenset({"__pycache__", "bundled"})
"""Caches of this Python; the profile of `hilrig init`, which nobody makes on a rig."""

_FILE_MODE: Final = 0o644
_UNIX: Final = 3  # zip's name for the system whose modes these are
_OLDEST_DATE: Final = (1980, 1, 1, 0, 0, 0)  # zip knows none before
_WHEEL: Final = b"Wheel-Version: 1.0\nGenerator: hilrig\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel in memory: its file name, the sha256 of its bytes as hex digits, its bytes."""

    name: str
    sha256: str
    data: bytes


@cache
def own_wheel() -> Wheel:
    """Return the package as it is imported here, from a checkout or from an installed wheel.

    The same files give the same bytes on every machine: sorted, with one date and one mode, and not compressed,
    since what zlib makes depends on its version. So a rig gets each version once, whoever sends it.
    """
    contents = dict(_package(Path(hilrig.__file__).parent))
    info = f"hilrig-{hilrig.__version__}.dist-info"
    contents.update((f"{info}/{name}", data) for name, data in _metadata())
    contents[f"{info}/WHEEL"] = _WHEEL
    contents[f"{info}/RECORD"] = _record(contents, name=f"{info}/RECORD")
    data = _zipped(contents)
    name = f"hilrig-{hilrig.__version__}-py3-none-any.whl"
    return Wheel(name=name, sha256=hashlib.sha256(data).hexdigest(), data=data)


def _package(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.iterdir()):
        if path.name in _LEFT_OUT or path.name.startswith("."):
            continue
        if path.is_dir():
            yield from ((f"{folder.name}/{name}", data) for name, data in _package(path))
        elif path.is_file():
            yield f"{folder.name}/{path.name}", path.read_bytes()


def _metadata() -> Iterator[tuple[str, bytes]]:
    plain = f"Metadata-Version: 2.1\nName: hilrig\nVersion: {hilrig.__version__}\n"
    installed = _installed()
    if installed is None:
        yield "METADATA", plain.encode()
        return
    yield "METADATA", (installed.read_text("METADATA") or plain).encode()
    for name in installed.metadata.get_all("License-File") or []:
        yield f"licenses/{name}", (installed.read_text(f"licenses/{name}") or "").encode()


def _installed() -> Distribution | None:
    try:
        found = distribution("hilrig")
    except PackageNotFoundError:  # a checkout that was put on the path
        return None
    return found if found.version == hilrig.__version__ else None


def _record(contents: dict[str, bytes], *, name: str) -> bytes:
    """Return the RECORD of the binary distribution format: name, digest, size; it does not hash itself."""
    lines = [f"{path},sha256={_base64(data)},{len(data)}\n" for path, data in sorted(contents.items())]
    return "".join([*lines, f"{name},,\n"]).encode()


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _zipped(contents: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, _OLDEST_DATE)
            entry.create_system, entry.external_attr = _UNIX, _FILE_MODE << 16
            archive.writestr(entry, data)
    return file.getvalue()
