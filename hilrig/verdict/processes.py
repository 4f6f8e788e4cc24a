"""What the processes of a run got of the system beside what they asked for.

Each said it of itself when it was ready.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from hilrig.core.run import RunEvent
from hilrig.core.verdict import ProcessSetup


def process_setups(events: tuple[RunEvent, ...]) -> tuple[ProcessSetup, ...]:
    """Return a row for each process that said something; runs of before it did have none."""
    return tuple(_setups(events))


def _setups(events: tuple[RunEvent, ...]) -> Iterator[ProcessSetup]:
    for event in events:
        told = event.detail.get("facts", {}).get("setup") if event.kind == "child_ready" else None
        if isinstance(told, Mapping):
            yield _setup(str(event.detail.get("role")), told)


def _setup(role: str, told: Mapping[str, Any]) -> ProcessSetup:
    cpus = told.get("cpus")
    return ProcessSetup(
        role=role,
        real_time_priority=told.get("real_time_priority"),
        is_memory_locked=told.get("is_memory_locked"),
        cpus=None if cpus is None else tuple(cpus),
        timer_slack_ns=told.get("timer_slack_ns"),
        spin_us=told.get("spin_us"),
        refused=tuple(told.get("refused", ())),
    )
