"""Golden reports for tests: sound by default, so that a test states only what is wrong."""

from dataclasses import replace

from hilrig.core.golden import GoldenReport, LabelScore
from hilrig.core.verdict import Check, CheckStatus
from hilrig.gate.golden_score import golden_status, label_score


def make_score(label: str = "a", *, hits=20, false_alarms=0, true_negatives=20, misses=0) -> LabelScore:
    return label_score(label, hits=hits, false_alarms=false_alarms, true_negatives=true_negatives, misses=misses)


def make_golden_check(status: CheckStatus = CheckStatus.PASS) -> Check:
    return Check(
        check_id="golden.a.min_recall",
        metric="golden_recall",
        status=status,
        comparator=">=",
        limit=0.8,
        unit="1",
        source="profile.yaml golden.min_recall",
        observed=1.0,
        observed_text="100.0 %",
        lower=0.839,
        upper=1.0,
        margin_pct=4.8,
        n=20,
        minutes_needed=None,
        sentence="a: recall 100.0 %.",
    )


def make_golden_report(*labels: LabelScore, **changes) -> GoldenReport:
    """Return the report of 40 frames with one label; `changes` are fields of it."""
    checks = (make_golden_check(),)
    report = GoldenReport(
        hilrig_version="0.1.0",
        made_at_utc="2026-01-01T00:00:00.000000Z",
        profile_name="color-station",
        profile_sha256="1" * 64,
        device_class="x86-cpu",
        bundle_sha256="2" * 64,
        model_files_sha256={"model.onnx": "3" * 64},
        pipeline_sha256="4" * 64,
        set_sha256="5" * 64,
        against_sha256="",
        n_frames=40,
        n_not_decided=0,
        labels=labels or (make_score(),),
        checks=checks,
        status=golden_status(checks),
    )
    return replace(report, **changes)
