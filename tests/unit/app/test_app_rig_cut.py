from dataclasses import replace
from pathlib import Path

import pytest

from hilrig.app.power_loss.rig_cut import refuse_cut_for_others
from hilrig.app.rigs.held import Held
from hilrig.core.errors import RigBusyError, RigLostError
from hilrig.core.rig import RigSpec
from local_rigs import local_rig

HELD = Held(holder="ada@desk", run_id="run-7", note="", since_utc="2026-11-21T11:20:00Z", until_utc=None)


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RigSpec:
    """Return a rig with a power control of which nobody knows the state; Bob asks."""
    monkeypatch.setenv("HILRIG_HOLDER", "bob@lap")
    return local_rig(tmp_path, more="power: command\npower_options: {'on': ['true'], 'off': ['true']}\n")


def test_power_is_not_cut_under_somebody_elses_run(rig: RigSpec):
    """The message says whose run it is; one's own, or nobody's, may be cut."""
    with pytest.raises(RigBusyError, match="held by ada@desk for run run-7"):
        refuse_cut_for_others(rig, ask=lambda _: HELD)
    refuse_cut_for_others(rig, ask=lambda _: replace(HELD, holder="bob@lap"))
    refuse_cut_for_others(rig, ask=lambda _: None)


def test_a_rig_that_does_not_answer_is_cut_only_by_force(rig: RigSpec):
    """It may hang, or its link may: nobody knows whose run goes on there."""

    def ask(_: RigSpec) -> None:
        raise RigLostError("no answer in 10 s")

    with pytest.raises(RigLostError, match="nobody knows who holds it: no answer in 10 s") as caught:
        refuse_cut_for_others(rig, ask=ask)
    assert "--force" in caught.value.hint


@pytest.mark.parametrize("power", [{"power": "none", "power_options": {}}, {}])
def test_where_there_is_nothing_to_cut_nobody_is_asked(rig: RigSpec, power: dict):
    """A rig without power control is refused later, in its own words; one that is off is off."""
    off = {"on": ["true"], "off": ["true"], "state": ["false"]}

    def ask(_: RigSpec) -> None:
        pytest.fail("asked")

    refuse_cut_for_others(replace(rig, **({"power_options": off} | power)), ask=ask)
