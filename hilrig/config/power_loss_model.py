"""The keys of a profile's power-loss test."""

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field

from hilrig.config.document import Document
from hilrig.config.keys import Keys, Name, RelativePath
from hilrig.core.errors import Problem
from hilrig.core.power_loss import Depth, PowerLossSpec

CUTS_MAX: Final = 1000
"""A cut of a virtual rig takes about 24 s: a thousand are a night."""
_SPEC: Final = PowerLossSpec()
_AT: Final = ("power_loss",)
_TEST: Final = ("hil_validation", "recovery", "power_loss_test")
_ON_A_RIG: Final = frozenset({Depth.VIRTUAL_RIG.value, Depth.RIG.value})


class PowerLossKeys(Keys):
    """How the power-loss test is made that `recovery.power_loss_test: required` asks for."""

    depths: Annotated[tuple[Depth, ...], Field(min_length=1, max_length=len(Depth))] = Field(
        default=_SPEC.depths,
        description="What has to be tried: `file_calls` (every state of the disk that a cut between file calls "
        "could leave), `kill` (kill -9 at every named point), `block_log` (a real file system cut between any two "
        "writes; needs root), `virtual_rig` (a virtual machine killed), `rig` (a rig's own outlet).",
    )
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = Field(
        default=_SPEC.seed, description="Of everything that is drawn: the same seed draws the same."
    )
    n_cuts: Annotated[int, Field(ge=1, le=CUTS_MAX)] = Field(
        default=_SPEC.n_cuts, description="Cuts of a virtual rig or a rig."
    )
    subject_file: RelativePath | None = Field(
        default=None,
        description="A YAML file with the commands of an update of yours, relative to this folder. Left out: "
        "hilrig's own node.",
    )
    rig: Name | None = Field(
        default=None, description="The rig whose power is cut; needed by `virtual_rig` and `rig`."
    )

    def spec(self) -> PowerLossSpec:
        """Return what they say."""
        return PowerLossSpec(**self.model_dump())


def broken_power_loss_rules(document: Document) -> Iterator[Problem]:
    """Yield every contradiction between the keys of the power-loss test and others."""
    keys = document.get(_AT)
    if not isinstance(keys, dict):
        return
    if document.get(_TEST) != "required":
        message = "the power-loss test is set up, but nothing requires it"
        hint = "write hil_validation.recovery.power_loss_test: required, or remove this block"
        yield document.key_problem(_AT, "contradiction", message, hint)
    depths = keys.get("depths")
    named = [depth for depth in depths if isinstance(depth, str)] if isinstance(depths, list) else []
    for index, depth in enumerate(named):
        if depth in named[:index]:
            yield document.problem((*_AT, "depths", index), "repeated", f"'{depth}' is there twice", "remove one")
    if _ON_A_RIG & set(named) and "rig" not in keys:
        message = f"'{min(_ON_A_RIG & set(named))}' cuts the power of a rig, and none is named"
        yield document.problem((*_AT, "depths"), "contradiction", message, "add rig: NAME, see hilrig rigs list")
