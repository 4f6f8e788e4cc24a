"""The golden regression: how well the whole pipeline decides frames of known truth, label by label."""

from collections.abc import Mapping
from dataclasses import dataclass

from hilrig.core.verdict import Check, CheckStatus

GOLDEN_SCHEMA = "hilrig.golden/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A share of `n` cases with its Wilson interval at 95 %."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelScore:
    """What decisions about one defect class were worth.

    Args:
        true_positives: frames that have the defect and were found to; the other three likewise.
        precision: of the frames found to have it, those that do; None: none was found.
        recall: of the frames that have it, those found to; None: no frame has it.
        false_reject: of the frames that do not have it, those found to; None: every frame has it.
    """

    label: str
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    precision: Rate | None
    recall: Rate | None
    false_reject: Rate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenReport:
    """What `golden.json` holds.

    Args:
        set_sha256: over the pixels of all frames in order; two reports with the same can be compared.
        pipeline_sha256: preprocess, labels, thresholds and the versions of their code.
        against_sha256: of the last release's report that this one was held against; empty: none.
        checks: each limit, as in a run.
        n_not_decided: frames without a finite score; each counts as a miss of what it has.
    """

    schema: str = GOLDEN_SCHEMA
    hilrig_version: str
    made_at_utc: str
    profile_name: str
    profile_sha256: str
    device_class: str
    bundle_sha256: str
    model_files_sha256: Mapping[str, str]
    pipeline_sha256: str
    set_sha256: str
    against_sha256: str
    n_frames: int
    n_not_decided: int
    labels: tuple[LabelScore, ...]
    checks: tuple[Check, ...]
    status: CheckStatus
