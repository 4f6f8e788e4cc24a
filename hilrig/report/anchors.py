"""Where on the page a limit leads.

It leads to what was measured, and to its line in the profile.
"""

import re
from typing import Final

from hilrig.core.verdict import Check

_SECTIONS: Final = (
    ("latency_", "latency"),
    ("actuation_", "latency"),
    ("failsafe_", "latency"),
    ("decision_gap", "latency"),
    ("drop_", "latency"),
    ("consecutive_drops", "latency"),
    ("failed_", "latency"),
    ("duration_", "latency"),
    ("companion_", "companions"),
    ("detection_", "detection"),
    ("thermal_", "throttling"),
    ("power_throttle", "throttling"),
    ("undervoltage", "throttling"),
    ("overcurrent", "throttling"),
    ("fault_", "faults"),
    ("power_loss", "power-loss"),
)
"""By the beginning of a metric's name; the first that fits. What fits none is telemetry."""

_SOURCE: Final = re.compile(r"[^:]*:(?P<line>[0-9]{1,7})(?::[0-9]{1,7})?")
_LINE_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What YAML takes for the end of a line, so that our numbers are those of the messages about a profile."""


def section_of(check: Check) -> str:
    """Return the id of the section that shows what a limit is about: `latency`."""
    fitting = (section for start, section in _SECTIONS if check.metric.startswith(start))
    return next(fitting, "telemetry")


def profile_lines(text: str) -> list[str]:
    """Return the lines of a profile as YAML counts them; none of an empty text."""
    lines = _LINE_BREAK.split(text)
    return lines[:-1] if lines[-1] == "" else lines


def profile_line(source: str, n_lines: int) -> int | None:
    """Return the line, from 1, that a limit's source names; None where the page has no such line."""
    named = _SOURCE.fullmatch(source)
    line = int(named["line"]) if named else 0
    return line if 1 <= line <= n_lines else None
