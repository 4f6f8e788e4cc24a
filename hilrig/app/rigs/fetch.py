"""A run's files on their way home, believed only when they are what the rig's key signed.

They must also be what the rig listed.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hilrig.app.rigs.link import RigLink
from hilrig.app.rigs.upload import Meter, Progress
from hilrig.core import files
from hilrig.core.errors import HilrigError, PreconditionError, TrustError
from hilrig.core.units import bytes_to_mib
from hilrig.record.remote import REMOTE, RemoteRun
from hilrig.record.run_directory import sync_folder
from hilrig.rig.agent.layout import safe_relative, safe_sha256
from hilrig.rig.agent_call import Answer, nothing

INCOMING: Final = ".incoming"
"""The folder in a run directory in which files wait until all of them hold."""

FILES_MAX: Final = 10_000
SPARE_BYTES: Final = 64 << 20
"""What stays free on this disk."""

CHUNK_BYTES: Final = 1 << 20
MAX_SIGNED_BYTES: Final = 64 << 20
SMALL_BYTES: Final = 64 << 20
"""A file that a live view reads, such as plan.json, is smaller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """One file as the rig's manifest lists it."""

    path: str
    size: int
    sha256: str


def read_small(link: RigLink, run_id: str, names: Sequence[str]) -> dict[str, bytes]:
    """Return files of a run that goes on, for the views; they are fetched again, and checked, at its end.

    Raises:
        HilrigError: the rig refuses, or the line breaks.
    """
    found: dict[str, bytearray] = {}
    name = ""
    wanted = [{"path": one, "at": 0} for one in names]
    for answer in link.stream("send", {"run_id": run_id, "paths": wanted}, n_raw=_announced):
        if isinstance(answer, bytes):
            found[name] += answer
        elif answer.get("path") in names:
            name = str(answer["path"])
            _refuse_large(link, name, _announced(answer))
            found[name] = bytearray()
    return {one: bytes(data) for one, data in found.items()}


def fetch(
    link: RigLink,
    run_dir: Path,
    run_id: str,
    *,
    on_progress: Callable[[Progress], None],
    on_wait: Callable[[], None] = nothing,
) -> dict[str, str]:
    """Fetch every file of an ended run into `INCOMING`; return their digests by path.

    Whole files that are there from an earlier try are kept, a half one is gone on with.

    Raises:
        TrustError: the rig's list is none that a rig makes, or a file is not as listed: it stays as `.part`.
        PreconditionError: there is no room here.
        LinkBrokenError: the line broke; calling again goes on.
    """
    listed = _listed(link.call("manifest", {"run_id": run_id}, on_wait=on_wait), link.spec.name)
    incoming = run_dir / INCOMING
    incoming.mkdir(exist_ok=True)
    missing = [file for file in listed if not (incoming / file.path).is_file()]
    _refuse_small_disk(run_dir, sum(file.size for file in missing))
    _receive(link, run_id, incoming, missing, on_progress, on_wait)
    for file in listed:  # also those of an earlier try: nothing is believed because it lies here
        _require(incoming / file.path, file, link.spec.name)
    return {file.path: file.sha256 for file in listed}


def accept(run_dir: Path, digests: Mapping[str, str], remote: RemoteRun, key: Path) -> int:
    """Hold what was fetched against the rig's key; make it the run directory; return the verdict's exit code.

    Raises:
        TrustError: the signature is not of the key that was accepted for the rig, a file is not what was signed,
            or it is another run. Nothing is presented as finished.
    """
    from hilrig.attest.directory import SIGNED_FILES, check_directory
    from hilrig.attest.keys import load_public_keys

    incoming = run_dir / INCOMING
    contents = {
        name: (incoming / name).read_bytes()
        for name in SIGNED_FILES
        if name in digests and (incoming / name).stat().st_size <= MAX_SIGNED_BYTES
    }
    report = check_directory(digests, contents, load_public_keys([key]))
    result = report.result
    if not report.ok or result is None:
        sentence = report.findings[0].sentence if report.findings else "no signature holds"
        raise _not_as_signed(remote, sentence)
    expected = (remote.run_id, remote.profile_sha256, remote.rig.name)
    found = (result.run_id, result.profile_sha256, result.rig)
    if found != expected:
        raise _not_as_signed(remote, f"it is run {found[0]} on rig {found[2]}, not the one that was sent")
    _take_over(run_dir, incoming, digests)
    return result.exit_code


def _not_as_signed(remote: RemoteRun, sentence: str) -> TrustError:
    return TrustError(
        f"what came back from rig {remote.rig.name} is not what its key signed: {sentence}",
        hint="nothing of it counts; run again, and ask whoever keeps the rig",
    )


def _take_over(run_dir: Path, incoming: Path, digests: Mapping[str, str]) -> None:
    """Put the files in their places, result.json last, and remove what is not of the run."""
    for path in sorted(run_dir.rglob("*")):
        name = path.relative_to(run_dir).as_posix()
        if path.is_file() and not name.startswith(f"{INCOMING}/") and name not in {*digests, REMOTE}:
            path.unlink()
    for name in sorted(digests, key=lambda name: name == files.RESULT):
        (run_dir / name).parent.mkdir(parents=True, exist_ok=True)
        (incoming / name).replace(run_dir / name)
    sync_folder(run_dir)
    (run_dir / REMOTE).unlink()
    shutil.rmtree(incoming)


