"""Releases labgrid places that a dead hilrig left behind.

Its process is gone, and nothing of it goes on over there.
"""

from dataclasses import dataclass, replace

from hilrig.app.rigs.held import held_there
from hilrig.app.rigs.line import line_to
from hilrig.core.clock import SystemClock
from hilrig.core.errors import HilrigError
from hilrig.core.rig import RigSpec
from hilrig.rig.labgrid.client import Labgrid
from hilrig.rig.labgrid.mark import Holding, holding
from hilrig.rig.labgrid.place import Place
from hilrig.rig.labgrid.transport import LabgridOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ReapedPlace:
    """What became of a place.

    Args:
        place: its name.
        held_by: who held it, in words.
        why_kept: why it was left as it is; empty: it was released.
    """

    place: str
    held_by: str
    why_kept: str


def reap_places(rig: RigSpec) -> tuple[ReapedPlace, ...]:
    """Release the places of a labgrid rig that hilrig left behind; return every place of it that was held.

    Raises:
        RigLostError: the coordinator does not answer.
        PreconditionError: labgrid has no such place.
    """
    options = LabgridOptions(**rig.transport_options)
    with Labgrid(options.coordinator) as labgrid:
        look = labgrid.look()
        return tuple(
            _reaped(labgrid, place, look.me, rig) for place in options.wanted().among(look) if place.holder
        )


def _reaped(labgrid: Labgrid, place: Place, me: str, rig: RigSpec) -> ReapedPlace:
    why_kept = _why_held(place, me) or _why_in_use(place, rig)
    if not why_kept:
        labgrid.release(place.name, holder=place.holder)
    return ReapedPlace(place=place.name, held_by=place.held_by(), why_kept=why_kept)


def _why_held(place: Place, me: str) -> str:
    if place.holder != me:
        return "it is another's; they release it, or labgrid-client release --kick"
    if not place.marks:
        return "you acquired it by hand; labgrid-client release"
    running = [str(mark.pid) for mark in place.marks if holding(mark) is Holding.RUNS]
    return f"hilrig still runs here, process {', '.join(running)}" if running else ""


def _why_in_use(place: Place, rig: RigSpec) -> str:
    """Ask the rig itself: the run of a client that was killed goes on there."""
    there = replace(rig, transport_options={**rig.transport_options, "place": place.name, "match": {}})
    try:
        with line_to(there, in_place_hint="") as link:
            held = held_there(link.call("facts", {"gpu_of": []}), clock=SystemClock())
    except HilrigError as error:
        return f"the rig cannot be asked whether a run goes on there: {error.message}"
    if held is None:
        return ""
    return f"run {held.run_id} goes on there; hilrig watch takes it up" if held.run_id else "the rig is reserved"
