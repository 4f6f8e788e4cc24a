"""One client session with a labgrid coordinator. Runs in the worker only: this imports labgrid.

labgrid keeps its view of all places and resources up to date over one stream; a question is answered from that
view after a sync. A coordinator that restarts ends the session; the next question begins a new one and counts it,
for a restarted coordinator has forgotten who holds what.
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Final, TypeVar

import grpc  # type: ignore[import-untyped] # grpcio ships no types
from labgrid.remote.client import ClientSession, ServerError  # type: ignore[import-untyped] # labgrid has no types
from labgrid.remote.common import Place, Reservation  # type: ignore[import-untyped] # the same
from labgrid.remote.generated import labgrid_coordinator_pb2 as messages  # type: ignore[import-untyped] # the same
from labgrid.util.proxy import proxymanager  # type: ignore[import-untyped] # the same

from hilrig.core.errors import PreconditionError, RigBusyError, RigLostError

CONNECT_S: Final = 5.0
"""A coordinator in the same building answers within 10 ms; one that is down refuses at once."""

ACQUIRE_S: Final = 25.0
"""labgrid itself gives an exporter 10 s for each resource."""

RPC_S: Final = 5.0
_SYNC_S: Final = 3.0
_PORT: Final = 20408  # labgrid's own

Path = tuple[str, str, str, str]
Answer = TypeVar("Answer")


class LabSession:
    """What can be asked of a coordinator. Answers are JSON.

    Args:
        address: HOST[:PORT] of the coordinator.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._session: ClientSession | None = None
        self._n_sessions = 0

    def look(self) -> Mapping[str, Any]:
        """Return `me` (host/user), `n_sessions` begun so far, and every place.

        Raises:
            RigLostError: the coordinator does not answer.
        """
        session = self.current()
        owners = self._owners() if any(place.reservation for place in session.places.values()) else {}
        return {
            "me": f"{session.gethostname()}/{session.getuser()}",
            "n_sessions": self._n_sessions,
            "places": [_seen(session, place, owners) for place in session.places.values()],
        }

    def acquire(self, *, place: str) -> Mapping[str, Any]:
        """Acquire a place.

        Raises:
            RigBusyError: it is held, or reserved, or one of its resources is in use by another place.
            RigLostError: the coordinator does not answer, or the place's exporter does not give it.
        """
        session = self.current()
        request = messages.AcquirePlaceRequest(placename=place)
        self._ask(session.stub.AcquirePlace(request, timeout=ACQUIRE_S), place=place)
        return self.look()

    def mark(self, *, place: str, mark: str) -> Mapping[str, Any]:
        """Write a mark onto a place that we hold: a name that is allowed to use it, gone when it is released."""
        session = self.current()
        self._ask(session.stub.AllowPlace(messages.AllowPlaceRequest(placename=place, user=mark), timeout=RPC_S))
        return self.look()

    def release(self, *, place: str, holder: str) -> Mapping[str, Any]:
        """Release a place if `holder` (host/user) still holds it, else leave it."""
        session = self.current()
        request = messages.ReleasePlaceRequest(placename=place, fromuser=holder)
        self._ask(session.stub.ReleasePlace(request, timeout=ACQUIRE_S), place=place)
        return self.look()

    def reserve(self, *, labels: Mapping[str, str]) -> Mapping[str, Any]:
        """Queue for a place with these tags; `name` is a place's own name."""
        request = messages.CreateReservationRequest()
        request.filters["main"].filter.update(labels)
        return self._reservation(self.current().stub.CreateReservation(request, timeout=RPC_S))

    def queue(self, *, token: str) -> Mapping[str, Any]:
        """Return where a reservation is; one that nobody asks for runs out after 60 s."""
        request = messages.PollReservationRequest(token=token)
        return self._reservation(self.current().stub.PollReservation(request, timeout=RPC_S))

    def cancel(self, *, token: str) -> Mapping[str, Any]:
        """Leave the queue."""
        request = messages.CancelReservationRequest(token=token)
        self._ask(self.current().stub.CancelReservation(request, timeout=RPC_S))
        return {}

    def current(self) -> ClientSession:
        """Return the session, its view up to date; a new one where the last has ended.

        Raises:
            RigLostError: the coordinator does not answer.
        """
        if self._session is None or not self._run(_synced(self._session)):
            self._end()
            self._begin()
        return self._session

    def _begin(self) -> None:
        session = ClientSession(proxymanager.get_grpc_address(self._address, default_port=_PORT), self._loop)
        self._session = session
        try:
            self._run(asyncio.wait_for(session.start(), CONNECT_S))
        except (ServerError, asyncio.TimeoutError) as error:
            self._end()
            raise self._silent() from error
        self._n_sessions += 1

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._run(_ended(session))

    def _owners(self) -> Mapping[str, str]:
        session = self.current()
        answer = self._ask(session.stub.GetReservations(messages.GetReservationsRequest(), timeout=RPC_S))
        return {reservation.token: reservation.owner for reservation in answer.reservations}

    def _reservation(self, call: Any) -> Mapping[str, Any]:
        reservation = Reservation.from_pb2(self._ask(call).reservation)
        places = reservation.allocations.get("main", [])
        return {"token": reservation.token, "state": reservation.state.name, "places": places}

    def _ask(self, call: Any, *, place: str = "") -> Any:
        """Return what a remote call answers."""
        try:
            return self._run(_awaited(call))
        except grpc.aio.AioRpcError as error:
            raise self._refused(error, place) from error

    def _refused(self, error: grpc.aio.AioRpcError, place: str) -> Exception:
        code, details = error.code(), error.details() or ""
        if code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}:
            return self._silent()
        if code is grpc.StatusCode.PERMISSION_DENIED or "already acquired" in details:
            return RigBusyError(
                f"labgrid at {self._address}: {details}", hint="labgrid-client who; labgrid-client reservations"
            )
        if "Failed to acquire resources" in details:
            return self._not_given(place)
        if "Reservation" in details:
            return RigLostError(f"labgrid at {self._address}: {details}: it was restarted", hint="start again")
        return PreconditionError(
            f"labgrid at {self._address}: {details}", hint="labgrid-client places shows what there is"
        )

    def _not_given(self, place: str) -> Exception:
        session = self.current()
        used = [
            f"{'/'.join(path)} is in use by place {entry.acquired}"
            for path, entry in _resources(session).items()
            if entry.data.get("acquired") and session.places[place].hasmatch(path)
        ]
        if used:
            return RigBusyError(f"place {place}: {'; '.join(used)}", hint="labgrid-client -vv resources shows who")
        return RigLostError(
            f"place {place}: its exporter did not hand out the resources", hint="read the log of labgrid-exporter"
        )

    def _silent(self) -> RigLostError:
        return RigLostError(
            f"the labgrid coordinator {self._address} does not answer",
            hint=f"is labgrid-coordinator running? labgrid-client -x {self._address} places",
        )

    def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return self._loop.run_until_complete(work)


