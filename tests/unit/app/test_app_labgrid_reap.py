"""Releasing places that hilrig left behind: a real labgrid lab, this machine behind a real sshd as the rig."""

import subprocess
import sys
from pathlib import Path

import pytest

from hilrig.app.rigs.labgrid_reap import reap_places
from hilrig.app.rigs.line import line_to
from hilrig.core.errors import PreconditionError
from hilrig.core.rig import RigSpec
from labgrid_lab import bench, running_lab
from sshd import running_sshd

pytestmark = pytest.mark.waiting

OTHER = "build7/alice"
HOLDER = """
import sys, time
from hilrig.rig.labgrid.client import Labgrid
from hilrig.rig.labgrid.hold import Wanted, take
take(Labgrid(sys.argv[1]), Wanted(place=sys.argv[2], match={}))
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    with running_sshd(tmp_path_factory.mktemp("sshd")) as running:
        running.known_hosts.write_text("line3 " + Path(f"{running.host_key}.pub").read_text())
        yield running


@pytest.fixture(scope="module")
def lab(tmp_path_factory, sshd):
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        running.start_exporter("rack1", {"line3": bench(port=sshd.port, user=sshd.user)})
        running.add_place("line3", "rack1/line3/*", board="ipc")
        yield running


@pytest.fixture
def rig(lab, sshd):
    yield RigSpec(
        name="line3",
        transport="labgrid",
        device_class="x86-cpu",
        transport_options={
            "coordinator": lab.address,
            "match": {"board": "ipc"},
            "key_file": str(sshd.key_file),
            "known_hosts": str(sshd.known_hosts),
        },
        work_folder="work",
        python=sys.executable,
    )
    if lab.holder("line3") != "None":
        lab.client("-p", "line3", "release", "--kick")


@pytest.fixture
def holder(lab):
    """Hold the place in another process of hilrig; give it, ended by the fixture."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, lab.address, "line3"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_place_left_behind_is_released(lab, rig, holder):
    """The process was killed, the rig says that nothing goes on: the place is free for others."""
    holder.kill()
    holder.wait()
    (reaped,) = reap_places(rig)
    assert (reaped.place, reaped.why_kept) == ("line3", "")
    assert lab.holder("line3") == "None"


def test_a_place_of_a_running_process_is_kept(lab, rig, holder):
    """Who still runs is not robbed."""
    (reaped,) = reap_places(rig)
    assert reaped.why_kept == f"hilrig still runs here, process {holder.pid}"
    assert lab.holder("line3") != "None"


@pytest.mark.long  # short: test_a_place_of_a_running_process_is_kept
def test_a_run_that_goes_on_there_keeps_the_place(lab, rig, holder):
    """A detached run outlives its client: its rig is not given away."""
    holder.kill()
    holder.wait()
    with line_to(rig, in_place_hint="") as link:
        link.call("lease", {"holder": "ada@desk", "run_id": "", "note": "", "ttl_s": 600})
    try:
        (reaped,) = reap_places(rig)
        assert reaped.why_kept == "the rig is reserved"
        assert lab.holder("line3") != "None"
    finally:
        with line_to(rig, in_place_hint="") as link:
            link.call("release", {"holder": "ada@desk", "force": True})


def test_a_rig_that_does_not_answer_keeps_the_place(lab, rig, holder, sshd):
    """Whether a run goes on there is not known, so it is not guessed."""
    holder.kill()
    holder.wait()
    sshd.stop()
    try:
        (reaped,) = reap_places(rig)
    finally:
        sshd.start()
    assert reaped.why_kept.startswith("the rig cannot be asked whether a run goes on there")
    assert lab.holder("line3") != "None"


def test_a_place_acquired_by_hand_is_kept(lab, rig):
    """A person's own reservation is theirs to release."""
    lab.client("-p", "line3", "acquire")
    (reaped,) = reap_places(rig)
    assert reaped.why_kept == "you acquired it by hand; labgrid-client release"
    assert lab.holder("line3") != "None"


def test_a_place_of_another_is_kept(lab, rig):
    """Somebody else's is theirs."""
    lab.client("-p", "line3", "acquire", who=OTHER)
    (reaped,) = reap_places(rig)
    assert reaped.held_by.startswith("held by alice@build7 since")
    assert reaped.why_kept.startswith("it is another's")
    assert lab.holder("line3") == OTHER
    lab.client("-p", "line3", "release", who=OTHER)


def test_free_places_are_not_named(rig):
    """There is nothing to say about a place that nobody holds."""
    assert reap_places(rig) == ()


def test_no_such_place(rig):
    """A rig file for a place that is gone says so."""
    gone = RigSpec(
        name="x", transport="labgrid", device_class="x86-cpu",
        transport_options={**rig.transport_options, "match": {"board": "none"}}, work_folder="work",
    )  # fmt: skip
    with pytest.raises(PreconditionError, match="no place with board=none"):
        reap_places(gone)
