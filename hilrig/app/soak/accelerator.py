"""Before a run on an accelerator: proof that it does the work (decision 15)."""

from pathlib import Path
from typing import Final

from hilrig.app.soak.probe_process import Probed, run_probe
from hilrig.core.accelerator import AcceleratorProof
from hilrig.core.errors import PreconditionError
from hilrig.core.profile import BackendSpec, ModelSpec
from hilrig.target.onnx_options import TENSORRT_PROVIDER, OnnxOptions
from hilrig.target.probe_exchange import ProbeAsked
from hilrig.verdict.self_checks.accelerator_proof import evidence, next_step, why_refused

DEADLINE_S: Final = 60.0
"""For loading, the first inference with its memory and kernels, and some seconds of work."""

ENGINE_BUILD_DEADLINE_S: Final = 600.0
"""TensorRT tries out kernels for every layer when it builds an engine: minutes on a Jetson."""


def prove_accelerator(
    backend: BackendSpec, model: ModelSpec, folder: Path, *, distribution: str
) -> AcceleratorProof | None:
    """Return the proof that the accelerator which a profile asks for does the work; None when it asks for none.

    Args:
        backend: of the kind `onnx`.
        model: the model under test.
        folder: where its paths start.
        distribution: the installed package that owns the module onnxruntime.

    Raises:
        PreconditionError: nothing proves it; with all the evidence there is.
    """
    options = OnnxOptions(**backend.options)
    if options.accelerator is None:
        return None
    deadline_s = ENGINE_BUILD_DEADLINE_S if TENSORRT_PROVIDER in options.providers else DEADLINE_S
    asked = ProbeAsked(
        model=str((folder / model.files[0]).absolute()),
        options=backend.options,
        input_name=model.input_name,
        input_shape=model.input_shape,
    )
    probed = run_probe(asked, deadline_s=deadline_s)
    proof = _proof(options, probed, distribution)
    refusal = why_refused(proof)
    if refusal is not None:
        raise _refused(proof, refusal, probed.complaints)
    return proof


def with_evidence(error: PreconditionError, proof: AcceleratorProof) -> PreconditionError:
    """Return an error that came after a sound proof, with that proof's evidence."""
    return PreconditionError(f"{error.message}. The probe before it: {evidence(proof)}", hint=error.hint)


def _proof(options: OnnxOptions, probed: Probed, distribution: str) -> AcceleratorProof:
    found = probed.found
    return AcceleratorProof(
        asked=tuple(options.providers),
        available=found.available,
        active=found.active,
        distribution=distribution,
        runtime_version=found.runtime_version,
        n_frames=found.n_frames,
        time_share_min_pct=float(options.accelerator_time_share_min_pct),
        shares=found.shares,
        witnesses=probed.witnesses,
    )


def _refused(proof: AcceleratorProof, refusal: str, complaints: str) -> PreconditionError:
    said = f"; the runtime said: {complaints}" if complaints else ""
    return PreconditionError(
        f"the profile asks for {proof.asked[0]}, and nothing proves that it would do the work: {refusal}. "
        f"The probe: {evidence(proof)}{said}",
        hint=next_step(proof),
    )
