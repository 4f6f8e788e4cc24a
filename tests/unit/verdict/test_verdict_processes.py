"""hilrig.verdict.processes: what the processes got from the system, read from the record."""

from hilrig.core.run import RunEvent
from hilrig.core.verdict import ProcessSetup
from hilrig.verdict.processes import process_setups

TOLD = {
    "real_time_priority": 50,
    "is_memory_locked": True,
    "cpus": [0],
    "timer_slack_ns": 1,
    "spin_us": 92.5,
    "refused": [],
}


def ready(role, facts):
    return RunEvent(seq=0, t_ns=0, at_utc="", kind="child_ready", detail={"role": role, "facts": facts})


def test_each_process_has_its_row():
    """What a process said of itself is what the report shows."""
    rows = process_setups(
        (ready("feeder", {"setup": TOLD}), ready("worker", {"setup": {"refused": ["CPUs 9: no"]}}))
    )
    assert rows[0] == ProcessSetup(
        role="feeder",
        real_time_priority=50,
        is_memory_locked=True,
        cpus=(0,),
        timer_slack_ns=1,
        spin_us=92.5,
        refused=(),
    )
    assert rows[1].real_time_priority is None
    assert rows[1].refused == ("CPUs 9: no",)


def test_a_run_of_before_has_no_rows():
    """Events that say nothing of it give nothing: no row is invented."""
    assert process_setups((ready("feeder", {"real_time": True}),)) == ()
