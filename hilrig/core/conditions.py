"""What a run was made with: all that has to be the same before two runs answer the same question."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a run was made with, as its result or its plan states it.

    Args:
        facts: the rig as found (OS, versions, power mode), flat, as name and text, sorted: they say in words what
            another `stack_sha256` means.
        frame_rate_fps: mean over all cameras; None when nothing was measured.
        duration_min: of the measured part; None when nothing was measured.
    """

    profile_name: str
    profile_sha256: str
    model_bundle_sha256: str
    pipeline_sha256: str
    feed: str
    rig: str
    device_class: str
    stack_sha256: str
    facts: tuple[tuple[str, str], ...]
    hilrig_version: str
    frame_rate_fps: float | None
    duration_min: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not the same in all of some runs.

    Args:
        what: `model`, `frame rate`, ...
        texts: what it is in each run, in their order.
        is_obstacle: whether the numbers of such runs answer different questions.
    """

    what: str
    texts: tuple[str, ...]
    is_obstacle: bool
