"""A rig's power: switched by whoever holds the rig, refused where nobody can."""

import time
from collections.abc import Callable
from typing import Final

from hilrig.core.errors import PreconditionError, RigLostError
from hilrig.core.rig import PowerState, RigSpec
from hilrig.rig.power_opening import open_power

DRAIN_S: Final = 8.0
"""The supply of an industrial PC holds its rail up for some seconds after the outlet is off."""

WITHOUT_POWER: Final = "none"


def power_on(spec: RigSpec) -> PowerState:
    """Give the rig power; return what the control says afterwards.

    Raises:
        PreconditionError: the rig has no power control.
        RigLostError: the control does not answer, or does not do it.
    """
    control = open_power(spec)
    control.on()
    return control.state()


def power_off(spec: RigSpec) -> PowerState:
    """Cut the rig's power, hard; return what the control says afterwards.

    Raises:
        PreconditionError: the rig has no power control.
        RigLostError: the control does not answer, or does not do it.
    """
    control = open_power(spec)
    control.off()
    state = control.state()
    if state is PowerState.ON:
        raise _still_on(spec)
    return state


def power_cycle(
    spec: RigSpec, *, drain_s: float = DRAIN_S, sleep: Callable[[float], None] = time.sleep
) -> PowerState:
    """Cut the rig's power, wait for its rails to drain, give it power; return what the control says afterwards.

    Raises:
        PreconditionError: the rig has no power control.
        RigLostError: the control does not answer, or does not do it; the rig may be without power then.
    """
    power_off(spec)
    sleep(drain_s)
    return power_on(spec)


def power_state(spec: RigSpec) -> PowerState:
    """Return whether the rig has power, as far as its control can tell.

    Raises:
        PreconditionError: the control cannot be used from here.
        RigLostError: the control does not answer.
    """
    return open_power(spec).state()


def refuse_without_power(spec: RigSpec) -> None:
    """Let only a rig pass whose power can be switched: a power test is refused, never skipped.

    Raises:
        PreconditionError: the rig file declares no power control.
    """
    if spec.power == WITHOUT_POWER:
        raise PreconditionError(
            f"a power-loss test needs a rig whose power can be switched; rig {spec.name} has no power control",
            hint=f"put `power` and `power_options` into the rig file of {spec.name}, or name another rig",
        )


def _still_on(spec: RigSpec) -> RigLostError:
    return RigLostError(
        f"rig {spec.name}: its power control says on, after it was told to switch off",
        hint="look at the outlet: is it the one of this rig?",
    )
