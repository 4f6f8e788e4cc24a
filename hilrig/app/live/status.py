"""The state of a run as live views read it: a number that is not there is None, never 0.

It is in status.json and in plan.json.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from hilrig.config.plan_file import load_plan
from hilrig.core.errors import RecordError
from hilrig.core.files import PLAN
from hilrig.core.run import RunPlan
from hilrig.core.units import NS_PER_S, S_PER_MIN
from hilrig.record.untrusted_file import read_untrusted

PLAN_MAX_BYTES: Final = 64 << 20
LONG_S: Final = 60 * S_PER_MIN
"""From an hour on nobody reads tenths of a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStatus:
    """What a run said of itself last, beside what it was asked to do."""

    plan: RunPlan
    said: Mapping[str, Any] = field(default_factory=dict)

    def number(self, *path: str) -> float | None:
        """Return the number at a path of keys; None when there is none."""
        value: Any = self.said
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    def count(self, *path: str) -> int | None:
        """Return the count at a path of keys; None when there is none."""
        value = self.number(*path)
        return None if value is None else int(value)

    def text(self, key: str) -> str:
        """Return the text under a key; empty when there is none."""
        value = self.said.get(key)
        return value if isinstance(value, str) else ""

    def listed(self, key: str) -> list[Any]:
        """Return the list under a key; empty when there is none."""
        value = self.said.get(key)
        return value if isinstance(value, list) else []

    @property
    def n_measured(self) -> int:
        """Return how many measured frames there are so far."""
        return self.count("measured", "n") or 0

    @property
    def measured_s(self) -> float:
        """Return how long was measured so far, on the camera's grid."""
        return self.n_measured * self.plan.period_ns / NS_PER_S

    @property
    def is_long_enough(self) -> bool:
        """Return whether as much was measured as the profile asks for, to a frame."""
        return self.measured_s + self.plan.period_ns / NS_PER_S > self.plan.profile_duration_s

    @property
    def measured_of(self) -> str:
        """Return how much of the profile's time was measured: `12 of 480 min measured`."""
        wanted_s = self.plan.profile_duration_s
        if wanted_s < S_PER_MIN:
            return f"{self.measured_s:.0f} of {wanted_s:.0f} s measured"
        digits = 0 if wanted_s >= LONG_S else 1
        return f"{self.measured_s / S_PER_MIN:.{digits}f} of {wanted_s / S_PER_MIN:.{digits}f} min measured"


def read_plan(run_dir: Path) -> RunPlan:
    """Return the plan of a run directory; it never changes, so that a view parses it once.

    Raises:
        RecordError: there is none, or it is no plan.
    """
    data = read_untrusted(run_dir / PLAN, max_bytes=PLAN_MAX_BYTES)
    if data is None:
        raise RecordError(f"{run_dir} is no run directory: it has no {PLAN}", hint="hilrig list")
    return _parsed(data)


@lru_cache(maxsize=8)
def _parsed(data: bytes) -> RunPlan:
    return load_plan(data)
