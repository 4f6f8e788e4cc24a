"""What limits on actuation need of the rest of a profile."""

from collections.abc import Iterator
from typing import Final

from hilrig.config.document import Document, Path, dotted
from hilrig.core.errors import Problem

NUMBERING_TARGETS: Final = ("infer_service",)
"""Targets whose requests carry a number that the PLC's sequence can be."""

_LATENCY: Final = ("hil_validation", "latency")
_P95, _P99 = (*_LATENCY, "actuation_p95_max_ms"), (*_LATENCY, "actuation_p99_max_ms")
_LIMITS: Final[tuple[Path, ...]] = (_P95, _P99, ("hil_validation", "frames", "failsafe_max_pct"))


def broken_actuation_rules(document: Document) -> Iterator[Problem]:
    """Yield each contradiction: limits that nothing could measure, limits out of order."""
    yield from _measurable(document)
    yield from _numbered(document)
    lower, higher = document.get(_P95), document.get(_P99)
    if _is_number(lower) and _is_number(higher) and lower > higher:
        message = f"'{_P95[-1]}' ({lower:g} ms) must not be over '{_P99[-1]}' ({higher:g} ms)"
        yield document.problem(_P95, "contradiction", message, "are the two swapped?")


def _measurable(document: Document) -> Iterator[Problem]:
    if document.get(("actuation",)) is not None:
        return
    for path in _LIMITS:
        if path in document.keys:
            message = f"'{dotted(path)}' cannot be measured: there is no block 'actuation'"
            hint = "actuation: {protocol: modbus, port: 5020}, and the node's adapter writing there"
            yield document.key_problem(path, "contradiction", message, hint)


def _numbered(document: Document) -> Iterator[Problem]:
    target = document.get(("pipeline", "target")) or "in_process"
    if ("actuation",) in document.keys and isinstance(target, str) and target not in NUMBERING_TARGETS:
        message = f"'actuation' needs a target that numbers its requests; '{target}' does not"
        hint = f"pipeline.target: {NUMBERING_TARGETS[0]}, or leave the block out"
        yield document.key_problem(("actuation",), "contradiction", message, hint)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
