"""Self-check of the target: the accelerator that the profile asks for is the one that did the work.

Whether a provider is active is what the runtime claims. A witness of its own has to agree: the device's telemetry.
"""

from collections.abc import Mapping
from typing import Any, Final

from hilrig.core.run import RunEvent
from hilrig.core.verdict import SelfCheck
from hilrig.verdict.channels import Telemetry
from hilrig.verdict.self_check import stated
from hilrig.verdict.window import Window

ON_THE_CPU: Final = "CPUExecutionProvider"
WITNESSES: Final = ("hw.gpu.utilization", "hilrig.process.gpu.memory.usage")
"""Channels that rise above 0 when a GPU works for the target."""


def check_accelerator(window: Window, telemetry: Telemetry, events: tuple[RunEvent, ...]) -> SelfCheck:
    """Return whether a telemetry channel saw the accelerator at work, where the target says that it uses one."""
    claimed = [name for name in _claimed(events) if name != ON_THE_CPU]
    if not claimed:
        return _stated(observed="no accelerator asked for", ok=True)
    seen = [name for name in WITNESSES if _rose(name, window, telemetry)]
    witness = f"seen in {', '.join(seen)}" if seen else "no telemetry channel saw it work"
    return _stated(observed=f"{claimed[0]}: {witness}", ok=bool(seen))


def _claimed(events: tuple[RunEvent, ...]) -> list[str]:
    """Return the providers that the target said are active, most preferred first."""
    for event in events:
        if event.kind == "child_ready" and event.detail.get("role") == "worker":
            target: Mapping[str, Any] = event.detail.get("facts", {}).get("target", {})
            return [str(name) for name in target.get("providers", ())]
    return []


def _rose(name: str, window: Window, telemetry: Telemetry) -> bool:
    inside = [series.valued().within(window).value for series in telemetry.named(name)]
    return any(values.size and float(values.max()) > 0 for values in inside)


def _stated(*, observed: str, ok: bool) -> SelfCheck:
    return stated(
        "target.accelerator",
        ok=ok,
        observed=observed,
        limit="seen by its own telemetry",
        holds=f"The accelerator did the work, or none was asked for: {observed}.",
        broken=f"Nothing proves that the accelerator did the work: {observed}.",
        advice="Look at the provider's log in run.log; a silent fallback to the CPU looks just like this.",
    )
