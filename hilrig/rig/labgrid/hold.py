"""Holding a labgrid place, from taking it to letting go.

Which one it is, whether it is whole and whether it is still ours is asked here.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from hilrig.core.errors import HilrigError, RigBusyError, RigLostError
from hilrig.rig.labgrid.client import Labgrid
from hilrig.rig.labgrid.mark import Holding, holding, own_mark
from hilrig.rig.labgrid.place import Look, Place

QUEUE_PERIOD_S: Final = 1.0
"""As labgrid's own client asks for a reservation; one that nobody asks for runs out after 60 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which place: its name, or else the labels of any that will do."""

    place: str = ""
    match: Mapping[str, str]
    wait_s: float = 0.0

    def among(self, look: Look) -> Sequence[Place]:
        """Return the places that will do.

        Raises:
            PreconditionError: there is none.
        """
        return [look.place(self.place)] if self.place else look.matching(self.match)

    def labels(self) -> Mapping[str, str]:
        """Return what labgrid's queue is asked for: to it, a place's name is a label too."""
        return {"name": self.place} if self.place else self.match


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A place that we may use.

    Args:
        place: as it was when we got it.
        is_ours: whether it is ours to release: not when you, or another part of this process, had acquired it.
        n_sessions: of the worker with the coordinator at that time.
    """

    place: Place
    is_ours: bool
    n_sessions: int


class Use(IntEnum):
    """What can be done with a place now; the smaller, the better."""

    AS_IT_IS = 0  # acquired by you by hand, or you were allowed to use it
    FREE = 1
    LEFT_BEHIND = 2  # acquired by hilrig, whose process is gone; its run may still go on over there
    TAKEN = 3


def take(labgrid: Labgrid, wanted: Wanted, *, sleep: Callable[[float], None] = time.sleep) -> Held:
    """Get hold of a place whose resources are all there.

    Raises:
        RigBusyError: somebody else has it, and still has it after the time to wait.
        RigLostError: the coordinator or the place's exporter does not answer.
        PreconditionError: labgrid has no such place.
    """
    try:
        return _take_now(labgrid, wanted)
    except RigBusyError:
        if not wanted.wait_s:
            raise
    return _take_in_turn(labgrid, wanted, sleep)


def let_go(labgrid: Labgrid, held: Held) -> None:
    """Release a place that is ours and still held by us; it may have been kicked, or gone with its coordinator."""
    if held.is_ours and not why_lost(held, labgrid.look()):
        labgrid.release(held.place.name, holder=held.place.holder)


def why_lost(held: Held, look: Look) -> str:
    """Return why a place is not ours to use any more; empty while it is."""
    name, now = held.place.name, look.places.get(held.place.name)
    if now is None:
        return f"place {name} was deleted from labgrid"
    if now.holder == held.place.holder:
        is_marked = own_mark() in now.marks
        return f"place {name} was released and acquired again by another" if held.is_ours and not is_marked else ""
    if now.holder:
        return f"place {name} was taken: it is {now.held_by()}"
    if look.n_sessions != held.n_sessions:
        return f"the labgrid coordinator was restarted and forgot who holds place {name}"
    return f"somebody released place {name} (labgrid-client release --kick)"


def use_of(place: Place, me: str) -> Use:
    """Tell what `me` (host/user) can do with a place now."""
    if me in place.allowed:
        return Use.AS_IT_IS
    if not place.holder:
        return Use.FREE if place.reserved_for in {"", me} else Use.TAKEN
    if place.holder != me:
        return Use.TAKEN
    if not place.marks or own_mark() in place.marks:
        return Use.AS_IT_IS
    return Use.LEFT_BEHIND if place.is_left_behind() else Use.TAKEN


def _take_now(labgrid: Labgrid, wanted: Wanted) -> Held:
    look = labgrid.look()
    found = sorted(wanted.among(look), key=lambda place: use_of(place, look.me))
    error: HilrigError = _taken(found, look.me)
    for place in found:
        use = use_of(place, look.me)
        if use is Use.TAKEN:
            break
        try:
            return _taken_up(labgrid, place, use, look.me)
        except (
            RigBusyError,
            RigLostError,
        ) as failed:  # lost to somebody quicker, or its exporter is down: the next
            error = failed
    raise error


def _taken_up(labgrid: Labgrid, place: Place, use: Use, me: str) -> Held:
    if use is Use.FREE:
        refuse_broken(place)
        look = labgrid.acquire(place.name, holder=me, mark=own_mark())
    elif use is Use.LEFT_BEHIND:
        look = labgrid.mark(place.name, holder=me, mark=own_mark())
    else:
        look = labgrid.look()
    held = Held(place=look.place(place.name), is_ours=use is not Use.AS_IT_IS, n_sessions=look.n_sessions)
    try:
        refuse_broken(held.place)
    except RigLostError:
        let_go(labgrid, held)
        raise
    return held


def _take_in_turn(labgrid: Labgrid, wanted: Wanted, sleep: Callable[[float], None]) -> Held:
    token = labgrid.reserve(wanted.labels())
    try:
        for _ in range(int(wanted.wait_s / QUEUE_PERIOD_S) + 1):
            if name := labgrid.reserved(token):
                look = labgrid.look()
                return _taken_up(labgrid, look.place(name), Use.FREE, look.me)
            sleep(QUEUE_PERIOD_S)
        return _take_now(labgrid, wanted)
    finally:
        labgrid.cancel(token)  # else the place stays reserved for us for a minute after its release


def refuse_broken(place: Place) -> None:
    """Refuse a place of which something is not exported.

    Raises:
        RigLostError: it names what is missing.
    """
    if place.missing:
        raise RigLostError(
            f"place {place.name}: nothing is exported for {', '.join(place.missing)}",
            hint=f"start labgrid-exporter again on its machine; labgrid-client -p {place.name} show",
        )


def _taken(places: Sequence[Place], me: str) -> RigBusyError:
    words = "; ".join(f"place {place.name} is {_holder(place, me)}" for place in places)
    return RigBusyError(words, hint="ask them, or queue for it: `wait_s` in the rig file's transport_options")


def _holder(place: Place, me: str) -> str:
    if place.holder != me:
        return place.held_by()
    runs = [str(mark.pid) for mark in place.marks if holding(mark) is not Holding.GONE]
    return f"{place.held_by()}: your own hilrig, process {', '.join(runs)}"