async def _awaited(call: Any) -> Any:
    return await call


async def _synced(session: ClientSession) -> bool:
    if session.stopping.is_set():
        return False
    try:
        return bool(await asyncio.wait_for(session.sync_with_coordinator(), _SYNC_S))
    except asyncio.TimeoutError:
        return False


async def _ended(session: ClientSession) -> None:
    try:
        await asyncio.wait_for(session.stop(), RPC_S)
        await asyncio.wait_for(session.close(), RPC_S)
    except (asyncio.TimeoutError, AssertionError):  # a session that is half begun asserts that it was whole
        pass


def _seen(session: ClientSession, place: Place, owners: Mapping[str, str]) -> Mapping[str, Any]:
    there = {path: entry for path, entry in _resources(session).items() if entry.avail and _gives(place, path)}
    return {
        "name": place.name,
        "labels": place.tags,
        "holder": place.acquired or "",
        "allowed": sorted(place.allowed),
        "changed_s": place.changed,
        "reserved_for": owners.get(place.reservation or "", ""),
        "missing": [str(match) for match in place.matches if not any(match.ismatch(path) for path in there)],
        "services": [_service(entry.params) for path, entry in there.items() if path[2] == "NetworkService"],
    }


def _gives(place: Place, path: Path) -> bool:
    """Tell whether a place gives this resource. A held place gives only what it was given when it was acquired."""
    return list(path) in place.acquired_resources if place.acquired else place.hasmatch(path)


def _resources(session: ClientSession) -> Mapping[Path, Any]:
    return {
        (exporter, group, entry.data["cls"], name): entry
        for exporter, groups in session.resources.items()
        for group, entries in groups.items()
        for name, entry in entries.items()
        if "cls" in entry.data  # an exporter that went leaves empty entries
    }


def _service(params: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"address": params["address"], "port": params.get("port", 22), "user": params.get("username", "")}


NAMES: Final[Sequence[str]] = ("look", "acquire", "mark", "release", "reserve", "queue", "cancel")
"""The questions that the worker passes on."""
