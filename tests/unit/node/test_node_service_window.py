"""hilrig.node.service.window, deadline, config, plc_output: counting, ending in time, telling the PLC."""

import asyncio
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from hilrig.core.errors import UsageError
from hilrig.core.plc import FailSafeReason
from hilrig.node.service.app import create_app
from hilrig.node.service.config import ServiceConfig
from hilrig.node.service.deadline import Deadline, DeadlinePassedError
from hilrig.node.service.plc_metrics import PlcMetrics
from hilrig.node.service.plc_output import PlcOutput
from hilrig.node.service.window import N_KEPT, Failure, ShadowWindow, Window, percentile_ms
from own_loops import run_async


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from([50, 95, 99]))
def test_a_percentile_is_one_of_the_values_with_enough_at_or_below(values, per_cent):
    """Nearest rank: the smallest value that at least so many per cent do not exceed."""
    found = percentile_ms(values, per_cent)
    at_most = [value for value in values if value <= found + 1e-3]
    below = [value for value in values if value < found - 1e-3]
    assert len(at_most) * 100 >= len(values) * per_cent > len(below) * 100


def test_without_a_sample_there_is_no_percentile():
    """Nothing measured is null, not 0: a guardrail cannot pass on it."""
    found = Window("r").as_json()
    assert (found["n"], found["p50_ms"], found["p95_ms"], found["p99_ms"]) == (0, None, None, None)
    assert ShadowWindow("s").as_json()["p95_ms"] is None


def test_failures_count_and_have_no_latency():
    """A timeout is in n, n_failed and n_timeout; it does not make the percentiles look better."""
    window = Window("r")
    window.decided(10.0)
    for failure in Failure:
        window.failed(failure)
    found = window.as_json()
    assert (found["n"], found["n_failed"], found["n_timeout"], found["n_non_finite"]) == (6, 5, 1, 1)
    assert found["p99_ms"] == 10.0


def test_a_window_is_bounded_and_keeps_the_newest():
    """A node that serves for a year needs no more memory than one that serves for ten minutes."""
    window = Window("r")
    for _ in range(N_KEPT):
        window.decided(100.0)
    for _ in range(N_KEPT):
        window.decided(1.0)
    assert (window.n, window.as_json()["p99_ms"]) == (2 * N_KEPT, 1.0)


def test_a_shadow_that_fails_does_not_agree():
    """Inputs that it did not decide are counted as failed, apart from disagreements."""
    window = ShadowWindow("s")
    window.compared(agrees=True, infer_ms=5.0)
    window.compared(agrees=False, infer_ms=7.0)
    window.failed()
    assert window.as_json() == {"release_sha256": "s", "n": 3, "n_failed": 1, "n_disagreed": 1, "p95_ms": 7.0}


def test_a_deadline_ends_what_takes_too_long():
    """What waits inside is ended, and the task goes on after it as if nothing had been."""

    async def wait() -> str:
        loop = asyncio.get_running_loop()
        with pytest.raises(DeadlinePassedError), Deadline(loop.time() + 0.01):
            await asyncio.sleep(30)
        await asyncio.sleep(0)
        return "went on"

    assert run_async(wait()) == "went on"


def test_a_deadline_leaves_alone_what_is_in_time_or_fails_by_itself():
    """Results, errors and a cancel from outside pass through."""

    async def all_three() -> None:
        loop = asyncio.get_running_loop()
        with Deadline(loop.time() + 30):
            await asyncio.sleep(0)
        with pytest.raises(ValueError, match="mine"), Deadline(loop.time() + 30):
            raise ValueError("mine")

        async def inside() -> None:
            with Deadline(loop.time() + 30):
                await asyncio.sleep(30)

        task = asyncio.ensure_future(inside())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_async(all_three())


def test_a_deadline_that_has_passed_already_ends_the_first_wait():
    """A request whose first byte lies further back than the ceiling gets no time at all."""

    async def late() -> None:
        with pytest.raises(DeadlinePassedError), Deadline(asyncio.get_running_loop().time() - 1):
            await asyncio.sleep(30)

    run_async(late())


@pytest.mark.parametrize(
    "wrong", [{"ceiling_ms": 0}, {"queue_depth": 0}, {"stuck_ms": float("nan")}, {"stuck_ms": 39}]
)
def test_limits_that_cannot_be_meant_are_refused(wrong):
    """No ceiling, no queue, no patience, or a model that is stuck before it is late."""
    with pytest.raises(UsageError):
        ServiceConfig(**wrong)


class Adapter:
    """Keeps what would go to the PLC."""

    def __init__(self):
        self.told = []

    def submit(self, **fields):
        self.told.append(fields)

    def submit_error(self, **fields):
        self.told.append(fields)


def decided(correlation_id, *, total_ms=10.0):
    filled = SimpleNamespace(correlation_id=correlation_id)
    return SimpleNamespace(filled=filled, is_defective=True, score=0.5, total_ms=total_ms)


