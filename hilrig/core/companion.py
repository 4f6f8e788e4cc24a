"""A companion: another service of the node that runs beside the model, with a probe and limits of its own."""

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
    """Probes of one companion over one stretch: `t_ns` is CLOCK_MONOTONIC; -1 us is a failed probe."""

    t_ns: tuple[int, ...] = ()
    answer_us: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanionRecord:
    """What became of one companion.

    Args:
        alone: its probes before the run, without the model.
        together: its probes while the model ran.
        exits: (t_ns, exit status) of every time its process ended before it was asked to.
    """

    name: str
    alone: ProbeSeries
    together: ProbeSeries
    exits: tuple[tuple[int, int], ...] = ()
