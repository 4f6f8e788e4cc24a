"""The steps of the playbook accuracy-drop."""

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any, Final

from hilrig.core.profile import PreprocessSpec
from hilrig.core.verdict import CheckStatus, LabelQuality
from hilrig.gate.playbooks.answer import Answer
from hilrig.gate.playbooks.subject import Confusion, GoldenSeen, RunSeen, Subject

MOSTLY: Final = 0.5
"""From this share on a label counts as taken for another, or as found nearly always where it is not."""
ONE_ANSWER_SHARE: Final = 0.95
"""From this share of equal decisions on frames of different truth the model does not look at them any more."""
INPUT_MAX: Final = 10.0
"""Beyond it no usual normalization maps a pixel: [0, 1], [-1, 1], ImageNet's -2.1 to 2.6."""
PIXEL_MAX: Final = 255
PREPROCESS_NUMBERS: Final = ("color_order", "scale", "mean", "std", "dtype")
PREPROCESS_FORM: Final = ("width_px", "height_px", "layout")


def config_parity(subject: Subject) -> Answer:
    """Hold labels, thresholds and checksum against the last good run."""
    answer = Answer()
    run = subject.run
    if run is None or run.plan is None or run.reference is None:
        return answer
    now, before = run.plan, run.reference
    answer.saw(f"compared with {run.reference_name}, which passed")
    answer.saw(f"pipeline {now.pipeline_sha256[:12]}, there {before.pipeline_sha256[:12]}")
    if now.model.labels != before.model.labels:
        found = f"labels {', '.join(now.model.labels)}; there {', '.join(before.model.labels)}"
        answer.found("labels-reordered", found)
    changed = _changed(now.pipeline.decide.thresholds, before.pipeline.decide.thresholds)
    if changed:
        answer.found("threshold-changed", f"thresholds: {changed}")
    is_same_model = now.model_bundle_sha256 == before.model_bundle_sha256
    if is_same_model and now.pipeline_sha256 != before.pipeline_sha256:
        answer.found("config-differs", "the model is the same, the pipeline around it is not")
    return answer


