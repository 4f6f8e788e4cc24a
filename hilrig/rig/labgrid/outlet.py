"""Switches the power of a place through labgrid's power drivers. Runs in the worker only: this imports labgrid."""

from collections.abc import Mapping
from typing import Any, Final

from labgrid import Target, target_factory  # type: ignore[import-untyped] # labgrid has no types
from labgrid.remote.client import ClientSession  # type: ignore[import-untyped] # the same
from labgrid.resource.remote import RemotePlace, RemotePlaceManager  # type: ignore[import-untyped] # the same

from hilrig.core.errors import PreconditionError, RigLostError

DRIVERS: Final[Mapping[str, str]] = {
    "NetworkPowerPort": "NetworkPowerDriver",
    "NetworkUSBPowerPort": "USBPowerDriver",
    "NetworkSiSPMPowerPort": "SiSPMPowerDriver",
    "PDUDaemonPort": "PDUDaemonDriver",
    "TasmotaPowerPort": "TasmotaPowerDriver",
    "NetworkYKUSHPowerPort": "YKUSHPowerDriver",
}
"""Resource to driver, those that `labgrid-client power` takes without an environment file."""


class Outlets:
    """The power drivers of a session's places.

    labgrid takes 0.6 s to make one, so it is kept while the place's record stays as it is.
    """

    def __init__(self) -> None:
        self._kept: tuple[object, ...] = ()
        self._driver: Any = None

    def switch(self, session: ClientSession, *, place: str, action: str) -> Mapping[str, Any]:
        """Do `on`, `off` or `state` to a place that we hold; return its `state`: on, off or unknown.

        Raises:
            PreconditionError: the place has no power resource.
            RigLostError: the outlet does not do it, or its exporter is gone.
        """
        try:
            driver = self._driver_of(session, place)
            if action != "state":
                getattr(driver, action)()
            return {"state": _state(driver)}
        except PreconditionError:
            raise
        except Exception as error:  # each of labgrid's 40 power backends raises what its own library does
            raise RigLostError(
                f"place {place}: power {action} failed: {type(error).__name__}: {error}",
                hint=f"try it by hand: labgrid-client -p {place} power {'get' if action == 'state' else action}",
            ) from error

    def _driver_of(self, session: ClientSession, place: str) -> Any:
        wanted = (session, place, session.get_place(place).changed)
        if wanted != self._kept:
            self._driver, self._kept = _driver(session, place), wanted
        return self._driver


def _driver(session: ClientSession, place: str) -> Any:
    manager = RemotePlaceManager.get()
    manager.session, manager.loop = session, session.loop
    target = Target(place)
    RemotePlace(target, name=place)
    for resource in target.resources:
        name = DRIVERS.get(type(resource).__name__)
        if name is not None:
            driver = target_factory.class_from_string(name)(target, name=None)
            target.activate(driver)
            return driver
    raise PreconditionError(
        f"place {place} has no power resource that labgrid can switch",
        hint="export a NetworkPowerPort for it and match it, or set another `power` in the rig file",
    )


def _state(driver: Any) -> str:
    try:
        return "on" if driver.get() else "off"
    except (AttributeError, NotImplementedError):  # some switches cannot be asked
        return "unknown"
