"""What a run recorded as pandas tables: units in the columns' names; what is not known is NaN or NA, never 0."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hilrig.core.arrivals import schedule
from hilrig.core.decision import found_labels, labels_of_bits
from hilrig.core.drill import first_drill_frame
from hilrig.core.frame import FLAG_FAULT, FLAG_FRESH, FrameTable, Outcome, OutcomeReason, Truth
from hilrig.core.run import RunRecord
from hilrig.core.telemetry import Channel, Reason
from hilrig.core.units import NS_PER_MS, NS_PER_S

STAGES: Final = {
    "feeder_lateness_ms": ("t_intended_ns", "t_release_ns"),
    "queue_ms": ("t_release_ns", "t_dequeue_ns"),
    "preprocess_ms": ("t_dequeue_ns", "t_preprocessed_ns"),
    "infer_ms": ("t_preprocessed_ns", "t_inferred_ns"),
    "decide_ms": ("t_inferred_ns", "t_decided_ns"),
}
"""From which stamp to which a stage lasts."""

GOOD: Final = "(none)"
"""No label at all. A text of its own: an empty one is in a CSV file what is not known."""

UNNAMED: Final = "unknown"
"""An outcome or a reason that this version of hilrig has no name for."""


def start_ns(record: RunRecord) -> int:
    """Return when the measured part began, CLOCK_MONOTONIC: 0 s in every table, as in the report.

    A run that was cut short before its first measured frame has none: then when that frame was due, or else when
    the first frame was offered.
    """
    measured = record.frames[record.frames["frame_id"] >= record.plan.n_warmup_frames]
    if measured.size:
        return int(measured["t_intended_ns"][0])
    planned = [event.detail.get("t0_ns") for event in record.events if event.kind == "schedule"]
    if planned and isinstance(planned[0], int):
        return planned[0] + schedule(record.plan).offset_ns(record.plan.n_warmup_frames)
    return int(record.frames["t_intended_ns"][0]) if record.frames.size else 0


def frames_table(record: RunRecord) -> pd.DataFrame:
    """Return one row for each offered frame, warm-up (its `t_s` is below 0) and drill included.

    `found` and `truth` name labels, several with a comma between them, and are `(none)` for a good part; `found`
    is NA without a decision, `truth` where nobody knows.
    """
    frames = record.frames
    decided = frames["outcome"] == Outcome.DECIDED
    found, truth = _contents(record, decided)
    table: pd.DataFrame = pd.DataFrame(
        {
            "frame_id": frames["frame_id"],
            "t_s": (frames["t_intended_ns"] - start_ns(record)) / NS_PER_S,
            "is_warmup": frames["frame_id"] < record.plan.n_warmup_frames,
            "is_drill": frames["frame_id"] >= first_drill_frame(record.plan),
            "is_fresh": (frames["flags"] & FLAG_FRESH) != 0,
            "camera_id": frames["camera_id"],
            "outcome": _named(frames["outcome"], {int(one): one.name.lower() for one in Outcome}),
            "reason": _named(
                frames["reason"], {int(one): one.name.lower() for one in OutcomeReason if one}, none=0
            ),
            "latency_ms": np.where(decided, _lasted_ms(frames, "t_intended_ns", "t_decided_ns"), np.nan),
            **{name: _lasted_ms(frames, begin, end) for name, (begin, end) in STAGES.items()},
            "found": found,
            "truth": truth,
            "score": np.where(decided, frames["score"].astype(np.float64), np.nan),
        }
    )
    return table


def telemetry_table(record: RunRecord) -> pd.DataFrame:
    """Return one row for each moment at which something was read, one column for each channel: `name [unit]`.

    NaN: not read at that moment, or without a value; `readings_table` says why.
    """
    readings = record.readings
    t_ns, row = np.unique(readings["t_ns"], return_inverse=True)
    values = np.full((t_ns.size, len(record.capabilities)), np.nan)
    values[row, readings["channel"]] = np.where(readings["reason"] == 0, readings["value"], np.nan)
    index = pd.Index((t_ns - start_ns(record)) / NS_PER_S, name="t_s")
    table: pd.DataFrame = pd.DataFrame(
        values, index=index, columns=[column_of(one.channel) for one in record.capabilities]
    )
    return table


def readings_table(record: RunRecord) -> pd.DataFrame:
    """Return every reading: when, which channel, its value, or the reason why there is none."""
    readings, found = record.readings, record.capabilities
    table: pd.DataFrame = pd.DataFrame(
        {
            "t_s": (readings["t_ns"] - start_ns(record)) / NS_PER_S,
            "channel": _category(readings["channel"].astype(np.int64), [c.channel.key for c in found]),
            "unit": _repeated([one.channel.unit for one in found], readings["channel"]),
            "value": np.where(readings["reason"] == 0, readings["value"], np.nan),
            "reason": _named(readings["reason"], {int(one): one.name.lower() for one in Reason}, none=0),
        }
    )
    return table


def events_table(record: RunRecord) -> pd.DataFrame:
    """Return what happened: `detail` is a dict."""
    begin_ns = start_ns(record)
    rows = [((e.t_ns - begin_ns) / NS_PER_S, e.at_utc, e.kind, dict(e.detail)) for e in record.events]
    table: pd.DataFrame = pd.DataFrame(rows, columns=["t_s", "at_utc", "kind", "detail"])
    return table


def column_of(channel: Channel) -> str:
    """Return a channel's column: its key and its unit."""
    return f"{channel.key} [{channel.unit}]"