def _changed(now: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    names = sorted(name for name in {*now, *before} if now.get(name) != before.get(name))
    return ", ".join(f"{name} {now.get(name, 'none')}, was {before.get(name, 'none')}" for name in names)


def input_pipeline(subject: Subject) -> Answer:
    """Look at what becomes of a pixel, and hold it against the last good run."""
    answer = Answer()
    run = subject.run
    preprocess = run.plan.pipeline.preprocess if run and run.plan else None
    if run is None or preprocess is None:
        return answer
    low, high = _input_range(preprocess)
    answer.saw(f"a pixel of 0 to {PIXEL_MAX} becomes {low:.4g} to {high:.4g}")
    if max(abs(low), abs(high)) > INPUT_MAX and preprocess.dtype != "uint8":
        answer.found("normalization-implausible", f"a pixel of 0 to {PIXEL_MAX} becomes {low:.4g} to {high:.4g}")
    before = run.reference.pipeline.preprocess if run.reference else None
    if before is not None:
        _hold_against(answer, preprocess, before, name=run.reference_name)
    return answer


def _input_range(preprocess: PreprocessSpec) -> tuple[float, float]:
    """Return the least and the highest number that a pixel becomes, over the three planes."""
    ends = [
        (pixel * preprocess.scale - mean) / std
        for pixel in (0, PIXEL_MAX)
        for mean, std in zip(preprocess.mean, preprocess.std, strict=True)
    ]
    return min(ends), max(ends)


def _hold_against(answer: Answer, now: PreprocessSpec, before: PreprocessSpec, *, name: str) -> None:
    for signal, keys in (
        ("normalization-changed", PREPROCESS_NUMBERS),
        ("sensor-format-changed", PREPROCESS_FORM),
    ):
        changed = [key for key in keys if getattr(now, key) != getattr(before, key)]
        if changed:
            said = "; ".join(
                f"{key} {_text(getattr(now, key))}, was {_text(getattr(before, key))}" for key in changed
            )
            answer.found(signal, f"{said} ({name})")


def _text(value: Any) -> str:
    return str(getattr(value, "value", value))


def device_class(subject: Subject) -> Answer:
    """See whether runs of the same model on other classes do better."""
    answer = Answer()
    run = subject.run
    if run is None or not run.siblings:
        return answer
    own = run.result.device_class
    lines = [f"{name}: detection {status}" for name, status in run.siblings]
    if len({name for name, _ in run.siblings}) > 1:
        answer.saw(*lines)
    else:
        answer.note(*lines)
    others = {status for name, status in run.siblings if name != own}
    if _failing(run) and CheckStatus.PASS.value in others and CheckStatus.FAIL.value not in others:
        answer.found("one-class-only", f"only {own} is affected; other classes pass")
    return answer


def _failing(run: RunSeen) -> bool:
    return any(
        check.status is CheckStatus.FAIL
        for check in run.result.judgement.checks
        if check.check_id.startswith("detection.")
    )


def golden_set(subject: Subject) -> Answer:
    """Compare decisions with the truth of frames, label by label."""
    answer = Answer()
    if subject.golden is not None:
        _bundle(answer, subject.golden)
    if subject.run is None:
        return answer
    for quality in subject.run.result.judgement.detection:
        answer.saw(_quality_text(quality))
    for check in subject.run.result.judgement.checks:
        if check.check_id.startswith("detection.") and check.status is CheckStatus.FAIL:
            answer.found("reproduced", check.sentence)
    confusion = subject.run.confusion
    if confusion is not None and confusion.n_frames:
        _swapped(answer, confusion)
        if confusion.n_truths > 1 and confusion.commonest_share >= ONE_ANSWER_SHARE:
            answer.found("one-answer", f"{100 * confusion.commonest_share:.1f} % of frames get the same decision")
    return answer


def _bundle(answer: Answer, golden: GoldenSeen) -> None:
    n_right = golden.n_inputs - len(golden.differing)
    answer.saw(f"golden bundle: {n_right} of {golden.n_inputs} inputs as expected")
    answer.note(*golden.other_versions)
    if golden.differing:
        answer.found("golden-differs", f"golden bundle: {golden.differing[0]}")


def _quality_text(quality: LabelQuality) -> str:
    precision, recall = (
        "not measured" if value is None else f"{value:.3f}" for value in (quality.precision, quality.recall)
    )
    return f"{quality.label}: precision {precision}, recall {recall}"


def _swapped(answer: Answer, confusion: Confusion) -> None:
    """Find pairs of labels that are taken for each other; one that is in no frame cannot speak against it."""
    for one, other in combinations(confusion.labels, 2):
        shares = {
            f"{100 * share:.0f} % of the frames with {present} are taken for {found}": share
            for present, found in ((one, other), (other, one))
            if (share := _taken_for(confusion, present, found)) is not None
        }
        if shares and min(shares.values()) > MOSTLY:
            answer.found("labels-swapped", ", ".join(shares))


def _taken_for(confusion: Confusion, present: str, found: str) -> float | None:
    """Return the share of the frames with one label that are taken for another; None without such frames."""
    n_present = sum(count for (label, _), count in confusion.pairs.items() if label == present)
    return confusion.pairs.get((present, found), 0) / n_present if n_present else None


def postprocess(subject: Subject) -> Answer:
    """Look at thresholds, and at labels that are never or always found."""
    answer = Answer()
    run = subject.run
    if run is None:
        return answer
    if run.plan is not None:
        _thresholds(answer, run)
    for quality in run.result.judgement.detection:
        n_present = quality.true_positive + quality.false_negative
        n_absent = quality.false_positive + quality.true_negative
        answer.saw(
            f"{quality.label}: found {quality.true_positive + quality.false_positive} times, there {n_present}"
        )
        is_missed = n_present and not quality.true_positive and not quality.false_positive
        if is_missed and not _is_taken_for_another(run.confusion, quality.label):
            answer.found("label-never-found", f"{quality.label} is in {n_present} frames and never found")
        if n_absent and quality.false_positive > MOSTLY * n_absent:
            answer.found(
                "label-always-found",
                f"{quality.label} is found in {quality.false_positive} of {n_absent} frames without it",
            )
    return answer


def _is_taken_for_another(confusion: Confusion | None, label: str) -> bool:
    """Return whether frames with a label get another one: then it is not the threshold that hides it."""
    return confusion is not None and any(
        (_taken_for(confusion, label, other) or 0.0) > MOSTLY for other in confusion.labels if other != label
    )


def _thresholds(answer: Answer, run: RunSeen) -> None:
    if run.plan is None:
        return
    thresholds = run.plan.pipeline.decide.thresholds
    for label in run.plan.model.labels:
        threshold = thresholds.get(label)
        if threshold is None:
            answer.found("threshold-senseless", f"{label} has no threshold: it is never looked for")
        elif not 0 < threshold < 1:
            answer.found(
                "threshold-senseless", f"{label} has the threshold {threshold:g}, expected within 0 and 1"
            )
        else:
            answer.saw(f"{label}: threshold {threshold:g}")


STEPS: Final[Mapping[str, tuple[Callable[[Subject], Answer], str]]] = {
    "config-parity": (config_parity, "labels, thresholds and checksum are those of the last good run"),
    "input-pipeline": (input_pipeline, "pixels become plausible numbers"),
    "device-class": (device_class, "device classes do not differ"),
    "golden-set": (golden_set, "decisions on known frames are not systematically wrong"),
    "postprocess": (postprocess, "thresholds are plausible, labels are found about as often as they are there"),
}
"""By step: what looks, and its sentence when all is well."""
