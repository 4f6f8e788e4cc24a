"""Self-check of the target: the accelerator that the profile asks for is the one that did the work.

That a provider is active is what the runtime claims. The probe before the run has to prove it, and in the run the
device's own telemetry has to agree.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hilrig.core.accelerator import AcceleratorProof
from hilrig.core.channels import GPU_MEMORY, GPU_UTILIZATION, PROCESS_GPU_MEMORY
from hilrig.core.run import RunEvent, RunPlan
from hilrig.core.verdict import SelfCheck
from hilrig.verdict.self_checks.accelerator_proof import RISE_MIN, share_words, why_refused
from hilrig.verdict.self_checks.self_check import stated
from hilrig.verdict.telemetry.channels import Series, Telemetry
from hilrig.verdict.window import Window

ON_THE_CPU: Final = "CPUExecutionProvider"
RUNTIME: Final = "onnx"
"""The backend that can be probed before a run."""


def check_accelerator(
    window: Window,
    telemetry: Telemetry,
    events: tuple[RunEvent, ...],
    *,
    proof: AcceleratorProof | None,
) -> SelfCheck:
    """Return whether the accelerator that was asked for, or that the target claims, is proven to have worked.

    Args:
        window: the measured part.
        telemetry: of the whole run.
        events: among them what the target said of itself.
        proof: of the probe before the run. A target that hilrig cannot probe has none: its claim rests on the
            telemetry alone.
    """
    asked, claimed = _asked(window.plan), _claimed(events)
    is_asked = asked[:1] not in {(), (ON_THE_CPU,)}
    accelerators = [name for name in claimed if name != ON_THE_CPU]
    if not is_asked and not accelerators:
        return _stated(observed="no accelerator asked for", ok=True)
    name = asked[0] if is_asked else accelerators[0]
    seen = [series.channel.key for series in _witnesses(telemetry, proof) if _was_over(series, window, proof)]
    fault = _why_unproven(asked, claimed, proof) if is_asked else None
    before = fault or (share_words(proof) if proof is not None else "nothing of it was probed")
    return _stated(observed=f"{name}: {before}; {_seen_words(seen)}", ok=fault is None and bool(seen))


def _why_unproven(asked: tuple[str, ...], claimed: tuple[str, ...], proof: AcceleratorProof | None) -> str | None:
    """Return how the proof or the target's own word falls short of what was asked; None when neither does."""
    if proof is None:
        return "no proof from before the run"
    if proof.asked != asked:
        return f"the proof is of {', '.join(proof.asked)}"
    if claimed[:1] != asked[:1]:
        return f"the target came up on {next(iter(claimed), 'no provider')}"
    return why_refused(proof)


def _asked(plan: RunPlan) -> tuple[str, ...]:
    """Return the providers that the profile asks for; none where another backend or a pipeline of its own runs."""
    backend = plan.pipeline.backend
    if backend is None or backend.name != RUNTIME:
        return ()
    return tuple(str(name) for name in backend.options.get("providers", ()))


def _claimed(events: tuple[RunEvent, ...]) -> tuple[str, ...]:
    """Return the providers that the target said are active, most preferred first."""
    for event in events:
        if event.kind == "child_ready" and event.detail.get("role") == "worker":
            target: Mapping[str, Any] = event.detail.get("facts", {}).get("target", {})
            return tuple(str(name) for name in target.get("providers", ()))
    return ()


def _witnesses(telemetry: Telemetry, proof: AcceleratorProof | None) -> Iterator[Series]:
    yield from telemetry.named(GPU_UTILIZATION)
    yield from telemetry.named(PROCESS_GPU_MEMORY)
    if proof is not None:  # others use the device's memory too: it says something only beside what it was before
        known = {witness.channel for witness in proof.witnesses if witness.before is not None}
        yield from (series for series in telemetry.named(GPU_MEMORY) if series.channel.key in known)


def _was_over(series: Series, window: Window, proof: AcceleratorProof | None) -> bool:
    """Return whether a channel was over what it reads without the target."""
    values = series.valued().within(window).value
    return bool(values.size) and float(values.max()) > _level(series, proof)


def _level(series: Series, proof: AcceleratorProof | None) -> float:
    """Return 0; for the device's memory what it was before the probe and a rise that counts."""
    if series.channel.name != GPU_MEMORY or proof is None:
        return 0.0
    before = [
        one.before for one in proof.witnesses if one.channel == series.channel.key and one.before is not None
    ]
    return before[0] + RISE_MIN[GPU_MEMORY]


def _seen_words(seen: list[str]) -> str:
    return f"in the run seen in {', '.join(seen)}" if seen else "no telemetry channel saw it work in the run"


def _stated(*, observed: str, ok: bool) -> SelfCheck:
    return stated(
        "target.accelerator",
        ok=ok,
        observed=observed,
        limit="proven by the probe, seen by its own telemetry",
        holds=f"The accelerator did the work, or none was asked for: {observed}.",
        broken=f"Nothing proves that the accelerator did the work: {observed}.",
        advice="Look at the provider's log in run.log; a silent fallback to the CPU looks just like this.",
    )