def _category(codes: NDArray[Any], names: Sequence[str]) -> Any:
    """Return a pandas Categorical: `names[code]`, NA for -1."""
    categories: Any = pd.Index(list(names))
    return pd.Categorical.from_codes(codes, categories)


def _lasted_ms(frames: FrameTable, begin: str, end: str) -> NDArray[np.float64]:
    """Return from stamp to stamp; NaN where one of them did not happen."""
    is_known = (frames[begin] != 0) & (frames[end] != 0)
    lasted_ms: NDArray[np.float64] = np.where(is_known, (frames[end] - frames[begin]) / NS_PER_MS, np.nan)
    return lasted_ms


def _named(codes: NDArray[Any], names: dict[int, str], *, none: int | None = None) -> Any:
    """Return numbers by name; `none` is NA."""
    place = np.full(256, len(names), np.int64)
    place[list(names)] = np.arange(len(names))
    if none is not None:
        place[none] = -1
    return _category(place[codes], [*names.values(), UNNAMED])


def _repeated(texts: Sequence[str], at: NDArray[Any]) -> Any:
    """Return `texts[at]` without copying a text."""
    distinct = list(dict.fromkeys(texts))
    places = np.array([distinct.index(text) for text in texts], np.int64)
    return _category(places[at], distinct)


def _contents(record: RunRecord, decided: NDArray[np.bool_]) -> tuple[Any, Any]:
    """Return what was found in each frame and what was really in it, both of the same categories."""
    labels, frames = record.plan.model.labels, record.frames
    bits = labels_of_bits(labels, record.plan.pipeline.decide.thresholds)
    masks, place_of_found = np.unique(frames["defects"], return_inverse=True)
    texts = [_joined(found_labels(mask, bits)) for mask in masks.tolist()]
    truths = [_truth_text(truth, labels) for truth in record.truths]
    categories = list(dict.fromkeys([*texts, *(text for text in truths if text is not None)]))
    found = np.array([categories.index(text) for text in texts], np.int64)[place_of_found]
    known = np.array([-1 if text is None else categories.index(text) for text in truths], np.int64)
    pool = frames["frame_id"] % max(1, known.size)
    truth = known[pool] if known.size else np.full(frames.size, -1)
    truth = np.where(frames["flags"] & FLAG_FAULT, -1, truth)  # what a broken camera shows is nobody's truth
    return (
        _category(np.where(decided, found, -1), categories),
        _category(truth, categories),
    )


def _truth_text(truth: Truth, labels: Sequence[str]) -> str | None:
    """Return labels in the order of the model's, as they stand in `found`; others come last."""
    if truth.labels is None:
        return None
    return _joined(
        [*(one for one in labels if one in truth.labels), *(one for one in truth.labels if one not in labels)]
    )


def _joined(labels: Sequence[str]) -> str:
    return ", ".join(labels) or GOOD
