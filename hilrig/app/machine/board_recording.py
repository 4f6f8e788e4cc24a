"""A board's answers in one file, to be played back elsewhere.

They are what its /proc and /sys hold, and ten seconds of its telemetry.

    recording.json   what it is, which files failed and how, which were cut
    samples.jsonl    every channel with what it answered, then a line for each round of readings
    root/...         the files, at their places, with the links between them

One machine's real answers, so that hilrig can be tested against that machine anywhere.
"""

import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO, Final

from hilrig import __version__
from hilrig.app.folders import lease_folder
from hilrig.app.machine.board_files import BoardTree, read_tree
from hilrig.app.machine.board_paths import BARE_PATHS, BOARD_PATHS, WRITTEN_PATHS
from hilrig.app.machine.board_privacy import Privacy
from hilrig.core.clock import Clock, SystemClock
from hilrig.core.errors import PreconditionError, UsageError
from hilrig.core.telemetry import Capability, Reading, Reason, Tier
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.rig import machine
from hilrig.rig.device_class import device_classes
from hilrig.rig.dpkg import STATUS_FILE, dpkg_versions
from hilrig.rig.lease import RigLease
from hilrig.sampler.combined import CombinedSampler
from hilrig.sampler.probe import open_samplers

FORMAT: Final = "hilrig.board/1"
INFO: Final = "recording.json"
SAMPLES: Final = "samples.jsonl"
TREE: Final = "root"

PERIOD_MS: Final = 100  # the fast period of a run
SECONDS: Final = 10  # over more than one window of every averaging sensor
_ROUNDS_PER_SLOW: Final = 10
_NOTE: Final = "The answers of one real machine at one time. Identifiers are removed, nothing else is changed."
_LIBRARIES: Final = ("cuda-cudart-", "libnvinfer", "libcudnn", "nvidia-l4t-", "nvidia-jetpack")

