"""A labgrid place while its coordinator, exporter or worker is away: all of them real."""

import pytest

from hilrig.core.errors import RigLostError
from hilrig.rig.labgrid.client import Labgrid
from hilrig.rig.labgrid.transport import SILENT_S
from labgrid_lab import bench, running_lab
from labgrid_ways import lost
from sshd import free_port

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_transport_contract


@pytest.fixture
def own_lab(tmp_path, sshd):
    """Give a lab with the place `bench` that a test may break."""
    with running_lab(tmp_path / "lab") as running:
        running.start_exporter("rack2", {"bench": bench(port=sshd.port, user=sshd.user)})
        running.add_place("bench", "rack2/bench/*")
        yield running


def test_no_coordinator(to):
    """The address that does not answer is named."""

    class Nowhere:
        address = f"127.0.0.1:{free_port()}"

    with pytest.raises(RigLostError, match=f"the labgrid coordinator {Nowhere.address} does not answer"):
        to(Nowhere, "bench").open()


def test_a_coordinator_that_was_restarted(own_lab, to, clock):
    """It has forgotten who holds what, so the place is lost; closing is no mistake."""
    way = to(own_lab, "bench")
    way.open()
    own_lab.write_place("bench", "rack2", "bench")
    own_lab.restart_coordinator()
    assert lost(way, clock) == "the labgrid coordinator was restarted and forgot who holds place bench"
    way.close()


def test_a_coordinator_that_is_gone(own_lab, to, clock):
    """A short absence is no loss; after half a minute nobody knows whose the rig is."""
    way = to(own_lab, "bench")
    way.open()
    own_lab.stop_coordinator()
    assert lost(way, clock) == ""
    clock.now_s += SILENT_S
    assert "does not answer for 36 s: nobody knows who may use the rig" in lost(way, clock)
    way.close()


def test_a_coordinator_that_hangs(own_lab):
    """Connections stand and nothing answers: the question ends by itself."""
    with Labgrid(own_lab.address) as labgrid:
        labgrid.look()
        own_lab.hang_coordinator()
        with pytest.raises(RigLostError, match="does not answer"):
            labgrid.look()


def test_an_exporter_that_goes_while_the_place_is_held(own_lab, to, clock):
    """The run goes on: the line to the rig does not go through the exporter. The next run is refused."""
    way = to(own_lab, "bench")
    way.open()
    own_lab.stop_exporter("rack2")
    assert lost(way, clock) == ""
    assert way.start(["echo", "still"]).communicate()[0] == b"still\n"
    way.close()
    with pytest.raises(RigLostError, match="nothing is exported for rack2/bench/*"):
        to(own_lab, "bench").open()
    assert own_lab.holder("bench") == "None"


def test_a_worker_that_dies(own_lab, to, clock):
    """The place belongs to this process, not to the worker: the next question starts another one."""
    way = to(own_lab, "bench")
    way.open()
    way._labgrid._process.kill()
    way._labgrid._process.wait()
    assert lost(way, clock) == ""
    assert lost(way, clock) == ""
    assert way._labgrid._process is not None
    way.close()
    assert own_lab.holder("bench") == "None"
