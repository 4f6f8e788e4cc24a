"""Rows, channels and runs that the tests of the run directory share."""

from pathlib import Path

import numpy as np

from hilrig.core.clock import ManualClock
from hilrig.core.frame import FRAME_DTYPE, FrameTable, Outcome, OutcomeReason
from hilrig.core.telemetry import READING_DTYPE, Capability, Channel, ChannelKind, ReadingTable, Reason, Tier
from hilrig.record.run_directory import create
from hilrig.record.writer import RunWriter

PERIOD_NS = 33_333_333

CAPABILITIES = (
    Capability(
        channel=Channel(
            name="hw.temperature",
            unit="Cel",
            kind=ChannelKind.GAUGE,
            tier=Tier.SLOW,
            source="hwmon",
            attributes=(("hw.id", "coretemp/Core 0 µ"),),
        ),
        reason=None,
    ),
    Capability(
        channel=Channel(name="hw.energy", unit="J", kind=ChannelKind.COUNTER, tier=Tier.SLOW, source="rapl"),
        reason=Reason.NO_PERMISSION,
        detail="root only",
    ),
)


def frames_table(n_rows: int, *, first_id: int = 0) -> FrameTable:
    """Return frames of which every seventh was dropped."""
    table = np.zeros(n_rows, FRAME_DTYPE)
    ids = np.arange(first_id, first_id + n_rows)
    dropped = ids % 7 == 3
    table["frame_id"] = ids
    table["t_intended_ns"] = 1_000_000_000 + ids * PERIOD_NS
    table["t_release_ns"] = table["t_intended_ns"] + 1000
    table["outcome"] = np.where(dropped, Outcome.DROPPED, Outcome.DECIDED)
    table["reason"] = np.where(dropped, OutcomeReason.QUEUE_FULL, OutcomeReason.NONE)
    for offset, name in enumerate(("t_dequeue_ns", "t_preprocessed_ns", "t_inferred_ns", "t_decided_ns"), 2):
        table[name] = np.where(dropped, 0, table["t_intended_ns"] + 1_000_000 * offset)
    table["defects"] = np.where(dropped, 0, ids % 16)
    table["score"] = np.where(dropped, 0, (ids % 100) / 100)
    return table


def readings_table(n_rows: int) -> ReadingTable:
    """Return readings of the two channels in turn: values of the first, reasons of the second."""
    table = np.zeros(n_rows, READING_DTYPE)
    table["t_ns"] = 1_000_000_000 + np.arange(n_rows) * 50_000_000
    table["channel"] = np.arange(n_rows) % 2
    table["reason"] = np.where(table["channel"] == 1, Reason.NO_PERMISSION, 0)
    table["value"] = np.where(table["channel"] == 1, np.nan, 40 + np.arange(n_rows) % 10)
    table["tier"] = 1
    table["width_ns"] = 12_345
    return table


def new_run(reports: Path, run_id: str = "7f3a") -> Path:
    """Return the empty folder of a new run."""
    return create(reports, profile_name="weld-station", run_id=run_id, started_at_utc="2026-11-21T05:33:12Z")


def write_run(folder: Path, *, n_frames: int = 1000, n_readings: int = 100) -> None:
    """Write a run from its first event to the end of its journals."""
    writer = RunWriter(folder, clock=ManualClock(5))
    writer.event("run_created", {"boot_id": "b"}, 1)
    writer.channels(CAPABILITIES)
    for start in range(0, n_frames, 100):
        writer.frames(frames_table(min(100, n_frames - start), first_id=start))
    writer.readings(readings_table(n_readings))
    writer.status({"n_offered": n_frames, "phase": "measure"})
    writer.close()
