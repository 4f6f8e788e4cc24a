"""The faults of a drill in words: what was done, what a sound pipeline does, what this one did."""

from typing import Final

from hilrig.core.fault import FaultKind, FaultSpec
from hilrig.verdict.wording import counted, quantity

_DONE: Final = {
    FaultKind.CAMERA_STOPS: "no frame came for {length}",
    FaultKind.CAMERA_FREEZES: "the camera repeated one picture for {length}",
    FaultKind.CAMERA_GARBAGE: "the camera sent noise for {length}",
    FaultKind.CAMERA_RESIZES: "the camera sent pictures of half the width and height for {length}",
    FaultKind.MODEL_CORRUPT: "a damaged copy of the model was loaded while it served, {length}",
    FaultKind.MODEL_HANGS: "the pipeline's process was stopped for {length}",
    FaultKind.MODEL_CRASHES: "the pipeline's process crashed with a frame in its hands (SIGSEGV)",
    FaultKind.WORKER_KILLED: "the pipeline's process was killed (SIGKILL)",
    FaultKind.DISK_FULL: "the pipeline's process could write no file for {length}",
    FaultKind.NO_PERMISSION: "the model was loaded again from a file that may not be read, {length}",
    FaultKind.CLOCK_STEPS: "the wall clock was set {step} for {length}",
}
_EXPECTED: Final = {
    FaultKind.CAMERA_STOPS: "no decision without a frame",
    FaultKind.CAMERA_FREEZES: "a repeated picture is noticed, and not decided",
    FaultKind.CAMERA_GARBAGE: "noise is noticed, and not decided",
    FaultKind.CAMERA_RESIZES: "a picture of the wrong size is a failed frame",
    FaultKind.MODEL_CORRUPT: "it is refused, the good model goes on",
    FaultKind.MODEL_HANGS: "the queue drops frames, none is made up",
    FaultKind.MODEL_CRASHES: "another process loads the model and goes on",
    FaultKind.WORKER_KILLED: "another process loads the model and goes on",
    FaultKind.DISK_FULL: "frames go on being decided",
    FaultKind.NO_PERMISSION: "it is refused, the good model goes on",
    FaultKind.CLOCK_STEPS: "frames go on being decided",
}


def done_words(spec: FaultSpec) -> str:
    """Return what was broken."""
    step = f"{quantity(abs(spec.step_s), 's')} {'ahead' if spec.step_s > 0 else 'back'}"
    return _DONE[spec.kind].format(length=quantity(spec.duration_s, "s"), step=step)


def expected_words(spec: FaultSpec) -> str:
    """Return what a sound pipeline does."""
    expected = "decisions are allowed" if spec.decisions_allowed else _EXPECTED[spec.kind]
    return f"{expected}; decisions again within {quantity(spec.recovery_max_s, 's')}"


def seen_words(
    *,
    has_ended: bool,
    n_frames: int,
    n_decided: int,
    n_failed: int,
    recovery_s: float | None,
    watched_s: float,
    refusal: str | None,
) -> str:
    """Return what the pipeline did; of a fault that did not happen that it did not."""
    if not has_ended:
        return "; ".join(filter(None, (refusal, "it did not happen, or not to its end")))
    n_dropped = n_frames - n_decided - n_failed
    parts = [f"{counted(n_frames, 'frame')} inside, {n_decided} decided"]
    parts += [f"{n} {outcome}" for n, outcome in ((n_failed, "failed"), (n_dropped, "dropped")) if n]
    inside = ", ".join(parts)
    if recovery_s is not None:
        after = f"decisions again after {quantity(recovery_s, 's')}"
    else:
        after = f"no decisions again within the {quantity(watched_s, 's')} that were watched"
    return "; ".join(filter(None, (refusal, inside, after)))
