"""A companion: another service of the node beside the model, with limits of its own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSpec:
    """How a companion is asked whether it is well. Exactly one of `url` and `argv` is set.

    Args:
        url: `http://...`: well when it answers 2xx in time.
        argv: a command: well when it exits 0 in time.
        period_ms: from one probe to the next, on a fixed grid.
        timeout_ms: without an answer by then, the probe has failed.
    """

    url: str | None = None
    argv: tuple[str, ...] = ()
    period_ms: int = 200
    timeout_ms: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionSpec:
    """One companion of a profile.

    Args:
        name: in events, checks and the report.
        argv: the command that is started for the run and ended with it; empty: a service that is there already.
        probe: None for mere load that nobody asks.
        alone_s: how long it is measured without the model before the run.
    """

    name: str
    argv: tuple[str, ...] = ()
    probe: ProbeSpec | None = None
    alone_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeSeries:
    """Probes of one companion over one stretch, in the order in which they were due.

    Args:
        t_ns: when each was due, CLOCK_MONOTONIC, on a fixed grid.
        answer_us: from that moment to the answer, however late it was sent; -1 is a failed probe.
        late_us: how late it was sent by the fault of the prober, not of an answer that was still awaited.
    """

    t_ns: tuple[int, ...] = ()
    answer_us: tuple[int, ...] = ()
    late_us: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionRecord:
    """What became of one companion.

    Args:
        alone: its probes before the run, without the model.
        together: its probes from before the first frame to after the last one.
        exits: (t_ns, exit status) of every time its process ended before it was asked to; a status below 0 is
            the number of the signal that ended it.
        kept_until_ns: the last moment at which it was certainly watched; 0 when the model never ran beside it.
    """

    name: str
    alone: ProbeSeries
    together: ProbeSeries
    exits: tuple[tuple[int, int], ...] = ()
    kept_until_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionFinding:
    """What one companion's probes say: alone, and while frames were measured. Times are None when not known.

    Args:
        name: as in the profile.
        n_alone: probes without the model.
        n: probes while frames were measured.
        n_failed: how many of these had no answer.
        alone_p50_ms, alone_p99_ms: nearest rank of the answers without the model.
        p50_ms: of the answers beside the model, nearest rank.
        p99_ms: nearest rank, a failed probe counts as infinite: then it is None and `reason` says so.
        slowdown: p50 beside the model over p50 alone.
        exits: how often its process ended by itself; None for a service that hilrig did not start.
        sick_alone: what was wrong with it before the model ran, in words; empty: nothing.
        reason: why there is no number, in words; empty where there are all.
    """

    name: str
    n_alone: int
    n: int
    n_failed: int
    alone_p50_ms: float | None
    alone_p99_ms: float | None
    p50_ms: float | None
    p99_ms: float | None
    slowdown: float | None
    exits: int | None
    sick_alone: str = ""
    reason: str = ""
