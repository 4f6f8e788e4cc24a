"""The agent's loop goes on whatever fails around it: servers, services, reports, another agent."""

import subprocess
import sys
from typing import Any

import pytest

from following_nodes import NO_MODEL, current
from hilrig.node.agent.reporting import Reports
from hilrig.node.store_fault import StoreBusyError


def test_mender_827_a_lost_report_takes_nothing_back(node):
    """Nobody takes the report: the release stays, the report waits on disk, and goes out later, in order."""
    good = node.publisher.release(15)
    node.publisher.desire(good, 15)
    node.takes_reports = False
    node.once()
    assert node.runs(good)
    node.takes_reports = True
    node.once()
    assert [report["event"] for report in node.taken] == ["agent.trial", "agent.confirmed"]


def test_the_loop_backs_off_from_what_keeps_failing(node):
    """A release that cannot be fetched is not tried every period: the pauses grow to a bound."""
    node.publisher.desire(node.publisher.release(35), 35, release_url="releases/none")
    node.n_waits = 40
    node.agent().run()
    times = [event for event in node.events if event[:2] == ("agent.failed", "HR-304")]
    assert len(times) == 39
    assert node.clock.now_ns > 30e9 * 32 * 20  # most pauses are 32 periods long


def test_the_loop_goes_on_when_the_desired_state_is_mended(node):
    """After a hostile one the loop follows the next good one, without a restart."""
    good = node.publisher.release(36)
    node.publisher.desire(good, 36, signer=node.publisher.stranger)
    agent = node.agent()
    node.n_waits = 3
    agent.run()
    node.publisher.desire(good, 36)
    node.n_waits = 100
    agent.run()
    assert node.runs(good)


def test_what_serves_is_brought_back_to_what_the_store_says(node):
    """The service was down when a release was taken back: the next look puts the right model in its place."""
    before = current(node)
    node.publisher.desire(before, 37)
    node.once()
    node.service.serving = NO_MODEL
    node.once()
    assert node.runs(before)


def test_a_server_that_tidied_up_takes_nothing_from_a_node(node):
    """What runs goes on running when its release is no longer offered: there is only no news of the gate."""
    good = node.publisher.release(40)
    node.publisher.desire(good, 40)
    node.once()
    node.publisher.desire(good, 41, release_url="releases/none")
    assert "runs already" in node.once()
    assert node.runs(good)


def test_a_verdict_is_not_unsaid_while_the_store_is_busy(node):
    """Proven bad while another process holds the store: it is taken back at the next try, whatever comes since."""
    before, bad = current(node), node.publisher.release(43)
    node.service.bad.add(bad)
    node.publisher.desire(bad, 43)
    agent, refusals = node.agent(), []
    rollback = node.store.rollback

    def busy_once(*arguments: Any, **named: Any) -> str:
        if not refusals:
            refusals.append(1)
            node.service.bad.clear()
            raise StoreBusyError("another process")
        return rollback(*arguments, **named)

    node.store.rollback = busy_once  # type: ignore[method-assign]
    node.n_waits = 60
    agent.run()
    assert node.runs(before)
    assert bad in node.store.state().barred


def test_reports_that_nobody_takes_are_bounded(tmp_path):
    """The queue keeps the newest hundred; a line that was cut off by a power loss is passed over."""
    path = tmp_path / "reports.jsonl"
    reports = Reports(path, None)
    for number in range(130):
        reports.add({"number": number})
    assert [report["number"] for report in reports.waiting()] == list(range(30, 130))
    path.write_bytes(path.read_bytes()[:-4])
    assert len(reports.waiting()) == 99


def test_a_report_that_cannot_be_written_hurts_nobody(tmp_path):
    """A missing folder, as a full disk would: no error comes out."""
    Reports(tmp_path / "none" / "reports.jsonl", lambda _: True).add({"number": 1})


HOLD = """
import sys, threading
from pathlib import Path
from hilrig.node.agent.opening import AgentSettings, opened_agent
settings = AgentSettings(store=Path(sys.argv[1]), desired="/none", service="http://127.0.0.1:1", period_s=1)
with opened_agent(settings, threading.Event()):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.waiting
def test_a_second_agent_ends_with_who_holds_the_lock(node):
    """Two agents on one store: the second says which process is the first; after that one was killed it may."""
    from threading import Event

    from hilrig.node.agent.opening import AgentSettings, opened_agent

    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, node.store.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    settings = AgentSettings(store=node.store.folder, desired="/none", service="http://127.0.0.1:1", period_s=1)
    try:
        assert first.stdout.readline() == b"held\n"
        with pytest.raises(StoreBusyError, match=f"process {first.pid}"), opened_agent(settings, Event()):
            pass
    finally:
        first.kill()
        first.communicate(timeout=60)
    with opened_agent(settings, Event()):
        pass
