"""What dead runs left behind, removed from the rigs as from the lab that manages them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hilrig.app.rigs.line import LABGRID
from hilrig.app.rigs.reserve import tidy
from hilrig.core.errors import HilrigError
from hilrig.core.rig import RigSpec

if TYPE_CHECKING:
    from hilrig.app.rigs.labgrid_reap import ReapedPlace


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """What became of a rig.

    Args:
        removed: as the rig answered, see the verb `tidy`; empty when it could not be had.
        places: of labgrid that were held, each with what became of it.
        failure: why it could not be tidied up; empty: it was.
    """

    name: str
    removed: Mapping[str, Any]
    places: "tuple[ReapedPlace, ...]"
    failure: str


def reap(rig: RigSpec) -> Reaped:
    """Tidy up a rig and release the labgrid places of it that hilrig left behind.

    Raises:
        UsageError: the rig is this machine itself.
        HilrigError: the rig, or its lab, cannot be reached.
    """
    removed = tidy(rig)  # first: a dead lease would keep the place
    if rig.transport != LABGRID:
        return Reaped(name=rig.name, removed=removed, places=(), failure="")
    from hilrig.app.rigs.labgrid_reap import reap_places

    return Reaped(name=rig.name, removed=removed, places=reap_places(rig), failure="")


def reap_all(rigs: Sequence[RigSpec]) -> tuple[Reaped, ...]:
    """Tidy up every rig elsewhere that is in service; one that fails leaves none of the others untidy."""
    return tuple(_tried(rig) for rig in rigs if rig.work_folder is not None and not rig.disabled)


def _tried(rig: RigSpec) -> Reaped:
    try:
        return reap(rig)
    except HilrigError as error:
        return Reaped(name=rig.name, removed={}, places=(), failure=error.message)
