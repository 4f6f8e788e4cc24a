"""When each measured frame's decision was in the PLC's registers, joined by the sequence that both sides know."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hilrig.core.actuation import FIRST_REQUEST
from hilrig.core.actuation_table import ActuationTable
from hilrig.core.metrics import METRICS
from hilrig.core.plc import SEQUENCE_MAX, PlcDecision
from hilrig.core.run import RunEvent, RunRecord
from hilrig.core.units import NS_PER_MS
from hilrig.core.verdict import Measurement
from hilrig.verdict.findings import Findings
from hilrig.verdict.measure import NO_FRAMES, percentile_ns, unmeasured
from hilrig.verdict.part import Part
from hilrig.verdict.percentile import ACTUATION_PERMILLE_OF
from hilrig.verdict.window import DEQUEUE, INTENDED, NEVER, Columns, Window

SPREAD: Final = {"p50": 500, "p95": 950, "p99": 990}
METRICS_AT_THE_PLC: Final = (*ACTUATION_PERMILLE_OF, "failsafe_pct")
NO_ACTUATION: Final = "hilrig did not stand in for the PLC in this run"
NO_FILE: Final = "what arrived at the PLC is missing from the record"
NO_NUMBERS: Final = "the record does not say which sequence the first frame had"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Actuated:
    """What became of the measured frames at the PLC.

    Args:
        latency_ns: from when a frame was due until its decision was received; NEVER where it was not, where the
            fail-safe output came in its place, or where the frame had no decision.
        is_failsafe: frames for which the PLC was first given the fail-safe output.
        is_contradicting: frames for which it was given another decision than the one that hilrig was answered.
        rows: what was written during the measured part.
    """

    latency_ns: NDArray[np.int64]
    is_failsafe: NDArray[np.bool_]
    is_contradicting: NDArray[np.bool_]
    rows: ActuationTable

    @property
    def n(self) -> int:
        """Return the number of measured frames."""
        return int(self.latency_ns.size)

    def part(self, like: Part) -> Part:
        """Return the frames of another part with the time to the PLC in place of that to the decision."""
        latency_ns = self.latency_ns[self.n - like.n :]
        ordered_ns = np.sort(latency_ns)
        return Part(
            words=like.words,
            latency_ns=latency_ns,
            sorted_latency_ns=ordered_ns,
            n_decided=int(np.searchsorted(ordered_ns, NEVER)),
            n_final=like.n_final,
        )


def join_actuations(record: RunRecord, window: Window) -> Actuated | str:
    """Return the frames joined with the writes; in words why that cannot be done."""
    if record.plan.actuation is None:
        return NO_ACTUATION
    if record.actuations is None:
        return NO_FILE
    first = first_request(record.events)
    if first is None:
        return NO_NUMBERS
    rows = record.actuations
    sequence, is_asked = sequences(window.all, first)
    begin = int(np.searchsorted(window.all.frame_id, window.measured.frame_id[0])) if window.n else 0
    measured = slice(begin, begin + window.n)
    row = _first_rows(rows, sequence[measured], window.measured.stamps_ns[DEQUEUE])
    found = is_asked[measured] & (row >= 0)
    decision = np.where(found, rows["decision"][row] if rows.size else 0, PlcDecision.NONE)
    expected = np.where(window.measured.defects > 0, PlcDecision.DEFECTIVE, PlcDecision.GOOD)
    is_decided = window.measured.is_decided
    arrived = is_decided & (decision == expected)
    t_ns = rows["t_ns"][row] if rows.size else np.zeros(window.n, np.int64)
    is_told = (decision == PlcDecision.GOOD) | (decision == PlcDecision.DEFECTIVE)
    return Actuated(
        latency_ns=np.where(arrived, t_ns - window.measured.stamps_ns[INTENDED], NEVER),
        is_failsafe=decision == PlcDecision.FAIL_SAFE,
        is_contradicting=is_decided & is_told & (decision != expected),
        rows=rows[(rows["t_ns"] >= window.start_ns) & (rows["t_ns"] < window.end_ns)],
    )


def first_request(events: tuple[RunEvent, ...]) -> int | None:
    """Return the number that the target gave the first frame of the run; None where it did not say."""
    for event in events:
        if event.kind == "child_ready" and event.detail.get("role") == "worker":
            facts = event.detail.get("facts", {})
            number = facts.get("target", {}).get(FIRST_REQUEST)
            return number if isinstance(number, int) and number >= 0 else None
    return None


def sequences(frames: Columns, first: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the sequence of each frame, and which frames have one: those that the target took from the queue."""
    is_asked: NDArray[np.bool_] = frames.stamps_ns[DEQUEUE] > 0
    return (first % (SEQUENCE_MAX + 1) + np.cumsum(is_asked) - 1) & SEQUENCE_MAX, is_asked


