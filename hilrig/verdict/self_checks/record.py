"""Self-checks of the record: every frame accounted for, every stamp possible."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.frame import Outcome
from hilrig.core.run import Ended, Pacing, RunEvent
from hilrig.core.verdict import SelfCheck
from hilrig.verdict.self_checks.self_check import stated
from hilrig.verdict.window import DECIDED, DEQUEUE, INTENDED, RELEASE, STAMPS, Columns, Window, grid_ns
from hilrig.verdict.wording import counted, listed

KEEP_AND_REPORT: Final = "Do not use this run; keep its directory and report it as a fault of hilrig or its disk."


def check_record(window: Window, events: tuple[RunEvent, ...]) -> tuple[SelfCheck, ...]:
    """Return conservation and stamps, both over all recorded frames, warm-up included."""
    return (_conserved(window, events), _stamps(window, events))


def _conserved(window: Window, events: tuple[RunEvent, ...]) -> SelfCheck:
    frames = window.all
    n_of = np.bincount(frames.outcome, minlength=len(Outcome)).tolist()
    counts = (
        f"{frames.n} offered, {n_of[Outcome.DECIDED]} decided, "
        f"{n_of[Outcome.DROPPED]} dropped, {n_of[Outcome.FAILED]} failed"
    )
    faults = [*_shortfall(window), *_wrong_ids(frames), *_no_outcome(frames), *_lost(events)]
    return stated(
        "records.conserved",
        ok=not faults,
        observed=counts,
        limit="offered = decided + dropped + failed, every planned frame recorded once",
        holds=f"Every frame is accounted for: {counts}.",
        broken=f"Not every frame is accounted for: {listed(faults, at_most=3)} ({counts}).",
        advice=KEEP_AND_REPORT,
    )


def _shortfall(window: Window) -> list[str]:
    planned = window.plan.n_frames
    if window.all.n == planned or (window.ended is not Ended.COMPLETED and window.all.n < planned):
        return []
    return [f"{window.all.n} of {counted(planned, 'planned frame')} recorded"]


def _wrong_ids(frames: Columns) -> list[str]:
    wrong = np.flatnonzero(frames.frame_id != np.arange(frames.n))
    if not wrong.size:
        return []
    position = int(wrong[0])
    return [f"frame {position} is missing: frame {int(frames.frame_id[position])} is recorded in its place"]


def _no_outcome(frames: Columns) -> list[str]:
    known = (Outcome.DECIDED, Outcome.DROPPED, Outcome.FAILED)
    n_unknown = frames.n - sum(int(np.count_nonzero(frames.outcome == outcome)) for outcome in known)
    return [f"{counted(n_unknown, 'frame')} without an outcome"] if n_unknown else []


def _lost(events: tuple[RunEvent, ...]) -> list[str]:
    n_lost = sum(int(event.detail.get("n_lost_records") or 0) for event in events if event.kind == "run_ended")
    return [f"{counted(n_lost, 'record')} lost on the way to the disk"] if n_lost else []


def _stamps(window: Window, events: tuple[RunEvent, ...]) -> SelfCheck:
    frames = window.all
    wrong = _out_of_order(window)
    faults = [f"stamps of {counted(int(np.count_nonzero(wrong)), 'frame')} run backwards or are missing"]
    faults = faults if wrong.any() else []
    faults += _off_grid(window, events)
    observed = listed(faults, at_most=2) if faults else f"{counted(frames.n, 'frame')} in order"
    return stated(
        "records.stamps",
        ok=not faults,
        observed=observed,
        limit="due <= released <= ... <= decided, due exactly on the camera's grid",
        holds=f"The stamps of all {counted(frames.n, 'frame')} are in order.",
        broken=f"The record's stamps cannot be true: {observed}.",
        advice=KEEP_AND_REPORT,
    )


def _out_of_order(window: Window) -> NDArray[np.bool_]:
    """Return the frames whose stages did not happen one after the other, or that were decided without a stage.

    A target that brings its own preprocess shows no stages between dequeue and decision: there 0 is no fault.
    """
    stamps_ns = window.all.stamps_ns
    missing = stamps_ns == 0
    latest_ns = np.maximum.accumulate(stamps_ns, axis=0)
    backwards = ((stamps_ns < latest_ns) & ~missing).any(axis=0)
    shows_stages = window.plan.pipeline.preprocess is not None
    needed = list(range(len(STAMPS))) if shows_stages else [INTENDED, RELEASE, DEQUEUE, DECIDED]
    out: NDArray[np.bool_] = backwards | (window.all.is_decided & missing[needed].any(axis=0))
    return out


def _off_grid(window: Window, events: tuple[RunEvent, ...]) -> list[str]:
    if window.plan.pacing is Pacing.UNPACED:
        return []
    starts_ns = [event.detail.get("t0_ns") for event in events if event.kind == "schedule"]
    if len(starts_ns) != 1 or not isinstance(starts_ns[0], int):
        return ["the record does not say when the camera's grid started"]
    off = window.all.stamps_ns[INTENDED] != starts_ns[0] + grid_ns(window.plan, window.all.frame_id)
    n_off = int(np.count_nonzero(off))
    return [f"{counted(n_off, 'frame')} due off the camera's grid"] if n_off else []
