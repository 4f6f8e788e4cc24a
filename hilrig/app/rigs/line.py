"""A line to a rig for those who only look, or hold it by hand: nothing of a lab manager's is taken for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from hilrig.app.rigs.files import require_work_folder
from hilrig.app.rigs.held import Held
from hilrig.core.rig import RigSpec

if TYPE_CHECKING:
    from hilrig.app.rigs.link import RigLink
    from hilrig.rig.labgrid.place import Place
    from hilrig.rig.ssh.options import SshOptions

SSH: Final = "ssh"
LABGRID: Final = "labgrid"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceLook:
    """A labgrid place of a rig, a free one if there is one.

    Args:
        way: how its rig is reached over ssh, under the rig's own name.
        held: by whom all of the rig's places are held; None: one is free.
    """

    way: "SshOptions"
    held: Held | None


@contextmanager
def line_to(rig: RigSpec, *, in_place_hint: str) -> "Iterator[RigLink]":
    """Give an open line to a rig. A labgrid place is not acquired for it: its holder must not be in the way.

    Args:
        rig: a rig elsewhere.
        in_place_hint: what to do when it is this machine instead.

    Raises:
        UsageError: runs on it are done in place.
        HilrigError: it cannot be reached.
    """
    require_work_folder(rig, hint=in_place_hint)
    with _line(rig, look_at_place(rig)) as link:
        yield link


def ask_and_look(rig: RigSpec, question: "Callable[[RigLink], Held | None]") -> Held | None:
    """Return what the rig answers to a question about its holder; where it knows of none, what its lab says.

    Raises:
        HilrigError: the rig, or its lab, cannot be reached.
    """
    place = look_at_place(rig)
    with _line(rig, place) as link:
        held = question(link)
    return held or (None if place is None else place.held)


def ssh_way(rig: RigSpec) -> "SshOptions | None":
    """Return how a rig is reached over ssh; None where it is reached in another way.

    Raises:
        RigLostError: the lab's coordinator does not answer.
        PreconditionError: the lab does not know the place, or no address of it.
    """
    from hilrig.rig.ssh.options import SshOptions

    if rig.transport == SSH:
        return SshOptions(**rig.transport_options)
    place = look_at_place(rig)
    return None if place is None else place.way


def look_at_place(rig: RigSpec) -> PlaceLook | None:
    """Return how it stands with the labgrid place of a rig; None where labgrid has no part in it.

    Raises:
        RigLostError: the coordinator does not answer.
        PreconditionError: labgrid has no such place, or it publishes no address.
    """
    if rig.transport != LABGRID:
        return None
    from hilrig.rig.labgrid.client import Labgrid
    from hilrig.rig.labgrid.transport import LabgridOptions, ssh_options

    options = LabgridOptions(**rig.transport_options)
    with Labgrid(options.coordinator) as labgrid:
        places = options.wanted().among(labgrid.look())
    free = [place for place in places if not place.holder]
    held = None if free else _held(places[0])
    return PlaceLook(way=ssh_options(options, (free or places)[0], name=rig.name), held=held)


def _held(place: "Place") -> Held:
    from hilrig.rig.labgrid.place import person

    since = datetime.fromtimestamp(place.changed_s, timezone.utc).isoformat()
    note = f"labgrid place {place.name}"
    return Held(holder=person(place.holder), run_id="", note=note, since_utc=since, until_utc=None)


@contextmanager
def _line(rig: RigSpec, place: PlaceLook | None) -> "Iterator[RigLink]":
    from hilrig.app.rigs.link import linked

    over_ssh = rig if place is None else replace(rig, transport=SSH, transport_options=asdict(place.way))
    with linked(over_ssh) as link:
        yield link
