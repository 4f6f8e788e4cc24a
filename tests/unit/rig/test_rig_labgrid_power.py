"""Power through labgrid's own driver and a small PDU that starts and kills a real process."""

import subprocess
from dataclasses import replace

import pytest

from hilrig.core.errors import PreconditionError, RigBusyError, RigLostError
from hilrig.core.rig import PowerState
from hilrig.rig.labgrid import client as labgrid_client
from hilrig.rig.labgrid.mark import _started, own_mark
from hilrig.rig.labgrid.power import LabgridPower, LabgridPowerOptions
from labgrid_lab import Pdu, bench, running_lab

pytestmark = pytest.mark.waiting

OTHER = "build7/alice"


@pytest.fixture(scope="module")
def pdu():
    running = Pdu()
    yield running
    running.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory, pdu):
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        running.start_exporter("rack1", {"bench": bench(pdu=pdu), "unpowered": bench()})
        running.add_place("line3", "rack1/bench/*")
        running.add_place("bare", "rack1/unpowered/*")
        yield running


@pytest.fixture
def power(lab, tmp_path):
    """Give the power of the rig `line3`, which is the place of that name."""
    return LabgridPower(LabgridPowerOptions(coordinator=lab.address), "line3", tmp_path, sleep=lambda _: None)


@pytest.fixture
def held_by_another(lab):
    lab.client("-p", "line3", "acquire", who=OTHER)
    yield
    lab.client("-p", "line3", "release", who=OTHER)


def test_off_and_on(lab, pdu, power):
    """The load is really gone and really back, the state says so, and the place is free afterwards."""
    pdu.switch("1")
    before = pdu.load.pid
    power.off()
    assert (pdu.is_on, power.state()) == (False, PowerState.OFF)
    power.on()
    assert (pdu.is_on, power.state()) == (True, PowerState.ON)
    assert pdu.load.pid != before
    assert lab.holder("line3") == "None"


def test_a_place_of_another_is_not_switched(pdu, power, held_by_another):
    """Nobody cuts the power of somebody else's run."""
    n_switched = len(pdu.switched)
    with pytest.raises(RigBusyError, match="place line3 is held by alice@build7"):
        power.off()
    assert len(pdu.switched) == n_switched


def test_a_place_that_we_hold_stays_held(lab, power):
    """A run that has its own rig's power cut keeps the rig."""
    lab.client("-p", "line3", "acquire")
    power.state()
    assert lab.holder("line3") != "None"
    lab.client("-p", "line3", "release")


def test_a_place_that_a_run_of_ours_holds_is_switched(lab, pdu, power):
    """The run is another process, as its mark says; it is cut all the same, and keeps the place."""
    with subprocess.Popen(["sleep", "60"]) as run:
        try:
            its_mark = replace(own_mark(), pid=run.pid, started=_started(run.pid))
            lab.client("-p", "line3", "acquire")
            lab.client("-p", "line3", "allow", its_mark.text("here"))
            power.off()
            assert not pdu.is_on
            power.on()
            assert lab.holder("line3") != "None"
        finally:
            run.kill()
            lab.client("-p", "line3", "release")


def test_a_welded_relay(pdu, power):
    """An outlet that says yes and does nothing is found out."""
    pdu.switch("1")
    pdu.is_stuck = True
    try:
        with pytest.raises(RigLostError, match="the outlet was switched off and still says on after 5 s"):
            power.off()
    finally:
        pdu.is_stuck = False


def test_an_outlet_that_does_not_answer(lab, pdu, power, monkeypatch):
    """Labgrid waits for it without an end; here the question has one, and the place is free afterwards."""
    monkeypatch.setattr(labgrid_client, "CHANGE_S", 4.0)
    power.state()
    pdu.hangs.set()
    try:
        with pytest.raises(RigLostError, match="no answer to 'power' within 4 s"):
            power.off()
    finally:
        pdu.hangs.clear()
    assert lab.holder("line3") == "None"


def test_a_place_without_an_outlet(lab, tmp_path):
    """A rig whose power nobody can switch says so, and what to do."""
    power = LabgridPower(LabgridPowerOptions(coordinator=lab.address, place="bare"), "line3", tmp_path)
    with pytest.raises(PreconditionError, match="place bare has no power resource") as caught:
        power.off()
    assert "NetworkPowerPort" in caught.value.hint
    assert lab.holder("bare") == "None"


def test_an_outlet_that_is_gone(lab, tmp_path):
    """A PDU that refuses is named with what its library says."""
    gone = Pdu()
    lab.start_exporter("rack2", {"gone": bench(pdu=gone)})
    lab.add_place("gone", "rack2/gone/*")
    gone.close()
    power = LabgridPower(LabgridPowerOptions(coordinator=lab.address, place="gone"), "line3", tmp_path)
    with pytest.raises(RigLostError, match="place gone: power off failed: ConnectionError"):
        power.off()


def test_an_exporter_that_goes_while_the_place_is_held(lab, tmp_path):
    """The outlet is behind it: that is said in place of labgrid's own text."""
    own = Pdu()
    try:
        lab.start_exporter("rack3", {"orphan": bench(pdu=own)})
        lab.add_place("orphan", "rack3/orphan/*")
        lab.client("-p", "orphan", "acquire")
        lab.stop_exporter("rack3")
        power = LabgridPower(LabgridPowerOptions(coordinator=lab.address, place="orphan"), "line3", tmp_path)
        with pytest.raises(RigLostError, match="place orphan: nothing is exported for rack3/orphan/*"):
            power.off()
        assert own.is_on
    finally:
        own.close()
