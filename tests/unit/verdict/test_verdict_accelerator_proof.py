"""hilrig.verdict.self_checks.accelerator_proof: one rule for what proves an accelerator."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelerator_proofs import BLIND, BUSY, CPU, CUDA, MEMORY, MIB, make_proof, make_shares
from hilrig.core.accelerator import AcceleratorProof, ProviderShare, Witness
from hilrig.core.channels import GPU_MEMORY, GPU_UTILIZATION, PROCESS_GPU_MEMORY
from hilrig.verdict.self_checks.accelerator_proof import evidence, next_step, rose, why_refused

IDLE = replace(BUSY, during=0.0, rose=False)


def test_a_sound_proof_is_not_refused():
    """Available, first, almost all of the time, seen from outside."""
    assert why_refused(make_proof()) is None


@pytest.mark.parametrize(
    ("changes", "refusal", "step"),
    [
        ({"available": (CPU,)}, "the runtime has no CUDAExecutionProvider", "pip install 'hilrig[gpu]'"),
        ({"active": (CPU,)}, f"came up on {CPU} instead of {CUDA}", "CUDA, cuDNN or TensorRT"),
        ({"active": ()}, "came up on no provider", "CUDA, cuDNN or TensorRT"),
        ({"shares": make_shares(62.5)}, "took 62.5 % of the node time", "accelerator_time_share_min_pct"),
        ({"shares": make_shares(89.999999)}, "took 89.999999 %", "accelerator_time_share_min_pct"),
        ({"shares": ()}, "took 0 %", "accelerator_time_share_min_pct"),
        ({"witnesses": (BLIND,)}, "no telemetry channel can see", "telemetry readable"),
        ({"witnesses": ()}, "no telemetry channel can see", "telemetry readable"),
        ({"witnesses": (IDLE, BLIND)}, "claims the work, but no telemetry channel saw", "telemetry readable"),
    ],
)
def test_each_gap_is_named_with_its_remedy(changes, refusal, step):
    """Not there, not active, not at work, not seen, seen idle: five sentences, five next steps."""
    proof = make_proof(**changes)
    assert refusal in why_refused(proof)
    assert step in next_step(proof)


def test_one_witness_that_rose_is_enough():
    """The utilisation of a Jetson is all that its user may read."""
    assert why_refused(make_proof(witnesses=(BUSY, BLIND))) is None
    assert why_refused(make_proof(witnesses=(IDLE, MEMORY))) is None


def test_the_limit_itself_is_enough():
    """`at least` includes the border."""
    assert why_refused(make_proof(shares=make_shares(90.0))) is None


def test_a_second_provider_that_is_missing_is_refused():
    """The session of the run would refuse it as well."""
    assert "no TensorrtExecutionProvider" in why_refused(
        make_proof(asked=(CUDA, "TensorrtExecutionProvider"), available=(CUDA, CPU))
    )


NAMES = st.sampled_from([CPU, CUDA, "TensorrtExecutionProvider"])
NAME_LISTS = st.lists(NAMES, max_size=3, unique=True).map(tuple)
READINGS = st.one_of(st.none(), st.floats(0, 1))
WITNESSES = st.builds(
    Witness, channel=st.just("c"), unit=st.just("1"), before=READINGS, during=READINGS, rose=st.booleans()
)
SHARES = st.builds(
    ProviderShare,
    provider=NAMES,
    n_assigned=st.one_of(st.none(), st.integers(0, 99)),
    n_executed=st.integers(0, 99),
    time_share_pct=st.floats(0, 100),
)
PROOFS = st.builds(
    AcceleratorProof,
    asked=st.lists(NAMES, min_size=1, max_size=3, unique=True).map(tuple),
    available=NAME_LISTS,
    active=NAME_LISTS,
    distribution=st.just("onnxruntime"),
    runtime_version=st.just("1"),
    n_frames=st.just(10),
    time_share_min_pct=st.floats(0.1, 100),
    shares=st.lists(SHARES, max_size=3, unique_by=lambda share: share.provider).map(tuple),
    witnesses=st.lists(WITNESSES, max_size=3).map(tuple),
)


@given(proof=PROOFS)
def test_nothing_is_believed_without_all_of_the_proof(proof):
    """Whatever a probe found: it passes only with every part there, and always has words for a person."""
    is_whole = (
        set(proof.asked) <= set(proof.available)
        and proof.active[:1] == proof.asked[:1]
        and proof.time_share_pct >= proof.time_share_min_pct
        and any(witness.rose for witness in proof.witnesses)
        and any(witness.during is not None for witness in proof.witnesses)
    )
    assert (why_refused(proof) is None) == is_whole
    assert evidence(proof)
    assert next_step(proof)


@pytest.mark.parametrize(
    ("channel", "before", "during", "was_off", "is_seen"),
    [
        (GPU_UTILIZATION, 0.0, 0.011, False, True),
        (GPU_UTILIZATION, 0.0, 0.01, False, False),
        (GPU_UTILIZATION, 0.5, 0.4, False, False),
        (GPU_UTILIZATION, None, 0.9, False, False),
        (GPU_UTILIZATION, None, 0.9, True, True),
        (GPU_UTILIZATION, 0.0, None, False, False),
        (PROCESS_GPU_MEMORY, None, 300.0 * MIB, True, True),
        (PROCESS_GPU_MEMORY, None, 300.0 * MIB, False, False),
        (GPU_MEMORY, 500.0 * MIB, 501.0 * MIB, False, False),
        (GPU_MEMORY, 500.0 * MIB, 502.0 * MIB, True, True),
    ],
)
def test_a_rise_is_over_what_was_there_before(channel, before, during, was_off, is_seen):
    """An unknown level before is no level of 0; only what was switched off begins at nothing."""
    assert rose(channel, before=before, during=during, was_off=was_off) is is_seen


def test_the_evidence_has_everything_that_was_found():
    """Package, version, providers, nodes, time, witnesses, and once why the others are silent."""
    text = evidence(make_proof(witnesses=(BUSY, MEMORY, BLIND, replace(BLIND, channel="other"))))
    assert text == (
        "onnxruntime-gpu 1.31.1 has TensorrtExecutionProvider, CUDAExecutionProvider, CPUExecutionProvider; "
        "active: CUDAExecutionProvider, CPUExecutionProvider; "
        "assigned: 4 of 59 nodes to CPUExecutionProvider, 55 of 59 nodes to CUDAExecutionProvider; "
        "node time: 98 % on CUDAExecutionProvider, 2 % on CPUExecutionProvider; "
        "hw.gpu.utilization{hw.id=gpu0}: 0 % before, 90 % during the probe; "
        "hw.gpu.memory.usage{hw.id=gpu0}: 300 MiB before, 900 MiB during the probe; "
        "hw.gpu.utilization, other: ABSENT"
    )


def test_a_runtime_that_does_not_tell_assignments_claims_none():
    """That it does not tell is said, not shown as 0 nodes."""
    shares = tuple(replace(share, n_assigned=None) for share in make_shares(98.0))
    assert "assigned: this runtime does not tell" in evidence(make_proof(shares=shares))
