"""The finished runs of a reports folder, one after another: what `hilrig list --html` shows."""

from dataclasses import dataclass

from hilrig.core.verdict import RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendRun:
    """The numbers of one finished run. Its signature was not checked.

    Args:
        name: of its folder.
        report: where its page lies as seen from the trend's page; empty for none.
        started_s: UTC seconds since 1970, of `started_at_utc`.
        sentence: of the verdict.
        p99_ms: of the limit on p99, else p99 with undecided frames as infinite; None with `p99_text` saying why.
        p99_lower_ms: one-sided 99 % lower bound of p99; None when there is none. `p99_upper_ms` alike.
        p99_limit_ms: None when the profile limits no p99.
        closest_check: the limit with the smallest margin, which is `closest_margin_pct` of the limit; negative
            beyond it. Empty and None when no limit has a margin.
        throttled_min: time with a throttling device; None with `throttled_text` saying why.
        n_dropped: dropped frames; None when not measured. `drop_pct` alike.
    """

    name: str
    report: str
    run_id: str
    started_at_utc: str
    started_s: float
    status: RunStatus
    sentence: str
    ended: str
    duration_min: float | None
    p99_ms: float | None
    p99_text: str
    p99_lower_ms: float | None
    p99_upper_ms: float | None
    p99_limit_ms: float | None
    closest_check: str
    closest_margin_pct: float | None
    throttled_min: float | None
    throttled_text: str
    n_dropped: int | None
    drop_pct: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendChange:
    """What was not the same any more in run `name` as in the run before it: `model a1b2... -> c3d4...`."""

    name: str
    started_s: float
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendGroup:
    """Runs of one profile on one device class, the newest last."""

    profile_name: str
    device_class: str
    runs: tuple[TrendRun, ...]
    changes: tuple[TrendChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableRun:
    """A finished run whose result cannot be read, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """All finished runs of a reports folder.

    Args:
        folder: as it was given.
        groups: by profile and device class, in the order of the alphabet.
        unreadable: runs that no number was taken from.
        n_unfinished: runs without a result, which stand nowhere else here.
    """

    folder: str
    groups: tuple[TrendGroup, ...]
    unreadable: tuple[UnreadableRun, ...]
    n_unfinished: int
