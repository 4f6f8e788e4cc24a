"""hilrig.rig.agent.keeper: one run on a rig, from its lease to its end."""

import json
import os
import signal
import time
from contextlib import closing

import pytest

from hilrig.rig.agent.lease_record import standing_lease
from hilrig.rig.agent.processes import processes_of
from rig_agents import HOLDER, Rig
from seen_processes import is_ever_below, is_running, status_of

pytestmark = pytest.mark.waiting

OBEDIENT = """
start()
while asked() is None: time.sleep(0.02)
status("judging")
say("finished", exit_code=11)
"""
"""A run that ends in order when it is asked to, and leaves the request as evidence."""

STUBBORN = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
start()
time.sleep(600)
"""


@pytest.fixture
def rig(tmp_path):
    """Return a work folder with the agent's calls."""
    with closing(Rig(tmp_path / "work")) as made:
        yield made


def told(rig, run_id, kind):
    return next((event for event in rig.events(run_id) if event["kind"] == kind), None)


def ended(rig, run_id):
    event = rig.await_event(run_id, "ended")
    rig.await_keeper_gone(run_id)
    return event


def stop_request(rig):
    (path,) = rig.work.run("r1").reports.glob("*/stop.json")
    return json.loads(path.read_bytes())


def test_a_run_leaves_its_files_and_no_lease(rig):
    """The manifest has what the run wrote; the rig is free before the last event is told."""
    rig.start("r1", "start()\n(run_dir / 'frames').write_bytes(b'abc')\nsay('finished', exit_code=0)")
    assert ended(rig, "r1")["n_files"] == 2
    assert standing_lease(rig.work) is None
    manifest = rig.call("manifest", run_id="r1")
    assert [file["path"] for file in manifest["files"]] == ["frames", "status.json"]


def test_stop_ends_a_run_in_order(rig):
    """The request is the one that a run on this machine gets; it ends by itself and has its verdict."""
    rig.start("r1", OBEDIENT)
    rig.await_event("r1", "started")
    assert rig.call("stop", run_id="r1", by="Ada", reason="the belt\nstands")["ok"]
    assert ended(rig, "r1")["status"] == 0
    request = stop_request(rig)
    assert (request["by"], request["reason"]) == ("Ada", "the belt stands")
    assert "ended" not in request
    assert told(rig, "r1", "stopping")["why"] == "Ada: the belt stands"
    assert told(rig, "r1", "finished")["exit_code"] == 11


def test_the_run_reads_the_request(rig):
    """What this side writes, the other side reads: the two are programs of their own."""
    from hilrig.core.run import Ended
    from hilrig.record.stop_request import read_stop_request

    rig.start("r1", OBEDIENT)
    rig.await_event("r1", "started")
    rig.call("revoke", run_id="r1", reason="kicked")
    ended(rig, "r1")
    (folder,) = rig.work.run("r1").reports.iterdir()
    request = read_stop_request(folder)
    assert (request.ended, request.words) == (Ended.LEASE_LOST, "the lease of the rig was lost: kicked")


@pytest.mark.parametrize("how", ["revoked", "released by force", "taken by another", "removed"])
def test_a_lost_lease_ends_the_run_as_such(rig, how):
    """However the rig was lost, the run ends in order, says why, and leaves what is the other's."""
    rig.start("r1", OBEDIENT)
    rig.await_event("r1", "started")
    if how == "revoked":
        rig.call("revoke", run_id="r1", reason="the coordinator forgot the place")
    elif how == "released by force":
        rig.call("release", holder="bob@line3", force=True)
    elif how == "taken by another":
        lease = json.loads(rig.work.lease.read_bytes())
        new = rig.work.lease.with_name("new")
        new.write_text(json.dumps({**lease, "holder": "bob@line3", "run_id": ""}))
        new.replace(rig.work.lease)
    else:
        rig.work.lease.unlink()
    assert ended(rig, "r1")["left"] == []
    assert stop_request(rig)["ended"] == "lease_lost"
    words = {
        "revoked": "the coordinator forgot the place",
        "released by force": "bob@line3 released the rig by force",
        "taken by another": "the rig is held by bob@line3 since",
        "removed": "somebody removed it from the rig",
    }[how]
    assert told(rig, "r1", "lease_lost")["why"].startswith(words)
    assert (standing_lease(rig.work) is not None) is (how == "taken by another")


def test_a_tied_run_ends_when_nobody_follows(rig):
    """The CI job was killed: its run is asked to end after the time, and the rig is free."""
    rig.start("r1", OBEDIENT, is_tied=True, ttl_s=1.5)
    began_s = time.monotonic()
    ended(rig, "r1")
    assert 1.4 < time.monotonic() - began_s < 30
    assert told(rig, "r1", "stopping")["why"] == "hilrig: nobody followed it for 1.5 s"
    assert standing_lease(rig.work) is None


