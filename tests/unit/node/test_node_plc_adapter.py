"""hilrig.node.plc.adapter: against a real Modbus server, through real processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from hilrig.core.errors import UsageError
from hilrig.core.plc import FailSafeReason, PlcDecision
from hilrig.node.plc.adapter import PlcAdapter, open_adapter
from plc_servers import PlcServer, plc_server

pytestmark = pytest.mark.waiting  # each test waits for processes and for ages of 100 ms


@pytest.fixture
def plc() -> Iterator[PlcServer]:
    with plc_server() as server:
        yield server


@pytest.fixture
def adapter(plc: PlcServer) -> Iterator[PlcAdapter]:
    opened = open_adapter(plc.url)
    try:
        plc.until(lambda _: True)
        yield opened
    finally:
        opened.close()


def submit(adapter: PlcAdapter, sequence: int, *, is_defective: bool = False, score: float = 0.1) -> None:
    now_ns = time.monotonic_ns()
    adapter.submit(
        sequence=sequence, is_defective=is_defective, score=score, decided_ns=now_ns, deadline_ns=now_ns
    )


def test_a_decision_reaches_the_plc_fresh(plc: PlcServer, adapter: PlcAdapter) -> None:
    """Good and defective arrive as what they are, in order, with their sequence."""
    submit(adapter, 70_000)
    submit(adapter, 70_001, is_defective=True)
    assert plc.until(lambda write: write.sequence == 70_000).decision is PlcDecision.GOOD
    assert plc.until(lambda write: write.sequence == 70_001).decision is PlcDecision.DEFECTIVE


def test_the_heartbeat_goes_on_while_the_producer_stalls(plc: PlcServer, adapter: PlcAdapter) -> None:
    """No decision for 100 ms: fail-safe, absent; every write has its own heartbeat."""
    submit(adapter, 1)
    absent = plc.until(lambda write: write.reason is FailSafeReason.ABSENT)
    assert (absent.decision, absent.sequence) == (PlcDecision.FAIL_SAFE, 1)
    beats = [write.heartbeat for _, write in plc.writes]
    assert beats == list(range(beats[0], beats[0] + len(beats)))


def test_nan_and_errors_fail_safe(plc: PlcServer, adapter: PlcAdapter) -> None:
    """Neither a NaN nor a failed request is ever good."""
    submit(adapter, 1, score=float("nan"))
    adapter.submit_error(sequence=2)
    assert plc.until(lambda write: write.sequence == 1).reason is FailSafeReason.NON_FINITE
    assert plc.until(lambda write: write.sequence == 2).reason is FailSafeReason.SERVICE_ERROR
    assert all(write.decision is not PlcDecision.GOOD for _, write in plc.writes)


def test_a_server_that_went_away_is_found_again() -> None:
    """The PLC reboots: the adapter comes back by itself, and what it decided meanwhile is not good any more."""
    with plc_server() as first:
        opened = open_adapter(first.url)
        first.until(lambda _: True)
    submit(opened, 2)
    time.sleep(0.15)  # the decision grows old while nobody listens
    with plc_server(first.port) as second:
        back = second.until(lambda _: True)
        opened.close()
    assert (back.sequence, back.reason) == (2, FailSafeReason.LATE)
    assert back.decision is PlcDecision.FAIL_SAFE


def test_what_changes_is_logged_like_the_rest_of_the_node(plc: PlcServer) -> None:
    """Found, fail-safe: a JSON line each, with the node's name and the code that says who acts on it."""
    code = (
        "import sys; from hilrig.node.plc.adapter import open_adapter;"
        "a = open_adapter(sys.argv[1], node='line-4'); sys.stdin.readline();"
        "a.submit_error(sequence=3); sys.stdin.readline(); a.close()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, plc.url], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as node:
        plc.until(lambda _: True)
        print(file=node.stdin, flush=True)
        plc.until(lambda write: write.reason is FailSafeReason.SERVICE_ERROR)
        lines = [json.loads(line) for line in node.communicate("\n")[1].splitlines()]
    assert [(line["event"], line["error_code"]) for line in lines] == [
        ("plc.connected", ""),
        ("plc.fail_safe", "HR-402"),
    ]
    assert lines[1]["node"] == "line-4"
    assert lines[1]["detail"] == "service_error"


def test_a_slow_server_costs_ticks_and_never_the_service(plc: PlcServer, adapter: PlcAdapter) -> None:
    """Answers take 30 ms: submitting stays a matter of microseconds, the grid leaves ticks out."""
    plc.answer_after_s = 0.03
    lasted_ns = []
    for sequence in range(1, 21):
        begin_ns = time.monotonic_ns()
        submit(adapter, sequence)
        lasted_ns.append(time.monotonic_ns() - begin_ns)
        time.sleep(0.005)
    assert sorted(lasted_ns)[10] < 1_000_000
    lost = plc.until(lambda write: write.reason is FailSafeReason.QUEUE_FULL)
    assert lost.decision is PlcDecision.FAIL_SAFE


def test_a_server_that_refuses_is_no_plc(plc: PlcServer, adapter: PlcAdapter) -> None:
    """A Modbus exception is a failed write: the adapter backs off and comes back when it is over."""
    plc.refuses = True
    time.sleep(0.4)
    n_refused = len(plc.writes)
    plc.refuses = False
    submit(adapter, 5)
    assert n_refused < 60  # of the 40 ticks that passed and those before, only the tries were made
    plc.until(lambda write: write.sequence == 5, after=n_refused)


def test_a_stopped_write_loop_blocks_nobody(plc: PlcServer, adapter: PlcAdapter) -> None:
    """With its process frozen, 5000 decisions are taken or counted as refused at once, none waits for it."""
    os.kill(adapter.pid, signal.SIGSTOP)
    begin_s = time.monotonic()
    for sequence in range(5000):
        submit(adapter, sequence)
    lasted_s = time.monotonic() - begin_s
    os.kill(adapter.pid, signal.SIGCONT)
    assert lasted_s < 30  # 0.06 s where nobody takes the CPU; one that waited would wait for ever
    assert 1000 < adapter.n_refused < 4000  # a pipe holds some 2500 of them


def test_a_killed_service_leaves_the_fail_safe_output(plc: PlcServer) -> None:
    """SIGKILL of the service: its adapter writes once more, then ends."""
    code = (
        "import sys,time; from hilrig.node.plc.adapter import open_adapter; a = open_adapter(sys.argv[1]);"
        "n = time.monotonic_ns();"
        "a.submit(sequence=3, is_defective=False, score=0.0, decided_ns=n + 10**10, deadline_ns=n + 10**11);"
        "print(a.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, plc.url], stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        pid = int(service.stdout.readline())
        plc.until(lambda write: write.sequence == 3 and write.decision is PlcDecision.GOOD)
        service.kill()
    last = plc.until(lambda write: write.decision is PlcDecision.FAIL_SAFE)
    assert (last.sequence, last.reason) == (3, FailSafeReason.SERVICE_ERROR)
    deadline_s = time.monotonic() + 60
    while _runs(pid) and time.monotonic() < deadline_s:
        time.sleep(0.01)
    assert not _runs(pid)


def test_the_loop_reports_its_own_jitter(plc: PlcServer, adapter: PlcAdapter) -> None:
    """Within two seconds there is a report with the lateness of its ticks."""
    deadline_s = time.monotonic() + 60
    while not adapter.status().get("n_written") and time.monotonic() < deadline_s:
        time.sleep(0.05)
    report = adapter.status()
    assert report["connected"]
    assert 0 <= report["tick_late_p50_us"] <= report["tick_late_p99_us"] <= report["tick_late_max_us"]


def test_a_url_with_a_mistake_is_refused_before_anything_starts() -> None:
    """The service does not start with a PLC that nobody can mean."""
    with pytest.raises(UsageError):
        open_adapter("modbus://127.0.0.1:1?period=10")


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - a pseudo file
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
