"""Self-checks of the rig itself: is it hardware at all?"""

from collections.abc import Mapping
from typing import Any

from hilrig.core.verdict import SelfCheck
from hilrig.verdict.self_checks.self_check import stated


def check_rig(rig: Mapping[str, Any]) -> SelfCheck:
    """Return whether the CPU is real: how long an emulated one takes says nothing about any device.

    Args:
        rig: the rig as found before the run, as JSON; a record of before this was looked at has no such fact.
    """
    emulator = rig.get("facts", {}).get("emulated")
    return stated(
        "rig.real_hardware",
        ok=not emulator,
        observed=str(emulator) if emulator else "no emulation seen",
        limit="no emulated CPU",
        holds="No sign that this CPU is emulated.",
        broken=f"This CPU is emulated ({emulator}): its times say nothing about hardware; not for promotion.",
        advice="Run on the real device.",
    )