def test_a_followed_run_goes_on(rig):
    """For as long as somebody listens, whatever the wall clock of the files says."""
    rig.start("r1", OBEDIENT, is_tied=True, ttl_s=2.5)
    listener = rig.begin("follow", run_id="r1", after=0)
    time.sleep(4)
    assert told(rig, "r1", "stopping") is None
    listener.kill()
    listener.communicate()
    ended(rig, "r1")


def test_a_detached_run_needs_no_listener(rig):
    """`--detach`: the soak outlives the client."""
    rig.start("r1", "start()\ntime.sleep(1.5)\nsay('finished', exit_code=0)", ttl_s=0.3)
    assert ended(rig, "r1")["status"] == 0
    assert told(rig, "r1", "stopping") is None


def test_the_jobs_own_limit_bounds_everything(rig):
    """A run that does not listen either is ended, by force when its grace is over."""
    rig.start("r1", STUBBORN, max_s=0.5, grace_s=0.3)
    event = ended(rig, "r1")
    assert (event["status"], event["left"]) == (-signal.SIGKILL, [])
    assert told(rig, "r1", "stopping")["why"] == "hilrig: the run was to take at most 0.5 s"
    assert processes_of(rig.work.run("r1"), keeper=None) == []


def test_a_run_that_dies_is_told_as_it_died(rig):
    """No verdict is made up: the status is the signal, and there is no `finished`."""
    rig.start("r1", "start()\nos.kill(os.getpid(), signal.SIGSEGV)")
    assert ended(rig, "r1")["status"] == -signal.SIGSEGV
    assert told(rig, "r1", "finished") is None


def test_a_run_that_refuses_is_told_in_its_own_words(rig):
    """Its error passes through; it left no directory, so there is no manifest."""
    rig.start("r1", "say('error', type='PreconditionError', message='no GPU', hint='doctor')\nsys.exit(22)")
    event = ended(rig, "r1")
    assert (event["status"], event["n_files"]) == (22, 0)
    error = told(rig, "r1", "error")
    assert (error["type"], error["message"], error["hint"]) == ("PreconditionError", "no GPU", "doctor")


