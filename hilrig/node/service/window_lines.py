"""A log line a minute: how the model that serves has done since it began to, under the standard keys."""

import asyncio
from pathlib import Path
from typing import Any, Final

from hilrig.node.service.serving import Serving
from hilrig.node.service.window import Failure

PERIOD_S: Final = 60.0
"""1440 lines a day: enough to see a slow drift, too few to fill a disk."""
COOLING: Final = Path("/sys/class/thermal")
FAN: Final = "fan"
_KIB_PER_MIB: Final = 1024


async def tell_windows(serving: Serving, *, period_s: float = PERIOD_S) -> None:
    """Write a line `service.window` each period until cancelled, then a last one, `service.stopping`.

    What is not known is null, never 0.
    """
    try:
        while True:
            await asyncio.sleep(period_s)
            serving.log("service.window", error_code=serving.error_code, **measured(serving))
    finally:
        serving.log("service.stopping", error_code=serving.error_code, **measured(serving))


def measured(serving: Serving) -> dict[str, Any]:
    """Return the window of the serving model, its memory and its machine's heat."""
    window, pids = serving.window.as_json(), serving.engine_pids
    return {
        "n": window["n"],
        "n_failed": window["n_failed"],
        "dropped_frames": serving.window.failures[Failure.QUEUE_FULL],
        "p50_ms": window["p50_ms"],
        "p95_ms": window["p95_ms"],
        "load_time_ms": serving.facts.get("load_time_ms"),
        "peak_ram_mb": peak_ram_mib(Path("/proc") / str(pids[0])) if pids else None,
        "thermal_state": thermal_state(COOLING),
    }


def peak_ram_mib(process: Path) -> float | None:
    """Return the peak resident memory of a process by its folder in /proc; None when it is gone."""
    try:
        lines = (process / "status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    peak_kib = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), "")
    return round(int(peak_kib) / _KIB_PER_MIB, 1) if peak_kib.isdigit() else None


def thermal_state(cooling: Path) -> str:
    """Return whether the kernel slows a device down for its heat now: `throttled`, `nominal` or `unknown`.

    Cooling devices but fans are what it slows down: `cur_state` above 0. Without one nobody can tell.
    """
    states = [_cur_state(device) for device in sorted(cooling.glob("cooling_device*")) if not _is_fan(device)]
    known = [state for state in states if state is not None]
    if not known:
        return "unknown"
    return "throttled" if max(known) > 0 else "nominal"


def _is_fan(device: Path) -> bool:
    try:
        return FAN in (device / "type").read_text(encoding="ascii", errors="replace").lower()
    except OSError:
        return False


def _cur_state(device: Path) -> int | None:
    try:
        return int((device / "cur_state").read_text(encoding="ascii", errors="replace"))
    except (OSError, ValueError):
        return None
