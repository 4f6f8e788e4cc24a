"""The companions of a run: measured alone before it, kept beside it, their record written behind it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from hilrig.config.noun_json import from_json, to_json
from hilrig.core import files
from hilrig.core.clock import Clock
from hilrig.core.companion import CompanionRecord
from hilrig.core.ports import RecordWriter
from hilrig.core.run import RunPlan
from hilrig.faults.companion_journal import JOURNAL, read_journal
from hilrig.record.run_directory import write_atomic
from hilrig.record.untrusted_file import read_untrusted

EVENT: Final = "co_resident"
RECORD_BYTES_MAX: Final = 256 << 20
"""Sixteen companions asked fifty times a second for an hour, or one for a day."""


@contextmanager
def beside_companions(
    run_dir: Path, plan: RunPlan, *, profile_folder: Path, stop: Callable[[], bool]
) -> Iterator[None]:
    """Keep a plan's companions while the body runs, after they were measured alone; then write companions.json.

    Args:
        run_dir: where their record and their logs go.
        plan: says which they are; none of them, and this does nothing.
        profile_folder: where their commands start.
        stop: asked again and again while they are measured alone.

    Raises:
        PreconditionError: one does not start, is not well, or ended by itself before the model ran.
        RunAbortedError: stopped meanwhile.
        RigLostError: the process that keeps them was lost.
    """
    if not plan.companions:
        yield
        return
    from hilrig.faults.companion_keeper import KeeperSetup  # few runs have companions
    from hilrig.faults.companions import kept

    setup = KeeperSetup(
        run_id=plan.run_id,
        run_dir=str(run_dir),
        profile_folder=str(profile_folder),
        companions=plan.companions,
        real_time=plan.tuning.real_time,
    )
    with kept(setup) as companions:
        companions.measure_alone(stop)
        companions.go_together(stop)
        yield
    with suppress(OSError):  # on a full disk the journal stays, and is read in its place
        write_record(run_dir, plan)


def write_record(run_dir: Path, plan: RunPlan) -> None:
    """Write companions.json from the journal, which is needed no more.

    Raises:
        OSError: the disk is full: the journal stays, and is read in its place.
    """
    write_atomic(run_dir / files.COMPANIONS, to_json(read_journal(run_dir, plan.companions)))
    (run_dir / JOURNAL).unlink()


def read_companions(run_dir: Path, plan: RunPlan) -> tuple[CompanionRecord, ...]:
    """Return what became of a run's companions: of one that was killed, as far as its journal goes.

    Raises:
        RecordError: the file is none that hilrig writes.
    """
    data = read_untrusted(run_dir / files.COMPANIONS, max_bytes=RECORD_BYTES_MAX)
    if data is not None:
        return from_json(tuple[CompanionRecord, ...], data, what=str(run_dir / files.COMPANIONS))
    return read_journal(run_dir, plan.companions) if (run_dir / JOURNAL).is_file() else ()


def note_start(writer: RecordWriter, plan: RunPlan, *, clock: Clock) -> None:
    """Have the events say which companions are at work, so that slow frames can be attributed to them.

    Raises:
        OSError: the disk is full.
    """
    for companion in plan.companions:
        writer.event(EVENT, {"name": companion.name, "state": "start"}, clock.monotonic_ns())


def note_stop(writer: RecordWriter, run_dir: Path, plan: RunPlan, *, clock: Clock) -> None:
    """Have the events say until when each companion was at work: till its own end, or now.

    On a full disk nothing is said: a companion that never stopped is taken to have been at work to the end.
    """
    ended = {one.name: one.exits[0][0] for one in read_companions(run_dir, plan) if one.exits}
    with suppress(OSError):
        for companion in plan.companions:
            t_ns = ended.get(companion.name, clock.monotonic_ns())
            writer.event(EVENT, {"name": companion.name, "state": "stop"}, t_ns)