def _first_rows(
    rows: ActuationTable, sequence: NDArray[np.int64], after_ns: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return for each frame the index of the first row with its sequence that came after it was taken; or -1.

    A row from before is what an earlier run left in the registers.
    """
    n = sequence.size
    keys = np.concatenate([sequence, rows["sequence"].astype(np.int64)])
    times = np.concatenate([after_ns, rows["t_ns"]])
    is_row = np.arange(keys.size) >= n
    order = np.lexsort((is_row, times, keys))
    at = np.where(is_row[order], np.arange(keys.size), keys.size)
    following = np.minimum.accumulate(at[::-1])[::-1]  # in this order, where the next row stands
    found = np.full(n, -1, np.int64)
    for_frame = ~is_row[order] & (following < keys.size)
    frame, row = order[for_frame], order[following[for_frame]]
    matching = keys[frame] == keys[row]
    found[frame[matching]] = row[matching] - n
    return found


def with_actuation(findings: Findings, actuated: Actuated | str) -> Findings:
    """Return the findings with what the PLC was told; unchanged where nothing asks for it."""
    limits = {limit.metric for limit in findings.window.plan.limits}
    if isinstance(actuated, str):
        blanks = (unmeasured(name, METRICS[name].unit, actuated) for name in METRICS_AT_THE_PLC if name in limits)
        return replace(findings, measurements=(*findings.measurements, *blanks))
    return replace(
        findings,
        measurements=(*findings.measurements, *_measurements(actuated)),
        actuated=actuated.part(findings.whole),
        actuated_steady=None if findings.steady is None else actuated.part(findings.steady),
    )


def _measurements(actuated: Actuated) -> Iterator[Measurement]:
    yield from _spread(actuated)
    yield _share("failsafe_pct", actuated)
    counts = {
        "actuations_contradicting": int(np.count_nonzero(actuated.is_contradicting)),
        "actuations_arrived": int(np.count_nonzero(actuated.latency_ns != NEVER)),
    }
    for metric, count in counts.items():
        yield Measurement(metric=metric, unit="frames", value=float(count), n=actuated.n)


def _spread(actuated: Actuated) -> Iterator[Measurement]:
    """Yield percentiles of the decisions that arrived, and the longest time between two writes."""
    arrived_ns = actuated.latency_ns[actuated.latency_ns != NEVER]
    for name, permille in {**SPREAD, "max": 1000}.items():
        yield _lasting(f"actuation_{name}_ms", arrived_ns, permille, why_none="no decision arrived at the PLC")
    yield _lasting("actuation_silence_max_ms", actuated.rows["silence_ns"], 1000, why_none="nothing was written")


def _lasting(metric: str, values_ns: NDArray[np.int64], permille: int, *, why_none: str) -> Measurement:
    if not values_ns.size:
        return unmeasured(metric, "ms", why_none)
    value_ms = percentile_ns(values_ns, permille) / NS_PER_MS
    return Measurement(metric=metric, unit="ms", value=value_ms, n=int(values_ns.size))


def _share(metric: str, actuated: Actuated) -> Measurement:
    if not actuated.n:
        return unmeasured(metric, "%", NO_FRAMES)
    count = int(np.count_nonzero(actuated.is_failsafe))
    return Measurement(metric=metric, unit="%", value=100 * count / actuated.n, n=actuated.n)
