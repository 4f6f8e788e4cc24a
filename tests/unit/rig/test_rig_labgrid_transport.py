"""The way through a real labgrid coordinator and exporter to a real sshd."""

import signal
import subprocess
import sys

import pytest

from hilrig.core.errors import PreconditionError, RigBusyError, RigLostError, TrustError
from hilrig.rig.labgrid import hold as labgrid_hold
from hilrig.rig.labgrid.client import Labgrid
from hilrig.rig.labgrid.transport import LabgridOptions, published
from labgrid_lab import bench, running_lab
from labgrid_ways import lost

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_transport_contract
BENCHES = [f"bench{number:02}" for number in range(1, 15)]
OTHER = "build7/alice"
HOLDER = """
import sys, time
from pathlib import Path
from hilrig.rig.labgrid.transport import LabgridOptions, LabgridTransport
transport = LabgridTransport(LabgridOptions(coordinator=sys.argv[1], place=sys.argv[2], key_file=sys.argv[3],
                                            known_hosts=sys.argv[4]), "line3", Path("/"))
transport.open()
print("open", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory, sshd):
    """Give a lab for all tests that leave it as it is; each has a bench of its own."""
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        running.start_exporter("rack1", {name: bench(port=sshd.port, user=sshd.user) for name in BENCHES})
        yield running


@pytest.fixture
def other_process(sshd):
    """Give a function that holds a place in another process of hilrig; ended by the fixture."""
    started = []

    def hold(lab, place):
        arguments = [lab.address, place, str(sshd.key_file), str(sshd.known_hosts)]
        process = subprocess.Popen([sys.executable, "-c", HOLDER, *arguments], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "open\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.communicate()


def test_the_place_is_held_while_it_is_open(lab, to):
    """Labgrid itself shows who has it; the rig runs commands; afterwards it is free."""
    lab.add_place("bench01", "rack1/bench01/*")
    way = to(lab, "bench01")
    facts = way.open()
    assert lab.holder("bench01") == Labgrid(lab.address).look().me
    assert (facts["place"], facts["coordinator"]) == ("bench01", lab.address)
    assert way.start(["echo", "on the rig"]).communicate() == (b"on the rig\n", b"")
    assert way.lost() == ""
    way.close()
    assert lab.holder("bench01") == "None"


def test_a_place_of_another_is_busy(lab, to):
    """The message says who has it and since when."""
    lab.add_place("bench02", "rack1/bench02/*")
    lab.client("-p", "bench02", "acquire", who=OTHER)
    with pytest.raises(
        RigBusyError, match=r"place bench02 is held by alice@build7 since \d{4}-\d\d-\d\d \d\d:\d\d UTC"
    ):
        to(lab, "bench02").open()
    assert lab.holder("bench02") == OTHER


def test_a_place_that_another_lets_us_use(lab, to):
    """`labgrid-client allow` is respected; the place stays the other's."""
    lab.add_place("bench03", "rack1/bench03/*")
    lab.client("-p", "bench03", "acquire", who=OTHER)
    lab.client("-p", "bench03", "allow", Labgrid(lab.address).look().me, who=OTHER)
    way = to(lab, "bench03")
    way.open()
    way.close()
    assert lab.holder("bench03") == OTHER


def test_a_place_acquired_by_hand_stays_held(lab, to):
    """A person's own reservation is used and outlives the run."""
    lab.add_place("bench04", "rack1/bench04/*")
    lab.client("-p", "bench04", "acquire")
    way = to(lab, "bench04")
    way.open()
    way.close()
    assert lab.holder("bench04") != "None"


def test_an_unknown_place(lab, to):
    """The places that there are are named."""
    lab.add_place("bench05", "rack1/bench05/*")
    with pytest.raises(PreconditionError, match="labgrid has no place 'bench5'") as caught:
        to(lab, "bench5").open()
    assert "bench05" in caught.value.hint


def test_no_place_with_these_labels(lab, to):
    """Nobody waits for a place that does not exist, however long they would."""
    with pytest.raises(PreconditionError, match="no place with board=none_such"):
        to(lab, match={"board": "none_such"}, wait_s=3600.0).open()


