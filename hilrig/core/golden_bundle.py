"""The golden diagnostic bundle: a few frames with what the pipeline made of them where it was released."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hilrig.core.verdict import CheckStatus

BUNDLE_SCHEMA = "hilrig.golden-bundle/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a pipeline said of one frame.

    Args:
        found: labels that reached their threshold, in the model's order; None: no decision, `reason` says why.
        scores: by label; empty where the pipeline does not give them away (a target of its own).
        score: the highest of the labels that have a threshold.
    """

    found: tuple[str, ...] | None
    scores: Mapping[str, float] = field(default_factory=dict)
    score: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedFrame:
    """A frame of the bundle: its picture's name, what it stands for, what is to come out.

    Args:
        index: its place in the golden set.
        why: what it was chosen for.
        pixels_sha256: of the decoded picture, height x width x 3, BGR: another decoder gives itself away.
        truth: what is really in it.
    """

    name: str
    index: int
    why: tuple[str, ...]
    width_px: int
    height_px: int
    pixels_sha256: str
    truth: tuple[str, ...]
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleInfo:
    """What `bundle.json` says of the rest.

    Args:
        bundle_sha256: of the model's files.
        versions: of everything that can change a score, by name.
        thresholds: by label.
        tolerance: by how much a score may differ, as a part of the larger of 1 and the score.
        files_sha256: of every other file in the bundle, by its name.
    """

    schema: str = BUNDLE_SCHEMA
    profile_name: str
    profile_sha256: str
    device_class: str
    bundle_sha256: str
    pipeline_sha256: str
    set_sha256: str
    versions: Mapping[str, str]
    thresholds: Mapping[str, float]
    tolerance: float
    files_sha256: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCheck:
    """One frame of a bundle, run here. `difference` is the largest of a score; None: nothing to compare."""

    name: str
    why: tuple[str, ...]
    status: CheckStatus
    difference: float | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleCheck:
    """A bundle run here.

    Args:
        differences: `name: in the bundle, here`, of versions and digests that are not the same.
    """

    profile_name: str
    device_class: str
    differences: tuple[str, ...]
    frames: tuple[FrameCheck, ...]
    status: CheckStatus
