"""What the service tells of the model on trial, read strictly: what is not surely a number is no number."""

from dataclasses import dataclass
from typing import Final

from hilrig.attest.desired_state import GuardrailMetric

PCT: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowWindow:
    """The `shadow` of `GET /node/window`: a model beside the serving one, since it began."""

    release_sha256: str
    n: int
    n_failed: int
    n_disagreed: int
    p95_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceWindow:
    """`GET /node/window`: requests that the serving model got since it began, and how many went wrong."""

    release_sha256: str
    since_s: float
    n: int
    n_failed: int
    n_timeout: int
    n_non_finite: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    shadow: ShadowWindow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at a release on trial.

    Args:
        n: requests since it began; 0 when nothing was learned.
        values: by metric, what is known; a metric that is not in here was not told.
        absent: why nothing was learned; empty when something was.
    """

    n: int = 0
    values: dict[GuardrailMetric, float]
    absent: str = ""


def nothing_learned(why: str) -> Reading:
    """Return the reading of a look that gave nothing."""
    return Reading(values={}, absent=why)


def reading_in_service(window: ServiceWindow, release_sha256: str) -> Reading:
    """Return what a window tells of a release that should be serving."""
    if window.release_sha256 != release_sha256:
        return nothing_learned(f"the service runs {window.release_sha256[:12]}, not {release_sha256[:12]}")
    counts = {
        GuardrailMetric.ERROR_PCT: window.n_failed,
        GuardrailMetric.TIMEOUT_PCT: window.n_timeout,
        GuardrailMetric.NON_FINITE_PCT: window.n_non_finite,
    }
    times = {GuardrailMetric.P95_MS: window.p95_ms, GuardrailMetric.P99_MS: window.p99_ms}
    return _reading(window.n, counts, times)


def reading_in_shadow(window: ServiceWindow, release_sha256: str) -> Reading:
    """Return what a window tells of a release that should run in the shadow."""
    shadow = window.shadow
    if shadow is None or shadow.release_sha256 != release_sha256:
        return nothing_learned(f"the service has no {release_sha256[:12]} in the shadow")
    counts = {
        GuardrailMetric.ERROR_PCT: shadow.n_failed,
        GuardrailMetric.DISAGREEMENT_PCT: shadow.n_disagreed,
    }
    return _reading(shadow.n, counts, {GuardrailMetric.P95_MS: shadow.p95_ms})


def _reading(n: int, counts: dict[GuardrailMetric, int], times: dict[GuardrailMetric, float | None]) -> Reading:
    if n < 0 or any(not 0 <= count <= n for count in counts.values()):
        return nothing_learned(f"the service's counts contradict each other (n {n})")
    if any(value is not None and not value >= 0 for value in times.values()):
        return nothing_learned("the service told a time below zero")
    shares = {metric: PCT * count / n for metric, count in counts.items() if n}
    known = {metric: value for metric, value in times.items() if value is not None}
    return Reading(n=n, values=shares | known)
