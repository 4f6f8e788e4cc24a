"""hilrig.verdict.self_checks.accelerator: an accelerator is believed on proof and witness, not on its word."""

from dataclasses import replace

import pytest

from accelerator_proofs import BLIND, CPU, CUDA, MIB, make_proof, make_shares
from builders import Curve, cpu_time, make_capability, make_event, make_events, make_plan, make_record, memory_peak
from hilrig.core.channels import GPU_MEMORY, GPU_UTILIZATION, HW_ID, PROCESS_GPU_MEMORY
from hilrig.core.profile import BackendSpec
from hilrig.core.telemetry import Reason
from hilrig.verdict.self_checks.accelerator import check_accelerator
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.window import cut

BUSY = [0.0, 0.4, 0.3]


def checked(providers, *, points=None, name=GPU_UTILIZATION, asked=None, proof=None):
    """Return the check of a run whose target said `providers`; `asked` are those of the profile's backend."""
    plan = make_plan()
    if asked is not None:
        backend = BackendSpec(name="onnx", options={"providers": list(asked)} if asked else {})
        plan = replace(plan, pipeline=replace(plan.pipeline, backend=backend))
    ready = make_event("child_ready", role="worker", facts={"target": {"providers": providers}})
    curves = [memory_peak(plan, 100), *cpu_time(plan)]
    if points is not None:
        base = cut(make_record(plan=plan)).start_ns
        curves.append(
            Curve(
                capability=make_capability(name, attributes=((HW_ID, "gpu0"),)),
                points=tuple((base + i * 100_000_000, value) for i, value in enumerate(points)),
            )
        )
    record = make_record(plan=plan, curves=curves, events=[ready, *make_events(plan)])
    return check_accelerator(cut(record), Telemetry(record), record.events, proof=proof)


@pytest.mark.parametrize("providers", [[], [CPU]])
@pytest.mark.parametrize("asked", [None, [], [CPU]])
def test_a_cpu_target_needs_no_witness(providers, asked):
    """Nothing was asked for or claimed, so nothing has to be proven."""
    assert checked(providers, asked=asked).ok


@pytest.mark.parametrize("name", [GPU_UTILIZATION, PROCESS_GPU_MEMORY])
def test_a_foreign_pipeline_is_believed_on_the_witness_of_the_run(name):
    """It cannot be probed; the device's own telemetry rose above 0 in the measured part."""
    found = checked([CUDA, CPU], points=BUSY, name=name)
    assert found.ok
    assert name in found.observed_text


@pytest.mark.parametrize("points", [None, [0.0] * 20, [Reason.NOT_SUPPORTED] * 20])
@pytest.mark.parametrize(("asked", "proof"), [(None, None), ([CUDA, CPU], make_proof())])
def test_a_claim_without_a_witness_is_not_believed(points, asked, proof):
    """No channel, one that stays at 0, one without values: a fallback after the probe looks just like this."""
    found = checked([CUDA, CPU], points=points, asked=asked, proof=proof)
    assert not found.ok
    assert CUDA in found.sentence
    assert "no telemetry channel saw it work in the run" in found.sentence


def test_a_proven_accelerator_that_was_seen_is_believed():
    """The share of the probe and the channels of the run stand in the sentence."""
    found = checked([CUDA, CPU], points=BUSY, asked=[CUDA, CPU], proof=make_proof())
    assert found.ok
    assert "98 % of the node time of the probe, at least 90 % required" in found.observed_text
    assert "in the run seen in hw.gpu.utilization{hw.id=gpu0}" in found.observed_text


@pytest.mark.parametrize(
    ("proof", "words"),
    [
        (None, "no proof from before the run"),
        (make_proof(shares=make_shares(50.0)), "took 50 % of the node time"),
        (make_proof(witnesses=(BLIND,)), "no telemetry channel can see"),
        (make_proof(active=(CPU,)), f"came up on {CPU}"),
        (make_proof(asked=(CUDA,)), "the proof is of CUDAExecutionProvider"),
    ],
)
def test_an_accelerator_that_was_asked_for_needs_a_sound_proof(proof, words):
    """A busy GPU alone may be somebody else's, or do a tenth of the work."""
    found = checked([CUDA, CPU], points=BUSY, asked=[CUDA, CPU], proof=proof)
    assert not found.ok
    assert words in found.sentence


@pytest.mark.parametrize(("claimed", "words"), [([CPU], f"came up on {CPU}"), ([], "came up on no provider")])
def test_a_target_that_came_up_on_something_else_is_not_believed(claimed, words):
    """The proof is of what could have run; the target says what did."""
    found = checked(claimed, points=BUSY, asked=[CUDA, CPU], proof=make_proof())
    assert not found.ok
    assert words in found.sentence


@pytest.mark.parametrize(("mib", "ok"), [(900, True), (301, False), (300, False)])
def test_the_devices_memory_is_held_against_what_it_was_before_the_probe(mib, ok):
    """Others use it too: only what is over the 300 MiB of before is the target's."""
    found = checked([CUDA], points=[float(mib * MIB)] * 3, name=GPU_MEMORY, asked=[CUDA, CPU], proof=make_proof())
    assert found.ok is ok


def test_the_devices_memory_says_nothing_without_a_level_from_before():
    """A desktop holds some all day."""
    assert not checked([CUDA, CPU], points=[9e8] * 3, name=GPU_MEMORY).ok
    assert not checked(
        [CUDA], points=[9e8], name=GPU_MEMORY, asked=[CUDA, CPU], proof=make_proof(witnesses=(BLIND,))
    ).ok