def test_the_plc_gets_the_number_that_the_client_gave():
    """A numeric correlation id is the sequence; others are counted; it has 32 bits."""
    adapter = Adapter()
    output = PlcOutput(adapter, ServiceConfig())
    for correlation_id in ("41", None, "part-7", str(2**32 + 5), "²"):
        output.decided(decided(correlation_id))
    assert [told["sequence"] for told in adapter.told] == [41, 2, 3, 5, 5]


def test_the_plc_gets_the_end_of_the_ceiling_with_a_decision():
    """A decision at 10 of 40 ms has 30 ms left; one beyond the ceiling has its deadline behind it."""
    adapter = Adapter()
    output = PlcOutput(adapter, ServiceConfig())
    output.decided(decided("1", total_ms=10))
    output.decided(decided("2", total_ms=50))
    left_ms = [(told["deadline_ns"] - told["decided_ns"]) / 1e6 for told in adapter.told]
    assert left_ms == pytest.approx([30, -10])


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("HR-203", FailSafeReason.LATE),
        ("HR-205", FailSafeReason.NON_FINITE),
        ("HR-206", FailSafeReason.QUEUE_FULL),
        ("HR-207", FailSafeReason.SERVICE_ERROR),
        ("HR-204", FailSafeReason.SERVICE_ERROR),
        ("", FailSafeReason.SERVICE_ERROR),
    ],
)
def test_the_plc_is_told_why_there_is_no_decision(code, reason):
    """Every request without a decision is a fail-safe with its reason, bad inputs too."""
    adapter = Adapter()
    PlcOutput(adapter, ServiceConfig()).failed(error_code=code, correlation_id="7")
    assert adapter.told == [{"sequence": 7, "reason": reason}]


REPORT = {
    "connected": True,
    "running": True,
    "n_written": 500,
    "n_failed": 2,
    "n_ticks_missed": 3,
    "n_fail_safe": {"late": 4, "absent": 40},
    "n_lost": 5,
    "n_late": 6,
    "n_refused": 7,
    "tick_late_p50_us": 80,
    "tick_late_p99_us": 250,
    "tick_late_max_us": 1500,
}


def plc_metrics(report) -> str:
    registry = CollectorRegistry()
    registry.register(PlcMetrics(SimpleNamespace(status=lambda: report)))
    return generate_latest(registry).decode()


def test_the_plcs_metrics_are_the_write_loops_counts():
    """Heartbeats, fail-safes by reason, the link, lateness in seconds; each with its kind and its words."""
    lines = plc_metrics(REPORT).splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "plc_link_up 1.0",
        "plc_heartbeats_written_total 500.0",
        "plc_writes_failed_total 2.0",
        "plc_ticks_missed_total 3.0",
        "plc_decisions_lost_total 5.0",
        "plc_decisions_late_total 6.0",
        "plc_decisions_refused_total 7.0",
        'plc_fail_safes_written_total{reason="late"} 4.0',
        'plc_fail_safes_written_total{reason="absent"} 40.0',
        'plc_tick_lateness_seconds{quantile="0.5"} 8e-05',
        'plc_tick_lateness_seconds{quantile="0.99"} 0.00025',
        'plc_tick_lateness_seconds{quantile="1"} 0.0015',
    ]
    assert sum(line.startswith("# TYPE plc_") for line in lines) == 9


def test_a_write_loop_that_died_has_no_link():
    """Its last report said connected; a process that is gone writes no heartbeat."""
    assert "plc_link_up 0.0" in plc_metrics({**REPORT, "running": False})
    assert "plc_link_up 0.0" in plc_metrics({**REPORT, "connected": False})


def test_before_the_first_report_nothing_is_made_up():
    """No count is 0 that was not counted; that no link is known to be up is said."""
    found = [line for line in plc_metrics({}).splitlines() if not line.startswith("#")]
    assert found == ["plc_link_up 0.0"]
    lines = plc_metrics({**REPORT, "tick_late_p50_us": None}).splitlines()
    assert not [line for line in lines if 'quantile="0.5"' in line]


def test_a_fault_of_the_service_is_a_500_without_its_words():
    """A client learns that there is no decision; the log says what was wrong, once."""
    said = []

    class Broken:
        shadow = None

        @property
        def window(self):
            raise ZeroDivisionError("secret")

        def log(self, event, **fields):
            said.append((event, fields["reason"]))

    app = create_app(ServiceConfig(), Broken(), None)
    answers = []

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        answers.append(message)

    for path, method in (("/node/window", "GET"), ("/infer", "POST"), ("/node/window", "GET")):
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "headers": [],
            "query_string": b"",
            "root_path": "",
        }
        with pytest.raises(ZeroDivisionError):
            run_async(app(scope, receive, send))
    assert [message["status"] for message in answers if "status" in message] == [500] * 3
    assert b"secret" not in b"".join(message.get("body", b"") for message in answers)
    assert [event for event, _ in said] == ["service.fault"]
    assert "ZeroDivisionError" in said[0][1]
