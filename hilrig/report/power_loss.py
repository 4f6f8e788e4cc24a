"""A power-loss test in words.

Its depths are rows of a table.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hilrig.core.power_loss import Calibration, DepthResult, PowerLossResult


def calibration_words(depth: DepthResult) -> str:
    """Return how often each known store was caught: `sound 0 of 46, overwrite in place 14 of 20`."""
    known = [f"{_store(one)} {one.n_caught:,} of {one.n_states:,}" for one in depth.calibrations]
    words = ", ".join(known) or "— none"
    return words if depth.is_calibrated else f"{words}: no evidence"


def _store(known: Calibration) -> str:
    """Return a store's name in words; what it was tried on as it is: `noauto_da_alloc` is a mount option."""
    store, on, where = known.store.partition(" on ")
    return f"{store.replace('_', ' ')}{on}{where}"


def fact_words(depth: DepthResult) -> str:
    """Return on what a depth ran, as one line."""
    return "; ".join(_facts(depth.facts, ""))


def power_loss_cells(result: PowerLossResult) -> Iterator[Sequence[str]]:
    """Yield a row for each depth: its name, cuts, those survived, those not, calibration."""
    for depth in result.depths:
        name = depth.depth.words
        if depth.ran:
            survived = depth.n_states - depth.n_bad
            yield name, f"{depth.n_states:,}", f"{survived:,}", f"{depth.n_bad:,}", calibration_words(depth)
        else:
            yield name, "— did not run", "", "", depth.reason


def _facts(facts: Mapping[str, Any], at: str) -> Iterator[str]:
    for key, value in facts.items():
        name = f"{at} {key}".strip().replace("_", " ")
        if isinstance(value, Mapping):
            yield from _facts(value, name)
        elif isinstance(value, list | tuple):
            yield f"{name} {', '.join(map(str, value))}"
        else:
            yield f"{name.removeprefix('n ')} {value:,}" if isinstance(value, int) else f"{name} {value}"
