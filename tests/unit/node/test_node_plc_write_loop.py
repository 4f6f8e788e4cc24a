"""hilrig.node.plc.write_loop: the grid, the line that breaks."""

from typing import Any

import pytest

from hilrig.core.clock import ManualClock
from hilrig.core.plc import PlcWrite
from hilrig.core.units import NS_PER_MS
from hilrig.node.plc.decision import decided
from hilrig.node.plc.link import PlcLinkError
from hilrig.node.plc.url import read_plc_url
from hilrig.node.plc.write_loop import WriteLoop

MS = NS_PER_MS
URL = read_plc_url("modbus://plc?period_ms=10&max_age_ms=100")


class Line:
    """A line on a clock that is moved by hand: `lasts_ms` is how long each call takes."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock, self.lasts_ms = clock, 1
        self.answers = True
        self.tried: list[tuple[int, PlcWrite]] = []
        self.n_connects = 0

    def connect(self) -> None:
        self.n_connects += 1
        self._pass("no route")

    def write(self, write: PlcWrite) -> None:
        self.tried.append((self.clock.now_ns // MS, write))
        self._pass("no answer")

    def close(self) -> None:
        """Nothing to close."""

    def _pass(self, why: str) -> None:
        self.clock.now_ns += self.lasts_ms * MS
        if not self.answers:
            raise PlcLinkError(why)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def line(clock: ManualClock) -> Line:
    return Line(clock)


@pytest.fixture
def log() -> list[tuple[str, dict[str, Any]]]:
    return []


@pytest.fixture
def loop(clock: ManualClock, line: Line, log: list[tuple[str, dict[str, Any]]]) -> WriteLoop:
    return WriteLoop(line, URL, clock=clock, log=lambda event, **detail: log.append((event, detail)))


def run(loop: WriteLoop, n_ticks: int) -> None:
    for _ in range(n_ticks):
        loop.wait()
        loop.tick()


def test_ticks_are_computed_from_the_start(loop: WriteLoop, line: Line) -> None:
    """A write that takes 3 ms moves no later one."""
    line.lasts_ms = 3
    run(loop, 50)
    assert [at for at, _ in line.tried[1:]] == [10 * tick for tick in range(1, 50)]


def test_a_slow_write_leaves_ticks_out_and_keeps_the_grid(loop: WriteLoop, line: Line) -> None:
    """A write of 27 ms costs two ticks; the next one is on the grid again."""
    run(loop, 5)
    line.lasts_ms = 27
    run(loop, 1)
    line.lasts_ms = 1
    run(loop, 2)
    assert [at for at, _ in line.tried[-3:]] == [50, 80, 90]
    assert loop.counts.n_ticks_missed == 2


def test_a_lost_plc_is_tried_again_with_growing_waits(loop: WriteLoop, line: Line, log: list[Any]) -> None:
    """One second between two tries at most, no write meanwhile, one log line for the whole outage."""
    run(loop, 3)
    line.answers = False
    run(loop, 1000)
    assert 12 <= line.n_connects <= 16
    assert [event for event, _ in log] == ["plc.connected", "plc.lost"]
    assert log[1][1]["error_code"] == "HR-401"
    line.answers = True
    run(loop, 101)
    assert loop.is_connected
    assert [event for event, _ in log][2:] == ["plc.connected"]


def test_an_open_port_that_never_answers_counts_as_lost(loop: WriteLoop, line: Line, log: list[Any]) -> None:
    """Connecting proves nothing: the waits grow all the same."""
    line.write = lambda _: line.answers or line._pass("no answer")  # type: ignore[method-assign] # a port without a PLC
    line.connect, line.answers = (lambda: None), False  # type: ignore[method-assign] # a port without a PLC
    run(loop, 1000)
    assert loop.counts.n_failed < 16
    assert [event for event, _ in log] == ["plc.lost"]


def test_a_decision_survives_a_short_outage_and_a_stale_one_does_not(
    loop: WriteLoop, line: Line, clock: ManualClock, log: list[Any]
) -> None:
    """Nothing that grew old while the PLC was away is written as good."""
    run(loop, 1)
    line.answers = False
    now_ns = clock.now_ns
    loop.outputs.take(decided(sequence=1, is_defective=False, score=0, decided_ns=now_ns, deadline_ns=now_ns))
    run(loop, 30)
    line.answers = True
    run(loop, 60)
    first = next(write for at, write in line.tried if write.sequence == 1 and at * MS > now_ns + 300 * MS)
    assert (first.decision.name, first.reason.name) == ("FAIL_SAFE", "LATE")
    assert log[-1] == ("plc.fail_safe", {"error_code": "HR-402", "sequence": 1, "detail": "late"})


def test_fail_safes_are_counted_by_their_reason(loop: WriteLoop, line: Line, clock: ManualClock) -> None:
    """Only what the PLC took counts: ten writes of a decision while it is fresh, then absent; none while away."""
    run(loop, 1)
    now_ns = clock.now_ns
    loop.outputs.take(decided(sequence=1, is_defective=False, score=0, decided_ns=now_ns, deadline_ns=now_ns))
    run(loop, 15)
    counted = {reason.name: n for reason, n in loop.counts.n_fail_safe.items() if n}
    n_absent = sum(write.reason.name == "ABSENT" for _, write in line.tried)
    assert counted == {"ABSENT": n_absent}
    assert 3 <= n_absent <= 6
    line.answers = False
    run(loop, 20)
    assert sum(loop.counts.n_fail_safe.values()) == n_absent
    assert loop.counts.n_written == 16


def test_lateness_is_a_percentile_of_all_ticks(loop: WriteLoop, clock: ManualClock) -> None:
    """One tick of a hundred that begins 4 ms late is the maximum and nothing else."""
    run(loop, 99)
    loop.wait()
    clock.now_ns += 4 * MS
    loop.tick()
    assert [loop.counts.lateness_us(permille) for permille in (500, 990, 1000)] == [0, 0, 4000]