def test_labels_find_a_free_whole_place(lab, to):
    """Of four places one is held, one is not exported, one has other labels: the fourth is taken."""
    lab.add_place("bench06a", "rack1/bench06/*", board="nx")
    lab.add_place("bench06b", "rack9/gone/*", board="nx")
    lab.add_place("bench06c", "rack1/bench08/*", board="agx")
    lab.add_place("bench06d", "rack1/bench07/*", board="nx", gpu="ampere")
    lab.client("-p", "bench06a", "acquire", who=OTHER)
    assert to(lab, match={"board": "nx"}).open()["place"] == "bench06d"
    with pytest.raises(RigBusyError, match=r"bench06d is held by .*: your own hilrig, process \d+"):
        taken_elsewhere(lab, match={"board": "nx", "gpu": "ampere"})


def taken_elsewhere(lab, *, match):
    """Try to hold a place as another process would: one with another mark."""
    with pytest.MonkeyPatch.context() as patch, Labgrid(lab.address) as labgrid:
        mark = labgrid_hold.own_mark()
        patch.setattr(labgrid_hold, "own_mark", lambda: type(mark)(**{**fields(mark), "pid": 1}))
        labgrid_hold.take(labgrid, labgrid_hold.Wanted(match=match))


def fields(mark):
    return {name: getattr(mark, name) for name in mark.__slots__}


def test_nothing_exported_for_a_place(lab, to):
    """A place whose exporter is gone is not held; the missing pattern is named."""
    lab.add_place("ghost", "rack9/ghost/*")
    with pytest.raises(RigLostError, match="place ghost: nothing is exported for rack9/ghost/*"):
        to(lab, "ghost").open()
    assert lab.holder("ghost") == "None"


def test_a_place_without_an_address(lab, to):
    """A place that publishes no NetworkService is refused and let go of."""
    lab.add_place("mute")
    with pytest.raises(
        PreconditionError, match="place mute: expected one NetworkService, the rig's address; found 0"
    ):
        to(lab, "mute").open()
    assert lab.holder("mute") == "None"


def test_resources_in_use_by_another_place(lab, to):
    """Two places over one bench: the message says which one has it."""
    lab.add_place("upper", "rack1/bench09/*")
    lab.add_place("lower", "rack1/bench09/*")
    lab.client("-p", "lower", "acquire", who=OTHER)
    with pytest.raises(RigBusyError, match="rack1/bench09/NetworkService/NetworkService is in use by place lower"):
        to(lab, "upper").open()


def test_kicked(lab, to, clock):
    """A release by somebody else is seen, in words; closing afterwards leaves the place alone."""
    lab.add_place("bench10", "rack1/bench10/*")
    way = to(lab, "bench10")
    way.open()
    lab.client("-p", "bench10", "release", "--kick", who=OTHER)
    assert lost(way, clock) == "somebody released place bench10 (labgrid-client release --kick)"
    lab.client("-p", "bench10", "acquire", who=OTHER)
    assert "place bench10 was taken: it is held by alice@build7 since" in lost(way, clock)
    way.close()
    assert lab.holder("bench10") == OTHER


def test_released_and_acquired_again_by_ourselves(lab, to, clock):
    """Between a kick and an acquisition under the same name anything may have happened on the rig."""
    lab.add_place("bench11", "rack1/bench11/*")
    way = to(lab, "bench11")
    way.open()
    lab.client("-p", "bench11", "release")
    lab.client("-p", "bench11", "acquire")
    assert "released and acquired again" in lost(way, clock)
    way.close()
    assert lab.holder("bench11") != "None"  # it is the person's now


def test_a_look_is_remembered_for_two_seconds(lab, to, clock):
    """Asked ten times a second, the coordinator is asked once in two."""
    lab.add_place("bench12", "rack1/bench12/*")
    way = to(lab, "bench12")
    way.open()
    lab.client("-p", "bench12", "release")
    clock.now_s += 1.9
    assert way.lost() == ""
    clock.now_s += 0.2
    assert way.lost() != ""


def test_another_process_of_ours(lab, to, other_process):
    """While it runs the place is busy. Killed, it leaves the place held: the next one takes it over."""
    lab.add_place("bench13", "rack1/bench13/*")
    process = other_process(lab, "bench13")
    with pytest.raises(RigBusyError, match=f"your own hilrig, process {process.pid}"):
        to(lab, "bench13").open()
    process.send_signal(signal.SIGKILL)
    process.wait()
    way = to(lab, "bench13")
    way.open()
    way.close()
    assert lab.holder("bench13") == "None"


