"""Whether a release on trial has proven itself. Pure: readings in, a judgement out.

No data is never success. Argo Rollouts ended an analysis as "Successful" in which every measurement had errored
(argo-rollouts #4479); Flagger went on with a canary whose traffic had stopped (flagger #1011). Here a guardrail is
kept only by a number that was read, over enough requests, and is still being read at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from math import isfinite, nan

from hilrig.attest.desired_state import Guardrail
from hilrig.node.agent.window import Reading


class Standing(str, Enum):
    """Where a trial stands."""

    HOLD = "hold"  # neither proven good nor bad
    PROVEN = "proven"
    BROKEN = "broken"  # proven bad, or it can no longer be proven good


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Where a trial stands, and why: one sentence with the values."""

    standing: Standing
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A trial in progress: what is known after some readings. Build it with `begin`, go on with `after`.

    Args:
        guardrails: what the release must keep, all of it.
        deadline_ns: end of the window on the monotonic clock.
        n_missing: by guardrail: readings that told nothing new of it.
        n_missing_in_row: the same since the last one that did.
        last: the last reading that told something; None before the first.
        last_absent: why the last reading told nothing; empty when it did.
    """

    guardrails: tuple[Guardrail, ...]
    deadline_ns: int
    n_missing: tuple[int, ...]
    n_missing_in_row: tuple[int, ...]
    last: Reading | None = None
    last_absent: str = "nothing was read yet"

    def after(self, reading: Reading) -> "Trial":
        """Return the trial with one more reading: one without a new request in it counts as missing."""
        absent = reading.absent or self._stale(reading)
        missing = [bool(absent) or not isfinite(reading.values.get(rail.metric, nan)) for rail in self.guardrails]
        return replace(
            self,
            n_missing=tuple(n + gone for n, gone in zip(self.n_missing, missing, strict=True)),
            n_missing_in_row=tuple(
                n + 1 if gone else 0 for n, gone in zip(self.n_missing_in_row, missing, strict=True)
            ),
            last=self.last if absent else reading,
            last_absent=absent,
        )

    def judge(self, now_ns: int) -> Judgement:
        """Return where the trial stands now.

        Bad is said at once, good at the end of the window only: a release that turns bad late must not be kept.
        """
        broken = [text for index in range(len(self.guardrails)) if (text := self._broken(index))]
        if broken:
            return Judgement(standing=Standing.BROKEN, reason="; ".join(broken))
        open_ = [text for index in range(len(self.guardrails)) if (text := self._unproven(index))]
        if now_ns < self.deadline_ns:
            return Judgement(standing=Standing.HOLD, reason="; ".join(open_) or f"good so far: {self._values()}")
        if open_:
            return Judgement(standing=Standing.BROKEN, reason=f"at the end of the window: {'; '.join(open_)}")
        return Judgement(standing=Standing.PROVEN, reason=self._values())

    def _stale(self, reading: Reading) -> str:
        if self.last is None:
            return "" if reading.n else "no request came yet"
        if reading.n < self.last.n:
            return f"the service counts anew: {self.last.n} requests before, {reading.n} now"
        return "" if reading.n > self.last.n else f"no request came since the reading before (n {reading.n})"

    def _broken(self, index: int) -> str:
        rail, value, n = self.guardrails[index], self._value(index), self._n()
        if value is not None and n >= rail.min_samples and value >= rail.failure_min:
            return f"{rail.metric.value} {value:.4g} is {rail.failure_min:g} or more (n {n})"
        if self.n_missing_in_row[index] >= rail.consecutive_errors:
            return (
                f"{rail.metric.value}: {self.n_missing_in_row[index]} readings in a row told nothing:"
                f" {self._absent(rail)}"
            )
        if self.n_missing[index] > rail.max_missing:
            return (
                f"{rail.metric.value}: {self.n_missing[index]} readings told nothing, {rail.max_missing} may:"
                f" {self._absent(rail)}"
            )
        return ""

    def _unproven(self, index: int) -> str:
        rail, value, n = self.guardrails[index], self._value(index), self._n()
        if self.n_missing_in_row[index] or value is None:
            return f"{rail.metric.value} was not read: {self._absent(rail)}"
        if n < rail.min_samples:
            return f"{rail.metric.value} {value:.4g}: n {n}, {rail.min_samples} are needed"
        if not value <= rail.success_max:  # so that nothing that cannot be compared passes
            return f"{rail.metric.value} {value:.4g} is over {rail.success_max:g}, not proven (n {n})"
        return ""

    def _value(self, index: int) -> float | None:
        return self.last.values.get(self.guardrails[index].metric) if self.last else None

    def _n(self) -> int:
        return self.last.n if self.last else 0

    def _absent(self, rail: Guardrail) -> str:
        return self.last_absent or f"the service does not tell {rail.metric.value}"

    def _values(self) -> str:
        told = (f"{rail.metric.value} {self._value(i):.4g}" for i, rail in enumerate(self.guardrails))
        return f"{', '.join(told)} (n {self._n()})"


def begin(guardrails: Sequence[Guardrail], *, now_ns: int, window_ns: int) -> Trial:
    """Return a trial that begins now, on the monotonic clock.

    Raises:
        ValueError: there is nothing to hold the release against.
    """
    if not guardrails:
        raise ValueError("a trial without a guardrail proves nothing")
    none_missing = (0,) * len(guardrails)
    return Trial(
        guardrails=tuple(guardrails),
        deadline_ns=now_ns + window_ns,
        n_missing=none_missing,
        n_missing_in_row=none_missing,
    )
