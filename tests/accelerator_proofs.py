"""Proofs of an accelerator for tests: sound by default, so that a test states only what is wrong."""

from dataclasses import replace

from hilrig.core.accelerator import AcceleratorProof, ProviderShare, Witness

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
MIB = 1 << 20

BUSY = Witness(channel="hw.gpu.utilization{hw.id=gpu0}", unit="1", before=0.0, during=0.9, rose=True)
MEMORY = Witness(
    channel="hw.gpu.memory.usage{hw.id=gpu0}", unit="By", before=300.0 * MIB, during=900.0 * MIB, rose=True
)
BLIND = Witness(channel="hw.gpu.utilization", unit="1", before=None, during=None, rose=False, reason="ABSENT")


def make_proof(**changes) -> AcceleratorProof:
    """Return the proof of a GPU that did 98 % of the node time and was seen to."""
    proof = AcceleratorProof(
        asked=(CUDA, CPU),
        available=("TensorrtExecutionProvider", CUDA, CPU),
        active=(CUDA, CPU),
        distribution="onnxruntime-gpu",
        runtime_version="1.31.1",
        n_frames=10,
        time_share_min_pct=90.0,
        shares=make_shares(98.0),
        witnesses=(BUSY, MEMORY),
    )
    return replace(proof, **changes)


def make_shares(share_pct: float) -> tuple[ProviderShare, ...]:
    """Return the shares of a graph of 59 nodes, of which 55 are the GPU's."""
    return (
        ProviderShare(provider=CPU, n_assigned=4, n_executed=40, time_share_pct=100 - share_pct),
        ProviderShare(provider=CUDA, n_assigned=55, n_executed=550, time_share_pct=share_pct),
    )
