"""Scenario `disk`: a disk that fills up, a disk that dies, at any moment of a run."""

import errno
from pathlib import Path
from random import Random
from typing import Any, Final

from chaos.afterwards import all_ended, next_run_works, nothing_lies_about, runs_hold
from chaos.live import STATION, draw_moment, wait_for_moment, write_small
from chaos.place import Place, Running
from chaos.round import Round, Scenario
from chaos.shimmed import Shim

DISKS: Final = ("reports", "reports", "reports", "home", "tmp")
KINDS: Final = ("full", "full", "nearly_full", "EIO", "EIO_sometimes", "ENOSPC")
SIZE_MIB: Final = 96
SOMETIMES: Final = 7
PIECE: Final = 1 << 14


def draw(rng: Random) -> dict[str, Any]:
    """Choose the disk, what happens to it, when, and what is left of it."""
    return {
        "disk": rng.choice(DISKS),
        "kind": rng.choice(KINDS),
        "left_kib": rng.choice((0, 0, 16, 64, 256, 1024)),
        "mended": rng.random() < 0.3,
        **draw_moment(rng),
    }


def act(round_: Round) -> None:
    """Start a run on a small disk, break the disk, wait for the end, mend the disk, look at what is left."""
    place, drawn = round_.place, round_.drawn
    write_small(place.folder / STATION)
    disk = {"reports": place.reports, "home": place.home, "tmp": place.tmp}[drawn["disk"]]
    shim = None if round_.base.shim is None else Shim(round_.base.shim, place.folder / "told", disk)
    if drawn["kind"] in {"full", "nearly_full"} and not _small(place, disk):
        round_.tell("this machine lets nobody mount: nothing done")
        return
    running = place.start("run", STATION, **(shim.environment if shim else {}))
    moment = wait_for_moment(place, running, drawn["phase"], drawn["delay_ms"])
    round_.tell(f"{drawn['disk']}: {drawn['kind']}, {drawn['left_kib']} KiB left, in {moment.found}")
    _break(round_, running, disk, shim)
    round_.heard(running.ended())
    all_ended(round_)
    _mend(disk, shim)
    runs_hold(round_)
    if drawn["next_run"]:
        next_run_works(round_, STATION)
    nothing_lies_about(round_)


def _small(place: Place, disk: Path) -> bool:
    """Put a small disk in the place of a folder, with what was in it."""
    kept = {path.relative_to(disk): path.read_bytes() for path in disk.rglob("*") if path.is_file()}
    if not place.mount(disk, "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "none"):
        return False
    for name, data in kept.items():
        (disk / name).parent.mkdir(parents=True, exist_ok=True)
        (disk / name).write_bytes(data)
        (disk / name).chmod(0o600)
    return True


def _break(round_: Round, running: Running, disk: Path, shim: Shim | None) -> None:
    kind = round_.drawn["kind"]
    if kind in {"full", "nearly_full"}:
        _fill(disk, left_bytes=round_.drawn["left_kib"] << 10 if kind == "nearly_full" else 0)
    elif shim is not None:
        number = errno.ENOSPC if kind == "ENOSPC" else errno.EIO
        shim.break_disk(number, every=SOMETIMES if kind == "EIO_sometimes" else 1)
    if round_.drawn["mended"]:
        round_.place.until(lambda: running.process.poll() is not None, 1.0)
        _mend(disk, shim)
        round_.tell("the disk is mended")


def _fill(disk: Path, *, left_bytes: int) -> None:
    """Write until nothing more fits, then give so much back."""
    written = 0
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                written += file.write(b"\0" * PIECE)
        except OSError:
            file.truncate(max(0, written - left_bytes))


def _mend(disk: Path, shim: Shim | None) -> None:
    if shim is not None:
        shim.break_disk(0, every=1)
    (disk / "filler").unlink(missing_ok=True)


DISK = Scenario(name="disk", draw=draw, act=act, weight=4)