def test_what_the_run_says_cannot_forge_the_keepers_words(rig):
    """Only a run's own kinds pass, and neither number nor time; the rest is in the log."""
    program = """
say("ended", status=0, left=[], n_files=0)
print("free text")
say("finished", exit_code=0, seq=999, boottime_ns=0)
print("[" * 100000)
"""
    rig.start("r1", program)
    ended(rig, "r1")
    events = rig.events("r1")
    assert [event["kind"] for event in events if event["kind"] != "heartbeat"] == ["leased", "finished", "ended"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert "free text" in rig.work.run("r1").log.read_text()


@pytest.mark.parametrize("said", ["/etc", "..", "", "elsewhere"])
def test_a_run_directory_elsewhere_is_not_named(rig, said):
    """The client fetches by this name."""
    rig.start("r1", f"say('started', run_dir={said!r}, run_id='r1')\nsay('finished', exit_code=0)")
    ended(rig, "r1")
    assert told(rig, "r1", "started")["run_dir"] == ""


def test_a_line_without_end_takes_no_memory(rig):
    """8 MiB on one line: passed over, and what comes behind it is heard."""
    rig.start("r1", "print('x' * (8 << 20))\nstart()\nsay('finished', exit_code=0)")
    ended(rig, "r1")
    assert told(rig, "r1", "finished")


def test_a_stop_before_there_is_a_run_directory_is_a_signal(rig):
    """As Ctrl-C would be in preflight."""
    rig.start("r1", "time.sleep(600)")
    rig.call("stop", run_id="r1", by="Ada", reason="")
    assert ended(rig, "r1")["status"] == -signal.SIGTERM


def test_a_request_too_late_for_the_signature_is_withdrawn(rig):
    """An unsigned file in a finished run would make `verify` fail for ever."""
    program = """
start()
status("measure")
while asked() is None: time.sleep(0.02)
(run_dir / "result.json").write_text(json.dumps({"files": {}}))
say("finished", exit_code=0)
"""
    rig.start("r1", program)
    rig.await_event("r1", "started")
    rig.call("stop", run_id="r1", by="Ada", reason="")
    ended(rig, "r1")
    files = {file["path"] for file in rig.call("manifest", run_id="r1")["files"]}
    assert files == {"result.json", "status.json"}


def test_without_a_job_the_keeper_cleans_up(rig):
    """The client was killed while it uploaded: no lease, no half upload, no process stays."""
    (rig.work.blobs / ("a" * 64 + ".part")).write_bytes(b"half")
    rig.lease("r1", ttl_s=1)
    rig.await_keeper_gone("r1")
    assert standing_lease(rig.work) is None
    assert not rig.work.lease.exists()
    assert list(rig.work.blobs.iterdir()) == []
    assert list(rig.work.runs.iterdir()) == []


def test_an_upload_under_way_is_waited_for(rig):
    """A slow link is no dead client."""
    part = rig.work.blobs / ("a" * 64 + ".part")
    rig.lease("r1", ttl_s=2.5)
    for _ in range(8):
        with part.open("ab") as file:
            file.write(b"x")
        time.sleep(0.4)
    assert standing_lease(rig.work).holder == HOLDER
    rig.place("r1", "start()\nsay('finished', exit_code=0)")
    assert ended(rig, "r1")["status"] == 0


def test_a_lease_lost_during_the_upload_ends_the_keeper(rig):
    """Nothing was begun: nothing is left."""
    rig.lease("r1")
    rig.call("release", holder="bob@line3", force=True)
    rig.await_keeper_gone("r1")
    assert list(rig.work.runs.iterdir()) == []


@pytest.mark.parametrize("job", [{"argv": []}, {"argv": ["-V"], "env": {}, "tied": 1}, {"argv": "x"}])
def test_a_job_that_is_none_is_told(rig, job):
    """An error of the tree, and the rig is free."""
    rig.lease("r1")
    rig.call("place", run_id="r1", files=[], texts={}, job=job)
    ended(rig, "r1")
    assert told(rig, "r1", "error")["type"] == "UsageError"
    assert standing_lease(rig.work) is None


def test_the_keeper_outlives_a_hang_up(rig):
    """The login that started it ends; Ctrl-C in its terminal is not meant for it."""
    rig.start("r1", "start()\ntime.sleep(1)\nsay('finished', exit_code=0)")
    for number in (signal.SIGHUP, signal.SIGINT):
        os.kill(rig.keeper_pid("r1"), number)
    assert ended(rig, "r1")["status"] == 0


def test_a_keeper_that_is_told_to_end_ends_its_run_in_order(rig):
    """The rig is shut down: the run is asked to end, judged, signed."""
    rig.start("r1", OBEDIENT)
    rig.await_event("r1", "started")
    os.kill(rig.keeper_pid("r1"), signal.SIGTERM)
    assert ended(rig, "r1")["status"] == 0
    assert "told to end" in stop_request(rig)["reason"]


def test_the_job_knows_its_run_and_its_keeper(rig):
    """By its environment, its group and its last argument; it hears hang-ups as any process."""
    program = """
facts = {"mark": os.environ["HILRIG_RUN"], "keeper": int(sys.argv[-1]), "parent": os.getppid(),
         "leads": os.getpgrp() == os.getpid(), "session": os.getsid(0),
         "hup": signal.getsignal(signal.SIGHUP) == signal.SIG_DFL, "cwd": os.getcwd()}
say("finished", exit_code=0, **facts)
"""
    rig.start("r1", program)
    keeper = rig.keeper_pid("r1")
    ended(rig, "r1")
    facts = told(rig, "r1", "finished")
    assert facts["mark"] == str(rig.work.run("r1").path)
    assert (facts["keeper"], facts["parent"], facts["session"]) == (keeper, keeper, keeper)
    assert facts["leads"]
    assert facts["hup"]
    assert facts["cwd"] == "/"


def test_orphans_do_not_outlive_the_run(rig):
    """A daemon that left session and environment behind is adopted by the keeper, and ended with the run."""
    program = """
start()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)", "orphan-of-r1"], {})
    os._exit(0)
os.wait()
time.sleep(0.5)
say("finished", exit_code=0)
"""
    rig.start("r1", program)
    assert ended(rig, "r1")["left"] == []
    assert not is_running("orphan-of-r1")


def test_an_idle_keeper_is_a_small_neighbour(rig):
    """It sits beside the measurement: less than 3 % of a core and 30 MiB (measured: 0.6 %, 15 MiB)."""
    rig.start("r1", "start()\ntime.sleep(600)")
    rig.await_event("r1", "started")
    pid = rig.keeper_pid("r1")
    time.sleep(0.5)
    woken, began_s = status_of(pid, "voluntary_ctxt_switches"), time.monotonic()
    assert is_ever_below(pid, 3)
    assert status_of(pid, "voluntary_ctxt_switches") - woken < 20 * (time.monotonic() - began_s)
    assert status_of(pid, "VmRSS") < 30 << 10