Show = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What was written: the file, how many files and readings are in it, its size."""

    path: str
    device_classes: tuple[str, ...]
    n_files: int
    n_readings: int
    n_bytes: int


def record_board(
    path: Path,
    *,
    show: Show,
    root: Path = Path("/"),
    pid: int | None = None,
    seconds: float = SECONDS,
    clock: Clock | None = None,
) -> Recorded:
    """Write a recording of this machine to a new file; changes nothing else.

    Args:
        path: the file, a gzipped tar archive.
        show: gets the status now and then.
        root: where `proc`, `sys` and `etc` are.
        pid: the process that stands for a target; this one when None.
        seconds: how long telemetry is recorded.
        clock: paces the readings.

    Raises:
        UsageError: the file exists.
        PreconditionError: it can't be written.
        RigBusyError: a run holds the rig; its telemetry is not that of a board by itself.
    """
    process, time = pid or os.getpid(), clock or SystemClock()
    privacy = Privacy(root, process)
    with RigLease(lease_folder(), run_id="recording"), _new_file(path) as file:
        tree = _read_board(root, process, privacy)
        n_rounds = round(seconds * NS_PER_S / (PERIOD_MS * NS_PER_MS))
        lines = list(_samples(root, process, n_rounds=n_rounds, clock=time, show=show))
        info = _info(root, process, tree, time)
        _write(file, tree, {INFO: _pretty(info), SAMPLES: privacy.text(b"".join(map(_line, lines)))})
        n_bytes = file.tell()
    return Recorded(
        path=str(path),
        device_classes=device_classes(root),
        n_files=len(tree.files),
        n_readings=sum(len(line.get("readings", ())) for line in lines),
        n_bytes=n_bytes,
    )


def _read_board(root: Path, pid: int, privacy: Privacy) -> BoardTree:
    def named(patterns: Sequence[str]) -> list[str]:
        return [p.replace("PID", str(pid)).replace("CGROUP/", f"{privacy.cgroup}/".lstrip("/")) for p in patterns]

    tree = read_tree(root, named(BOARD_PATHS), written=named(WRITTEN_PATHS))
    tree.files = {privacy.path(name): privacy.content(name, data) for name, data in tree.files.items()}
    tree.failures = {privacy.path(name): failure for name, failure in tree.failures.items()}
    tree.left_out = list(map(privacy.path, tree.left_out))
    tree.links = {name: target for name, target in tree.links.items() if name not in tree.files}
    tree.files |= {name: b"" for name in BARE_PATHS if (root / name).exists()}
    libraries = {name: v for name, v in dpkg_versions(root).items() if name.startswith(_LIBRARIES)}
    if libraries:
        tree.files[STATUS_FILE] = "".join(map(_paragraph, libraries, libraries.values())).encode()
    return tree


def _paragraph(name: str, version: str) -> str:
    return f"Package: {name}\nStatus: install ok installed\nVersion: {version}\n\n"


def _samples(root: Path, pid: int, *, n_rounds: int, clock: Clock, show: Show) -> Iterator[dict[str, Any]]:
    """Yield a line per channel, then one per round: the rounds of a run, with all channels at both ends."""
    sampler = CombinedSampler(open_samplers(root, pid))
    try:
        yield from map(_channel, sampler.probe())
        start_ns = clock.monotonic_ns()
        for number in range(n_rounds + 1):
            clock.sleep_until(start_ns + number * PERIOD_MS * NS_PER_MS)
            t_s = (clock.monotonic_ns() - start_ns) / NS_PER_S
            show(
                {
                    "phase": "recording what this board answers",
                    "elapsed_s": t_s,
                    "total_s": n_rounds * PERIOD_MS / 1000,
                }
            )
            for tier in _tiers(number, n_rounds):
                yield {"t_s": t_s, "tier": tier.value, "readings": list(map(_reading, sampler.read(tier)))}
    finally:
        sampler.close()


def _tiers(number: int, n_rounds: int) -> tuple[Tier, ...]:
    if number in {0, n_rounds}:
        return (Tier.EDGE,)
    return (Tier.FAST, Tier.SLOW) if number % _ROUNDS_PER_SLOW == 0 else (Tier.FAST,)


def _channel(capability: Capability) -> dict[str, Any]:
    return {
        "channel": asdict(capability.channel),
        "reason": _reason_name(capability.reason),
        "detail": capability.detail,
    }


def _reading(reading: Reading) -> list[Any]:
    return [reading.channel, reading.value, _reason_name(reading.reason)]


def _reason_name(reason: Reason | None) -> str | None:
    return None if reason is None else reason.name


def _info(root: Path, pid: int, tree: BoardTree, clock: Clock) -> dict[str, Any]:
    moment = datetime.fromtimestamp(clock.triple().realtime_ns / NS_PER_S, timezone.utc)
    return {
        "format": FORMAT,
        "hilrig": __version__,
        "date_utc": moment.date().isoformat(),
        "kernel": machine.kernel(root),
        "device_classes": device_classes(root),
        "pid": pid,
        "period_ms": PERIOD_MS,
        "note": _NOTE,
        "failures": {name: asdict(failure) for name, failure in tree.failures.items()},
        "cut": tree.cut,
        "left_out": tree.left_out,
    }


def _pretty(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode() + b"\n"


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, allow_nan=False).encode() + b"\n"


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file that takes the place of `path` when all is written; the name is taken at once."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.touch(exist_ok=False)
    except FileExistsError as error:
        raise UsageError(f"{path} exists", hint="choose a new name for the recording") from error
    except OSError as error:
        raise PreconditionError(f"{path}: {error.strerror}", hint="choose a folder that you may write") from error
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        path.unlink()
        raise


def _write(file: BinaryIO, tree: BoardTree, documents: Mapping[str, bytes]) -> None:
    """Write the archive: equal content gives equal bytes."""
    inside = {f"{TREE}/{name}": data for name, data in tree.files.items()}
    links = {f"{TREE}/{name}": target for name, target in tree.links.items()}
    with (
        gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, data in sorted((dict(documents) | inside).items()):
            archive.addfile(_member(name, size=len(data)), io.BytesIO(data))
        for name, target in sorted(links.items()):
            archive.addfile(_member(name, link=target))


def _member(name: str, *, size: int = 0, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    if link:
        member.type, member.linkname = tarfile.SYMTYPE, link
    return member
