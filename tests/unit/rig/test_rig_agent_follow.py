"""hilrig.rig.agent.follow: every event once, whatever happens to the listeners."""

import json
import os
import random
from contextlib import closing

import pytest

from rig_agents import Rig
from seen_processes import is_ever_below

pytestmark = pytest.mark.waiting

N_EVENTS = 300
BUSY = f"""
start()
for number in range({N_EVENTS}):
    event(number)
    time.sleep(0.005)
say("finished", exit_code=0)
"""


@pytest.fixture
def rig(tmp_path):
    """Return a work folder with the agent's calls."""
    with closing(Rig(tmp_path / "work")) as made:
        yield made


def numbers(events):
    return [event["event"]["seq"] for event in events if event["kind"] == "run_event"]


def is_gapless(events, *, first=1):
    return [event["seq"] for event in events] == list(range(first, first + len(events)))


def test_a_run_is_told_from_its_lease_to_its_end(rig):
    """In order, without gaps; the directory by its name only."""
    rig.start("r1", BUSY)
    events, last = rig.follow("r1")
    assert last == {"ok": True, "last": len(events)}
    assert is_gapless(events)
    assert numbers(events) == list(range(N_EVENTS))
    kinds = [event["kind"] for event in events if event["kind"] not in {"heartbeat", "run_event"}]
    assert kinds == ["leased", "started", "finished", "ended"]
    assert events[-1]["status"] == 0
    assert events[-1]["left"] == []
    assert events[-1]["n_files"] == 2
    assert next(event["run_dir"] for event in events if event["kind"] == "started") == "20261121T053312Z-weld-1"


def test_no_event_is_lost_or_doubled_when_listeners_come_and_go(rig):
    """Each is killed at a random byte, also within a line; the next goes on after the last whole line it has."""
    rig.start("r1", BUSY)
    chance, seen = random.Random(6), []
    n_killed = 0
    while not seen or seen[-1]["kind"] != "ended":
        listener = rig.begin("follow", run_id="r1", after=len(seen))
        data = b""
        limit = chance.randrange(1, 4000)
        while len(data) < limit and (piece := os.read(listener.stdout.fileno(), min(512, limit - len(data)))):
            data += piece
        n_killed += listener.poll() is None
        listener.kill()
        listener.wait()
        listener.stdout.close()
        for line in data.split(b"\n")[:-1]:
            event = json.loads(line)
            if "seq" in event:
                seen.append(event)
    assert n_killed > 5
    assert is_gapless(seen)
    assert numbers(seen) == list(range(N_EVENTS))


def test_several_listeners_hear_the_same(rig):
    """`watch` on two terminals, and the client."""
    rig.start("r1", BUSY)
    listeners = [rig.begin("follow", run_id="r1", after=0) for _ in range(3)]
    answers = [
        [line for line in listener.communicate(timeout=60)[0].splitlines() if b'"seq"' in line]
        for listener in listeners
    ]
    assert answers[0] == answers[1] == answers[2]
    assert is_gapless([json.loads(line) for line in answers[0]])


def test_who_comes_late_hears_the_rest(rig):
    """Also after the end, for as long as the run is there."""
    rig.start("r1", BUSY)
    events, _ = rig.follow("r1")
    again, last = rig.follow("r1", after=events[-4]["seq"])
    assert again == events[-3:]
    assert last["ok"]
    assert rig.follow("r1", after=events[-1]["seq"]) == ([], {"ok": True, "last": len(events)})


def test_the_keeper_is_gone_when_the_answer_ends(rig):
    """What is asked next, to fetch, to remove, to begin another run, finds nobody in its way."""
    rig.start("r1", "start()\nsay('finished', exit_code=0)")
    rig.follow("r1")
    assert rig.lease("r2")["ok"]
    assert rig.call("fetched", run_id="r1")["ok"]
    assert not (rig.work.runs / "r1").exists()


def test_the_live_status_comes_between(rig):
    """Once a second, without a number; `preflight` before the run has a directory."""
    rig.start("r1", "time.sleep(1.5)\nstart()\ntime.sleep(1.5)\nsay('finished', exit_code=0)")
    lines = rig.lines("follow", run_id="r1", after=0)
    told = [line["status"]["phase"] for line in lines if line.get("kind") == "status"]
    assert told[0] == "preflight"
    assert told[-1] == "measure"
    assert 3 <= len(told) <= 8
    assert all("seq" not in line for line in lines if line.get("kind") == "status")


def test_a_dead_keeper_is_told(rig):
    """What it wrote is told first; nothing is waited for that will not come."""
    rig.start("r1", "start()\nevent(0)\ntime.sleep(60)")
    rig.await_event("r1", "run_event")
    listener = rig.begin("follow", run_id="r1", after=0)
    rig.kill_keeper("r1")
    lines = [json.loads(line) for line in listener.communicate(timeout=60)[0].splitlines()]
    assert lines[-1] == {"ok": True, "gone": "its keeper is gone: it was killed, or crashed"}
    assert numbers(line for line in lines if line.get("seq")) == [0]


def test_a_reboot_is_told(rig):
    """The keeper of another boot is never taken for one of this."""
    rig.start("r1", "start()\ntime.sleep(60)")
    rig.kill_keeper("r1")
    path = rig.work.run("r1").keeper
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "boot_id": "another", "pid": os.getpid()}))
    assert rig.follow("r1")[1] == {"ok": True, "gone": "the rig was booted again since"}


def test_a_run_that_is_not_there_is_gone(rig):
    """Fetched, given up, or never here."""
    assert "not on this rig" in rig.follow("r7")[1]["gone"]


@pytest.mark.parametrize("after", [-1, "0", None, 1.5])
def test_a_number_that_cannot_be_meant_is_refused(rig, after):
    """It would tell events twice."""
    assert rig.call("follow", run_id="r1", after=after)["error"]["type"] == "UsageError"


def test_what_follow_costs_while_nothing_happens(rig):
    """It runs beside the measurement: less than 3 % of one core (ten looks a second, measured 1.1 %)."""
    rig.start("r1", "start()\ntime.sleep(60)")
    rig.await_event("r1", "started")
    listener = rig.begin("follow", run_id="r1", after=0)
    listener.stdout.readline()
    assert is_ever_below(listener.pid, 3)
    listener.kill()
    listener.communicate()
