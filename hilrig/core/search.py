"""What a search over many runs finds: the capacity of a rig, the difference between two pipelines."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from hilrig.core.exits import ExitCode
from hilrig.core.verdict import RunStatus

CAPACITY_SCHEMA: Final = "hilrig.capacity/1"
CAPACITY_JSON: Final = "capacity.json"
CAPACITY_HTML: Final = "capacity.html"
COMPARISON_SCHEMA: Final = "hilrig.comparison/1"
COMPARISON_JSON: Final = "compare.json"
COMPARISON_HTML: Final = "compare.html"
RUNS: Final = "runs"
"""The folder in a search's folder that holds its run directories."""


class SearchEnd(str, Enum):
    """How a search came to its end."""

    COMPLETED = "completed"
    ABORTED = "aborted"  # by the operator: what was found until then is kept
    FAILED = "failed"  # a run could not be started or judged


class ProbePurpose(str, Enum):
    """Why a rate was tried."""

    BRACKET = "bracket"  # find one rate that is sustained and one that is not
    BISECT = "bisect"  # narrow the gap between them
    CONFIRM = "confirm"  # a second, longer run at the rate that was found


class ProbeOutcome(str, Enum):
    """What a probe says of its rate."""

    SUSTAINED = "sustained"
    NOT_SUSTAINED = "not sustained"  # a limit of the profile fails
    UNFIT = "unfit"  # a limit fails that no lower rate could meet
    UNDECIDED = "undecided"  # neither: the evidence or the machine was not good enough
    INSTRUMENT = "instrument"  # hilrig itself could not keep up: nothing is said of the model


class SearchLimit(str, Enum):
    """What keeps a found rate from being higher."""

    PROFILE = "profile"  # a limit of the profile fails at the next higher rate
    INSTRUMENT = "instrument"
    UNDECIDED = "undecided"
    CEILING = "ceiling"  # the highest frame rate that hilrig offers


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One run at one rate.

    Args:
        attempt: 2 for the longer repetition of a probe that could not decide.
        duration_s: measured part, as asked for.
        status: the run's own verdict, which also counts that it is shorter than the profile asks.
        p50_ms: latency percentiles of the decided frames; None without any.
        drop_pct: share of frames that found no place in the queue; None when not measured.
        run_dir: its run directory, below the search's folder.
        reason: what the outcome rests on, for a person.
    """

    purpose: ProbePurpose
    attempt: int
    frame_rate_fps: float
    duration_s: float
    outcome: ProbeOutcome
    status: RunStatus
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    drop_pct: float | None
    n_frames: int
    run_dir: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The highest frame rate that a rig sustains within a profile's limits.

    Args:
        latency_limits_ms: the profile's limits on latency percentiles, by metric.
        resolution_pct: how near the found rate is to one that was not sustained.
        found_fps: passed twice, in independent runs; None when no rate was.
        best_fps: the highest rate that passed once; None when none did.
        limited_by: why the rate is not higher; None while the search was not completed.
        limited_at_fps: the lowest rate at which that was seen; None when nothing was in the way.
    """

    schema: str
    search_id: str
    hilrig_version: str
    started_at_utc: str
    ended_at_utc: str
    ended: SearchEnd
    ended_reason: str
    profile_name: str
    profile_sha256: str
    rig: str
    device_class: str
    model_bundle_sha256: str
    profile_rate_fps: float
    latency_limits_ms: Mapping[str, float]
    resolution_pct: float
    found_fps: float | None
    best_fps: float | None
    limited_by: SearchLimit | None
    limited_at_fps: float | None
    probes: tuple[Probe, ...]
    sentence: str
    exit_code: ExitCode


class Side(str, Enum):
    """Whose block it is."""

    CHAMPION = "A"
    CHALLENGER = "B"


class MarginUnit(str, Enum):
    """What a margin is counted in."""

    PCT = "%"  # of the median of the champion's p99
    MS = "ms"


class ComparisonVerdict(str, Enum):
    """Whether the challenger is as fast as the champion, but for the margin."""

    NON_INFERIOR = "NON_INFERIOR"
    INFERIOR = "INFERIOR"
    INCONCLUSIVE = "INCONCLUSIVE"

    @property
    def exit_code(self) -> ExitCode:
        """Return the exit code that `hilrig compare` ends with."""
        return {
            ComparisonVerdict.NON_INFERIOR: ExitCode.OK,
            ComparisonVerdict.INFERIOR: ExitCode.FAIL,
            ComparisonVerdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """By how much the challenger's p99 may be higher: a number of `unit`."""

    value: float
    unit: MarginUnit

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One of the two pipelines."""

    profile_name: str
    profile_sha256: str
    model_bundle_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One run of one side.

    Args:
        status: the run's own verdict, which also counts that it is shorter than the profile asks.
        p50_ms: of the decided frames; None without any.
        p99_ms: with every frame without a decision counted as infinitely late; None when infinite or not measured.
        is_infinite: whether p99 is infinite.
        run_dir: its run directory, below the comparison's folder.
        fault: why it cannot be used; empty when it can.
    """

    side: Side
    status: RunStatus
    p50_ms: float | None
    p99_ms: float | None
    is_infinite: bool
    n_frames: int
    run_dir: str
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two neighbouring blocks, one of each side.

    Args:
        first: which side ran first.
        is_repeat: whether it stands in for a pair that was dropped.
        difference_ms: p99 of the challenger less that of the champion; None when infinite or dropped.
        difference_text: the same as every view prints it.
        dropped: why the pair does not count; empty when it does.
    """

    first: Side
    is_repeat: bool
    champion: Block
    challenger: Block
    difference_ms: float | None
    difference_pct: float | None
    difference_text: str
    dropped: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A number that may be infinite, or not exist at all: `value_ms` is None in both cases."""

    value_ms: float | None
    is_infinite: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Whether a challenger is as fast as a champion, from neighbouring blocks on one rig.

    Args:
        margin_ms: the margin in milliseconds; None when it cannot be known.
        estimate: the typical difference of p99, challenger less champion.
        lower: one-sided 99 % lower bound of that difference.
        upper: one-sided 99 % upper bound.
        n_pairs: pairs that count.
        pairs_needed: about how many more would decide; None when decided, or when nobody can tell.
    """

    schema: str
    search_id: str
    hilrig_version: str
    started_at_utc: str
    ended_at_utc: str
    ended: SearchEnd
    ended_reason: str
    rig: str
    device_class: str
    champion: Contender
    challenger: Contender
    frame_rate_fps: float
    block_duration_s: float
    margin: Margin
    margin_ms: float | None
    estimate: Bound
    lower: Bound
    upper: Bound
    n_pairs: int
    pairs_needed: int | None
    pairs: tuple[Pair, ...]
    verdict: ComparisonVerdict
    sentence: str
    exit_code: ExitCode
