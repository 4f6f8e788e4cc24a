"""hilrig.rig.agent.cancel: every process of a run goes, and that is shown."""

import os
import signal
import time
from contextlib import closing

import pytest

from hilrig.rig.agent.lease_record import standing_lease
from hilrig.rig.agent.processes import processes_of
from rig_agents import Rig
from seen_processes import children, is_alive

pytestmark = pytest.mark.waiting

TREE = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
def child(body):
    if os.fork() == 0:
        body()
        time.sleep(600)
        os._exit(0)
def daemon():
    os.setsid()
    child(lambda: None)
    os._exit(0)
def bare():
    os.setsid()
    os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)"], {})
def stopped():
    os.kill(os.getpid(), signal.SIGSTOP)
for body in (lambda: None, daemon, bare, stopped):
    child(body)
start()
time.sleep(600)
"""
"""A run deaf to SIGTERM; its children too: a daemon with its own session, one without marks, a stopped one."""

N_TRIES = 3  # fifty were tried by hand, with a grace of 1 s: all clean, the longest took 3.7 s
LIMIT_S = 10
GRACE_S = 0.2


@pytest.fixture
def rig(tmp_path):
    """Return a work folder with the agent's calls."""
    with closing(Rig(tmp_path / "work")) as made:
        yield made


def test_cancel_leaves_nothing_of_a_tree(rig):
    """Daemons, deaf, stopped and unmarked processes included; the rig is free at once."""
    for number in range(N_TRIES):
        run_id = f"r{number}"
        rig.start(run_id, TREE)
        rig.await_event(run_id, "started")
        keeper = rig.keeper_pid(run_id)
        tree = children(keeper)
        assert len(tree) >= 5
        answer = rig.call("cancel", run_id=run_id, grace_s=GRACE_S)
        assert answer["left"] == []
        assert answer["took_s"] < LIMIT_S
        assert [pid for pid in (keeper, *tree) if is_alive(pid)] == []
        assert standing_lease(rig.work) is None


def test_a_run_that_ends_in_its_grace_is_left_to_it(rig):
    """Ctrl-C in a CI job: the run has its seconds, and what it then wrote is listed."""
    program = "start()\nwhile asked() is None: time.sleep(0.02)\nsay('finished', exit_code=12)"
    rig.start("r1", program)
    rig.await_event("r1", "started")
    answer = rig.call("cancel", run_id="r1", grace_s=20)
    assert answer["left"] == []
    assert answer["took_s"] < 15
    events = rig.events("r1")
    assert [event["exit_code"] for event in events if event["kind"] == "finished"] == [12]
    assert events[-1]["kind"] == "ended"


def test_cancel_works_without_the_keeper(rig):
    """The keeper was killed: what it left is found by its mark."""
    rig.start("r1", TREE)
    rig.await_event("r1", "started")
    tree = children(rig.keeper_pid("r1"))
    rig.kill_keeper("r1")
    assert processes_of(rig.work.run("r1"), keeper=None) != []
    answer = rig.call("cancel", run_id="r1", grace_s=GRACE_S)
    assert answer["left"] == []
    assert processes_of(rig.work.run("r1"), keeper=None) == []
    left = [pid for pid in tree if is_alive(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert len(left) == 1  # the one without marks, an orphan of nobody: only systemd's group would hold it
    assert standing_lease(rig.work) is None


def test_a_keeper_that_hangs_is_ended_too(rig, monkeypatch):
    """It is not asked twice."""
    rig.start("r1", TREE)
    rig.await_event("r1", "started")
    keeper = rig.keeper_pid("r1")
    tree = children(keeper)
    os.kill(keeper, signal.SIGSTOP)
    monkeypatch.setattr("hilrig.rig.agent.cancel.MARGIN_S", -4.5)
    from hilrig.rig.agent.cancel import cancel

    arguments = {"work_folder": str(rig.work.path), "run_id": "r1", "grace_s": GRACE_S}
    (answer,) = cancel(arguments, None)
    assert answer["left"] == []
    assert [pid for pid in (keeper, *tree) if is_alive(pid)] == []


def test_a_stop_that_takes_too_long_can_be_cancelled(rig):
    """The second Ctrl-C cuts the first one short."""
    rig.start("r1", TREE, grace_s=600)
    rig.await_event("r1", "started")
    rig.call("stop", run_id="r1", by="Ada", reason="")
    rig.await_event("r1", "stopping")
    assert rig.call("cancel", run_id="r1", grace_s=GRACE_S)["took_s"] < LIMIT_S


def test_a_cancel_before_the_job_leaves_nothing(rig):
    """Ctrl-C during the upload."""
    rig.lease("r1")
    (rig.work.blobs / ("a" * 64 + ".part")).write_bytes(b"half")
    assert rig.call("cancel", run_id="r1", grace_s=GRACE_S)["left"] == []
    assert standing_lease(rig.work) is None
    assert list(rig.work.blobs.iterdir()) == []
    assert list(rig.work.runs.iterdir()) == []


def test_a_run_that_is_not_there_is_told(rig):
    """So is one that ended: nothing is left of it."""
    assert rig.call("cancel", run_id="r7")["error"]["type"] == "RigLostError"
    rig.start("r1", "say('finished', exit_code=0)")
    rig.follow("r1")
    assert rig.call("cancel", run_id="r1")["left"] == []


@pytest.mark.parametrize("request_", ["{", "[]", '{"grace_s": "soon"}', '{"grace_s": -1}'])
def test_a_damaged_request_is_a_request(rig, request_):
    """Its writer wanted the run to end; it gets the usual grace."""
    rig.start("r1", "start()\nwhile asked() is None: time.sleep(0.02)\nsay('finished', exit_code=12)")
    rig.await_event("r1", "started")
    rig.work.run("r1").cancel.write_text(request_)
    assert rig.await_event("r1", "ended")["left"] == []


def test_another_runs_processes_are_let_alone(rig):
    """Nor anybody's whose environment only looks alike."""
    mine = rig.work.run("r1").path
    other = os.fork()
    if other == 0:
        os.execve("/bin/sleep", ["sleep", "60"], {"HILRIG_RUN": f"{mine}0", "X": f"HILRIG_RUN={mine}"})
    try:
        time.sleep(0.2)
        rig.start("r1", "start()\ntime.sleep(60)")
        rig.await_event("r1", "started")
        assert rig.call("cancel", run_id="r1", grace_s=0)["left"] == []
        assert is_alive(other)
    finally:
        os.kill(other, signal.SIGKILL)
        os.waitpid(other, 0)