def _listed(answer: Answer, rig: str) -> list[ListedFile]:
    try:
        found = [_listed_file(item) for item in answer["files"]]
    except (HilrigError, LookupError, TypeError, ValueError) as error:
        raise TrustError(
            f"rig {rig} lists files as no rig does: {error}", hint="nothing was written here"
        ) from error
    names = [file.path for file in found]
    folded = {name.casefold() for name in names}
    if len(found) > FILES_MAX or len(folded) != len(names) or {REMOTE, INCOMING} & set(names):
        raise TrustError(
            f"rig {rig} lists {len(found)} files, more than {FILES_MAX}, one twice, or one that no run has",
            hint="nothing was written here",
        )
    return found


def _listed_file(item: Any) -> ListedFile:
    size = item["size"]
    if type(size) is not int or size < 0:
        raise ValueError(f"a size of {size!r:.50}")
    path = safe_relative(item["path"])
    if path.split("/")[0] == INCOMING:
        raise ValueError(f"a file in {INCOMING}")
    return ListedFile(path=path, size=size, sha256=safe_sha256(item["sha256"]))


def _receive(
    link: RigLink,
    run_id: str,
    incoming: Path,
    missing: Sequence[ListedFile],
    on_progress: Callable[[Progress], None],
    on_wait: Callable[[], None],
) -> None:
    if not missing:
        return
    offsets = [_part_size(incoming, file) for file in missing]
    wanted = [{"path": file.path, "at": at} for file, at in zip(missing, offsets, strict=True)]
    meter = Meter(sum(file.size for file in missing) - sum(offsets), on_progress)
    stream = link.stream("send", {"run_id": run_id, "paths": wanted}, n_raw=_announced, on_wait=on_wait)
    pieces = iter(stream)
    for file, at in zip(missing, offsets, strict=True):
        _expect_header(link, next(pieces, {}), file, at=at)
        _write_part(incoming, file, _exactly(pieces, file.size - at), meter)
    for _ in pieces:
        pass


def _exactly(pieces: Iterator[Answer | bytes], n_bytes: int) -> Iterator[bytes]:
    while n_bytes > 0:
        piece = next(pieces)
        assert isinstance(piece, bytes)  # noqa: S101 - as many raw bytes follow a header as it announced
        n_bytes -= len(piece)
        yield piece


def _expect_header(link: RigLink, answer: Answer | bytes, file: ListedFile, *, at: int) -> None:
    expected = {"path": file.path, "size": file.size, "at": at}
    found = {} if isinstance(answer, bytes) else {key: answer.get(key) for key in expected}
    if found != expected:
        raise TrustError(
            f"rig {link.spec.name} sends {found!r:.200} where {file.path} of {file.size} bytes was asked for",
            hint="nothing of it counts",
        )


def _write_part(incoming: Path, file: ListedFile, pieces: Iterator[bytes], meter: Meter) -> None:
    target = incoming / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _part(incoming, file)
    with part.open("ab") as opened:
        for piece in pieces:
            opened.write(piece)
            meter.add(len(piece))
        opened.flush()
        os.fsync(opened.fileno())
    if _sha256(part) == file.sha256:
        part.rename(target)


def _require(path: Path, file: ListedFile, rig: str) -> None:
    if path.is_file() and path.stat().st_size == file.size and _sha256(path) == file.sha256:
        return
    if path.is_file():
        path.rename(path.with_name(path.name + ".part"))
    raise TrustError(
        f"{file.path} from rig {rig} is not what the rig listed: it changed on its way",
        hint="nothing of it counts; hilrig watch fetches it again",
    )


def _part(incoming: Path, file: ListedFile) -> Path:
    return incoming / f"{file.path}.part"


def _part_size(incoming: Path, file: ListedFile) -> int:
    part = _part(incoming, file)
    size = part.stat().st_size if part.is_file() else 0
    if size < file.size:
        return size
    part.unlink(missing_ok=True)  # as long as the file or longer: it cannot be gone on with
    return 0


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _announced(answer: Answer) -> int:
    """Return how many raw bytes follow an answer of `send`."""
    size, at = answer.get("size"), answer.get("at")
    if type(size) is not int or type(at) is not int or not 0 <= at <= size:
        return 0
    return size - at


def _refuse_large(link: RigLink, name: str, n_bytes: int) -> None:
    if n_bytes > SMALL_BYTES:
        raise TrustError(f"rig {link.spec.name} sends a {name} of {bytes_to_mib(n_bytes):.0f} MiB")


def _refuse_small_disk(run_dir: Path, n_bytes: int) -> None:
    free = shutil.disk_usage(run_dir).free
    if n_bytes + SPARE_BYTES > free:
        raise PreconditionError(
            f"the run takes {bytes_to_mib(n_bytes):.0f} MiB, {run_dir} has {bytes_to_mib(free):.0f} MiB free",
            hint=f"make room, then: hilrig watch {run_dir}",
        )
