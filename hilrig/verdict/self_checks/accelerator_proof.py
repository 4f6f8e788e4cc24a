"""What a proof of the accelerator is worth, by one rule.

The check before a run and the verdict after it share it.
"""

from typing import Final

from hilrig.core.accelerator import AcceleratorProof, ProviderShare, Witness
from hilrig.core.channels import GPU_MEMORY, GPU_UTILIZATION, PROCESS_GPU_MEMORY
from hilrig.core.units import BYTES_PER_MIB
from hilrig.verdict.wording import quantity

RISE_MIN: Final = {GPU_UTILIZATION: 0.01, PROCESS_GPU_MEMORY: BYTES_PER_MIB, GPU_MEMORY: BYTES_PER_MIB}
"""Channels that can see an accelerator work, with the rise that counts, in the channel's unit: most sources of
utilisation have steps of 1 %, and no context of a device is as small as 1 MiB."""


def why_refused(proof: AcceleratorProof) -> str | None:
    """Return why a proof does not show that the provider asked for first did the work; None when it does."""
    wanted = proof.asked[0]
    missing = [name for name in proof.asked if name not in proof.available]
    if missing:
        return f"the runtime has no {', '.join(missing)}"
    if proof.active[:1] != (wanted,):
        return f"the session came up on {next(iter(proof.active), 'no provider')} instead of {wanted}"
    if not proof.time_share_pct >= proof.time_share_min_pct:
        return f"{wanted} took {share_words(proof)}"
    if all(witness.during is None for witness in proof.witnesses):
        return f"no telemetry channel can see {wanted} work, and its own claim proves nothing"
    if not any(witness.rose for witness in proof.witnesses):
        return f"{wanted} claims the work, but no telemetry channel saw the device do any"
    return None


def next_step(proof: AcceleratorProof) -> str:
    """Return what mends a refused proof."""
    wanted = proof.asked[0]
    if any(name not in proof.available for name in proof.asked):
        return (
            f"install the onnxruntime that has it in place of {proof.distribution} (pip install 'hilrig[gpu]', on "
            "a Jetson the vendor's), or run on a rig of the profile's class"
        )
    if proof.active[:1] != (wanted,):
        return "install the versions of CUDA, cuDNN or TensorRT that this onnxruntime was built for: hilrig doctor"
    if not proof.time_share_pct >= proof.time_share_min_pct:
        return f"export the model with operators of {wanted}, or lower accelerator_time_share_min_pct on purpose"
    return "make the device's telemetry readable, and see with the vendor's tool whether it works: hilrig doctor"


def evidence(proof: AcceleratorProof) -> str:
    """Return in words what the probe found."""
    return "; ".join(
        (
            f"{proof.distribution} {proof.runtime_version} has {', '.join(proof.available)}",
            f"active: {', '.join(proof.active)}",
            *_assigned(proof.shares),
            f"node time: {_times(proof)}",
            *(_seen(witness) for witness in proof.witnesses if witness.during is not None),
            *_unseen(proof.witnesses),
        )
    )


def share_words(proof: AcceleratorProof) -> str:
    """Return the share of the provider asked for first beside what is required of it."""
    share, least = proof.time_share_pct, proof.time_share_min_pct
    return (
        f"{quantity(share, '%', beside=least)} of the node time of the probe, at least "
        f"{quantity(least, '%', beside=share)} required"
    )


def rose(channel: str, *, before: float | None, during: float | None, was_off: bool) -> bool:
    """Return whether a channel of `RISE_MIN` saw the device begin to work.

    Args:
        channel: its name.
        before: its highest reading while the device had nothing to do; None without one.
        during: its highest reading while it had.
        was_off: the readings before were OFFLINE: an idle device is off, an idle process has no device memory.
    """
    floor = 0.0 if before is None and was_off else before
    return floor is not None and during is not None and during - floor > RISE_MIN[channel]


def _assigned(shares: tuple[ProviderShare, ...]) -> list[str]:
    counts = {share.provider: share.n_assigned for share in shares if share.n_assigned is not None}
    if shares and not counts:
        return ["assigned: this runtime does not tell (1.24 and later do)"]
    n_nodes = sum(counts.values())
    given = [f"{n} of {n_nodes} nodes to {name}" for name, n in counts.items() if n]
    return [f"assigned: {', '.join(given)}"] if given else []


def _times(proof: AcceleratorProof) -> str:
    parts = {proof.asked[0]: proof.time_share_pct} | {one.provider: one.time_share_pct for one in proof.shares}
    return ", ".join(f"{quantity(part, '%')} on {name}" for name, part in parts.items())


def _seen(witness: Witness) -> str:
    before, during = (_reading(value, witness.unit) for value in (witness.before, witness.during))
    return f"{witness.channel}: {before} before, {during} during the probe"


def _unseen(witnesses: tuple[Witness, ...]) -> list[str]:
    """Return why channels saw nothing, each reason once."""
    reasons: dict[str, list[str]] = {}
    for witness in witnesses:
        if witness.during is None:
            reasons.setdefault(witness.reason, []).append(witness.channel)
    return [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]


def _reading(value: float | None, unit: str) -> str:
    if value is None:
        return "nothing"
    if unit == "By":
        return quantity(value / BYTES_PER_MIB, "MiB")
    return quantity(value * 100, "%") if unit == "1" else quantity(value, unit)
