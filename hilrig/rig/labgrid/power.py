"""Power through labgrid: whichever PDU, relay or switch the lab has put behind a place."""

import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from hilrig.core.errors import RigLostError
from hilrig.core.rig import PowerState
from hilrig.rig.labgrid.client import Labgrid
from hilrig.rig.labgrid.hold import Wanted, let_go, refuse_broken, take

CONFIRM_S: Final = 5.0
"""A relay moves within 0.1 s; a slow PDU says so after one or two."""

CONFIRM_PERIOD_S: Final = 0.5
"""Some PDUs answer only a few questions a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabgridPowerOptions:
    """Which place's power.

    Args:
        coordinator: HOST[:PORT]; empty: the environment's LG_COORDINATOR.
        place: its name in labgrid; empty: the rig's name.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    coordinator: str = ""
    place: str = ""


class LabgridPower:
    """The power of a labgrid place. A place that nobody holds is held as long as a call takes.

    One that you hold is switched as it is, also under a run of yours: a power-loss test does that.

    Args:
        options: which place.
        name: the rig's.
        folder: where the rig file lies; not used.
        sleep: waits some seconds.
    """

    Options = LabgridPowerOptions

    def __init__(
        self,
        options: LabgridPowerOptions,
        name: str,
        folder: Path,  # noqa: ARG002 - every power control is built alike
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._place, self._sleep = options.place or name, sleep
        self._labgrid = Labgrid(options.coordinator)  # its worker serves the next call too
        weakref.finalize(self, self._labgrid.close)

    def off(self) -> None:
        """Cut the power.

        Raises:
            RigBusyError: somebody else holds the place.
            PreconditionError: the place has no power resource.
            RigLostError: labgrid or the outlet does not answer, or the outlet is still on afterwards.
        """
        self._switch(PowerState.OFF)

    def on(self) -> None:
        """Give it power. Raises as `off` does."""
        self._switch(PowerState.ON)

    def state(self) -> PowerState:
        """Return whether the outlet is on; UNKNOWN where it cannot be asked. Raises as `off` does."""
        with self._held() as labgrid:
            return PowerState(labgrid.power(self._place, "state"))

    def _switch(self, wanted: PowerState) -> None:
        with self._held() as labgrid:
            found = PowerState(labgrid.power(self._place, wanted.value))
            for _ in range(int(CONFIRM_S / CONFIRM_PERIOD_S)):
                if found in {wanted, PowerState.UNKNOWN}:
                    return
                self._sleep(CONFIRM_PERIOD_S)
                found = PowerState(labgrid.power(self._place, "state"))
        raise RigLostError(
            f"place {self._place}: the outlet was switched {wanted.value} and still says {found.value}"
            f" after {CONFIRM_S:g} s",
            hint=f"look at the outlet itself; labgrid-client -p {self._place} power get",
        )

    @contextmanager
    def _held(self) -> Iterator[Labgrid]:
        look = self._labgrid.look()
        place = look.place(self._place)
        if place.holder == look.me:  # by hand or by a run of yours: who may cut that was asked before
            refuse_broken(place)
            yield self._labgrid
            return
        held = take(self._labgrid, Wanted(place=self._place, match={}))
        try:
            yield self._labgrid
        finally:
            let_go(self._labgrid, held)
