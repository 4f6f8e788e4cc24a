"""Whether a rig's power may be cut: not under somebody else's run."""

from collections.abc import Callable

from hilrig.app.rigs.files import holder
from hilrig.app.rigs.held import Held
from hilrig.app.rigs.overview import who_holds
from hilrig.app.rigs.power import WITHOUT_POWER, power_state
from hilrig.core.errors import RigBusyError, RigLostError
from hilrig.core.rig import PowerState, RigSpec


def refuse_cut_for_others(rig: RigSpec, *, ask: Callable[[RigSpec], Held | None] = who_holds) -> None:
    """Return when nobody else holds the rig, or there is nothing to cut.

    Raises:
        RigBusyError: another one holds it.
        RigLostError: it does not answer, so that nobody knows.
        HilrigError: its power control, or the rig itself, cannot be used.
    """
    if rig.power == WITHOUT_POWER or power_state(rig) is PowerState.OFF:
        return
    try:
        held = ask(rig)
    except RigLostError as error:
        raise RigLostError(
            f"rig {rig.name} does not answer, so nobody knows who holds it: {error.message}",
            hint="ask around; --force cuts its power all the same",
        ) from error
    if held is not None and held.holder != holder():
        run = f" for run {held.run_id}" if held.run_id else ""
        raise RigBusyError(
            f"rig {rig.name} is held by {held.holder or 'somebody'}{run} since {held.since_utc}",
            hint="ask them; --force cuts its power all the same, and their run ends inconclusive",
        )
