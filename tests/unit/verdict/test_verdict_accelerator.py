"""hilrig.verdict.accelerator: a claimed accelerator needs a witness of its own."""

import pytest

from builders import Curve, cpu_time, make_capability, make_event, make_events, make_plan, make_record, memory_peak
from hilrig.core.telemetry import Reason
from hilrig.verdict.accelerator import check_accelerator
from hilrig.verdict.channels import Telemetry
from hilrig.verdict.window import cut


def checked(providers, *, points=None, name="hw.gpu.utilization"):
    plan = make_plan()
    ready = make_event("child_ready", role="worker", facts={"target": {"providers": providers}})
    curves = [memory_peak(plan, 100), *cpu_time(plan)]
    if points is not None:
        base = cut(make_record(plan=plan)).start_ns
        curves.append(
            Curve(
                capability=make_capability(name),
                points=tuple((base + i * 100_000_000, value) for i, value in enumerate(points)),
            )
        )
    record = make_record(plan=plan, curves=curves, events=[ready, *make_events(plan)])
    return check_accelerator(cut(record), Telemetry(record), record.events)


@pytest.mark.parametrize("providers", [[], ["CPUExecutionProvider"]])
def test_a_cpu_target_needs_no_witness(providers):
    """Nothing was claimed, so nothing has to be proven."""
    assert checked(providers).ok


@pytest.mark.parametrize("name", ["hw.gpu.utilization", "hilrig.process.gpu.memory.usage"])
def test_a_gpu_that_was_seen_at_work_is_believed(name):
    """The device's own telemetry rose above 0 in the measured part."""
    found = checked(["CUDAExecutionProvider", "CPUExecutionProvider"], points=[0.0, 0.4, 0.3], name=name)
    assert found.ok
    assert name in found.observed_text


@pytest.mark.parametrize("points", [None, [0.0] * 20, [Reason.NOT_SUPPORTED] * 20])
def test_a_claim_without_a_witness_is_not_believed(points):
    """No channel, one that stays at 0, one without values: a silent fallback looks just like this."""
    found = checked(["CUDAExecutionProvider", "CPUExecutionProvider"], points=points)
    assert not found.ok
    assert "CUDAExecutionProvider" in found.sentence
