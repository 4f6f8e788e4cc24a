"""What is computed from the frames for people to look at: budgets, distribution, shares, episodes, moments."""

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How many frames may break a limit, and how many did, over the measured part.

    Args:
        check_id: the limit's.
        n_measured: frames of the measured part.
        n_allowed: how many of them may break it and the limit still holds for what was observed.
        t_s: where each step ends, seconds after the start of the measured part; ascending.
        n_used: how many had broken it by then; never falls. The last is the total.
    """

    check_id: str
    n_measured: int
    n_allowed: int
    t_s: tuple[float, ...]
    n_used: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """The latency of all measured frames: a histogram and the curve of its percentiles.

    Args:
        edges_ms: edges of the bins, ascending, one more than there are bins; they span every decided frame.
        counts: decided frames in each bin; a bin holds its lower edge, the last one both.
        n_undecided: frames without a decision: infinite latency, in no bin.
        percentiles: in per cent, ascending, the last one 100; none finer than the number of frames allows.
        latency_ms: nearest rank at each of them, undecided frames included; None is infinite.
    """

    edges_ms: tuple[float, ...]
    counts: tuple[int, ...]
    n_undecided: int
    percentiles: tuple[float, ...]
    latency_ms: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageShare:
    """How much of the decided frames' latency a stage takes, of all of them and of the slowest 1 %.

    Args:
        stage: `feeder_lateness`, `queue`, `preprocess`, `infer`, `decide`, or `other` for what no stamp divides.
        mean_ms: mean over all decided frames.
        share_pct: `mean_ms` of their mean latency.
        slowest_mean_ms, slowest_share_pct: the same over the slowest 1 % of them.
        n_slowest: how many frames those are.
    """

    stage: str
    mean_ms: float
    share_pct: float
    slowest_mean_ms: float
    slowest_share_pct: float
    n_slowest: int


class EpisodeKind(str, Enum):
    """What an episode is."""

    HOST_STALL = "host_stall"  # nobody ran: stolen virtual CPU, firmware, suspend
    GARBAGE_COLLECTION = "garbage_collection"
    CO_RESIDENT = "co_resident"  # a known co-resident service was at work


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A stretch of the measured part that stands beside the frames on a chart.

    Args:
        kind: what it is.
        begin_s, end_s: seconds after the start of the measured part.
        text: what it is, for a person.
    """

    kind: EpisodeKind
    begin_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentReading:
    """What a channel read last before a moment.

    Args:
        key: the channel's.
        unit: of `value`.
        value: what it read.
        age_ms: how long before the moment.
    """

    key: str
    unit: str
    value: float
    age_ms: float
