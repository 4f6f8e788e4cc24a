"""Playbook: an accuracy drop is reported after a release."""

from typing import Final

from hilrig.core.playbook import Cause, Diagnostic, Playbook

ACCURACY_DROP: Final = Playbook(
    playbook_id="accuracy-drop",
    title="Accuracy drop reported after release",
    symptom="Good parts are rejected or defects pass; scrap or complaints rise; nothing crashes.",
    impact="Wrong decisions on the line. A missed defect is worse than a false reject: treat recall first.",
    mitigations=(
        "Roll back model and configuration of the affected nodes: hilrig node rollback --store STORE",
        "If it is safe, raise the threshold of the label that rejects good parts while you look.",
    ),
    diagnostics=(
        Diagnostic(
            step_id="config-parity",
            title="Verify config parity",
            look_at="labels, thresholds and pipeline checksum against the last run that passed, and against "
            "release.json; log key `config_version`. Expected: no difference that was not meant.",
            collect="the run directory of the last release that was good, beside this one in reports/",
        ),
        Diagnostic(
            step_id="input-pipeline",
            title="Check input pipeline changes",
            look_at="size, colour order, scale, mean and std of preprocess against the last run that passed; "
            "what a "
            "pixel of 0 and of 255 becomes. Expected: the same numbers, about -10 to 10.",
            collect="plan.json of the last release that was good, beside this run in reports/",
        ),
        Diagnostic(
            step_id="device-class",
            title="Segment by device class",
            look_at="detection checks of the runs of this model on other device classes. Expected: all alike.",
            collect="a run of the same profile on a rig of another class: hilrig run PROFILE --rig NAME",
        ),
        Diagnostic(
            step_id="golden-set",
            title="Reproduce with a golden test set",
            look_at="precision and recall of each label in result.json, which frames were taken for which label; "
            "`hilrig golden run PROFILE`. Expected: the limits of the profile are kept.",
            collect="hilrig golden run PROFILE --out golden.json, or hilrig golden check BUNDLE on the device",
        ),
        Diagnostic(
            step_id="postprocess",
            title="Inspect post-processing",
            look_at="thresholds within 0 and 1, every label with one; whether a label is always or never found. "
            "Expected: found about as often as it is there.",
            collect="a run with labelled frames: hilrig run PROFILE",
        ),
    ),
    signals={
        "reproduced": "the drop is there on frames of known truth: it is no rumour",
        "labels-swapped": "frames of one label are taken for another, and the other way round",
        "labels-reordered": "the order of the labels is not that of the last good run",
        "normalization-changed": "scale, mean, std or colour order is not that of the last good run",
        "normalization-implausible": "pixels become numbers far outside of what models are trained on",
        "one-answer": "nearly every frame gets the same decision, whatever is in it",
        "sensor-format-changed": "size or layout of the frames is not that of the last good run",
        "one-class-only": "only some device classes are affected",
        "threshold-changed": "thresholds are not those of the last good run",
        "threshold-senseless": "a label has no threshold, or one that it always or never reaches",
        "label-never-found": "a label that is there is never found",
        "label-always-found": "a label is found in frames that do not have it, nearly always",
        "config-differs": "the pipeline checksum is not that of the last good run, model unchanged",
        "golden-differs": "the golden diagnostic bundle gives other answers than expected",
    },
    causes=(
        Cause(
            cause_id="label-order",
            title="Mismatched label ordering",
            signals=frozenset({"labels-swapped", "labels-reordered"}),
            owner="ML",
            resolution="Take the labels from the training record; release model and labels as one bundle.",
        ),
        Cause(
            cause_id="wrong-normalization",
            title="Wrong normalization",
            signals=frozenset({"normalization-changed", "normalization-implausible", "one-answer"}),
            owner="ML",
            resolution="Set scale, mean, std and colour order to those of training; hilrig golden run PROFILE.",
        ),
        Cause(
            cause_id="sensor-orientation",
            title="Changed sensor orientation or format",
            signals=frozenset({"sensor-format-changed", "one-class-only"}),
            owner="firmware",
            resolution="Bring the camera's format back, or train and release for the new one.",
        ),
        Cause(
            cause_id="postprocessing-bug",
            title="Post-processing bug",
            signals=frozenset({"threshold-senseless", "label-never-found", "label-always-found"}),
            owner="ML",
            resolution="Mend thresholds or decide; keep a golden run for every label.",
        ),
        Cause(
            cause_id="config-rollout-mismatch",
            title="Configuration rolled out with another model",
            signals=frozenset({"config-differs", "threshold-changed", "golden-differs"}),
            owner="backend",
            resolution="Release model and configuration as one bundle; the gate holds their checksum "
            "(one-pipeline).",
        ),
    ),
    resolution="Fix versioning and caching of the configuration, add end-to-end golden tests, and hold the "
    "pipeline "
    "checksum (preprocess and decide) against the release manifest.",
    afterwards=(
        "Add the frames that went wrong to the golden set.",
        "Keep `golden-passed` and `one-pipeline` in the gate's policy.",
    ),
)