def test_ssh_that_fails_leaves_the_place_free(lab, to, tmp_path):
    """A rig that cannot be reached is not kept from others."""
    lab.add_place("bench14a", "rack1/bench14/*")
    (tmp_path / "nobody").write_text("")
    with pytest.raises(TrustError):
        to(lab, "bench14a", known_hosts=str(tmp_path / "nobody")).open()
    assert lab.holder("bench14a") == "None"


def test_a_broken_line_is_made_anew_without_letting_go(lab, to, sshd):
    """While the rig is away, and while it is tried again, nobody else can get the place."""
    lab.add_place("bench14b", "rack1/bench14/*")
    way = to(lab, "bench14b")
    way.open()
    sshd.stop()
    try:
        with pytest.raises(RigLostError):
            way.open()
        assert lab.holder("bench14b") != "None"
    finally:
        sshd.start()
    way.open()
    assert way.start(["echo", "back"]).communicate()[0] == b"back\n"
    way.close()
    assert lab.holder("bench14b") == "None"


def test_a_line_made_anew_sees_that_the_place_is_lost(lab, to):
    """A rig that was given to somebody else meanwhile is not entered again."""
    lab.add_place("bench14c", "rack1/bench14/*")
    way = to(lab, "bench14c")
    way.open()
    lab.client("-p", "bench14c", "release", "--kick", who=OTHER)
    with pytest.raises(RigLostError, match="rig 'line3': somebody released place bench14c"):
        way.open()


def test_leaving_keeps_the_place(lab, to):
    """A client that goes while its run goes on does not give the rig away."""
    lab.add_place("bench14d", "rack1/bench14/*")
    way = to(lab, "bench14d")
    way.open()
    way.leave()
    assert lab.holder("bench14d") != "None"
    lab.client("-p", "bench14d", "release")


def test_waiting_in_labgrids_own_queue(lab, to):
    """The place is ours when its holder lets go; afterwards it is not kept reserved for us."""
    lab.add_place("bench14e", "rack1/bench14/*")
    lab.client("-p", "bench14e", "acquire", who=OTHER)
    free = lab.later(0.5, "-p", "bench14e", "release", who=OTHER)
    way = to(lab, "bench14e", wait_s=60.0)
    way.open()
    free.join()
    way.close()
    lab.client("-p", "bench14e", "acquire", who=OTHER)
    lab.client("-p", "bench14e", "release", who=OTHER)
    assert "token" not in lab.client("reservations")


def test_waiting_comes_to_an_end(lab, to):
    """After the time to wait the place is busy, and the queue is left."""
    lab.add_place("bench14f", "rack1/bench14/*")
    lab.client("-p", "bench14f", "acquire", who=OTHER)
    with pytest.raises(RigBusyError, match="alice@build7"):
        to(lab, "bench14f", wait_s=1.0).open()
    assert "token" not in lab.client("reservations")
    lab.client("-p", "bench14f", "release", who=OTHER)


def test_a_place_reserved_for_another(lab, to):
    """Somebody who waited for it is not overtaken."""
    lab.add_place("bench14g", "rack1/bench14/*", queue="seven")
    lab.client("reserve", "--wait", "queue=seven", who=OTHER)
    with pytest.raises(RigBusyError, match="place bench14g is reserved for alice@build7"):
        to(lab, "bench14g").open()


def test_the_way_to_a_place_that_is_held(lab, sshd):
    """To look at a host key or a lease nobody has to hold the place."""
    lab.add_place("bench14h", "rack1/bench14/*")
    lab.client("-p", "bench14h", "acquire", who=OTHER)
    way = published(LabgridOptions(coordinator=lab.address, place="bench14h"), name="line3")
    assert (way.host, way.port, way.user, way.host_key_alias) == ("127.0.0.1", sshd.port, sshd.user, "line3")
    lab.client("-p", "bench14h", "release", who=OTHER)


@pytest.mark.parametrize("options", [{}, {"place": "a", "match": {"board": "nx"}}, {"place": "a", "wait_s": -1.0}])
def test_options_that_cannot_be_meant(options):
    """Neither or both of place and match, and a wait below zero, are refused."""
    with pytest.raises(ValueError, match="must be"):
        LabgridOptions(**options)
