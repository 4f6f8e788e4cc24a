"""What the golden regression shows: the whole pipeline on frames of known truth."""

from collections.abc import Iterator

from hilrig.core.gate import Answer
from hilrig.core.gate_facts import Facts
from hilrig.core.golden import GoldenReport
from hilrig.core.verdict import CheckStatus
from hilrig.gate.checks.answers import NoParameters, failed, listed, missing, passed, unless
from hilrig.gate.checks.runs_here import contents
from hilrig.gate.plausible import impossible_golden


def golden_passed(facts: Facts, params: NoParameters) -> Answer:  # noqa: ARG001 - a check's form
    """Answer whether every limit of the golden set holds, for this model, pipeline, profile and class."""
    report = facts.golden
    if report is None:
        return missing("there is no golden report (hilrig golden run)")
    if words := _mismatch(report, facts):
        return missing(f"the golden report is of another {words}")
    if words := impossible_golden(report):
        return failed(f"the golden report cannot be: {words}")
    return unless(
        _objections(report, facts),
        passed(f"{len(report.labels)} labels hold {len(report.checks)} limits on {report.n_frames} golden frames"),
    )


def golden_compared(facts: Facts, params: NoParameters) -> Answer:  # noqa: ARG001 - a check's form
    """Answer whether the golden set was held against the report of the release before, where there is one.

    How much worse it may be stands in the profile (`golden.against_last`): a broken limit fails `golden-passed`.
    """
    if not facts.manifest.previous_sha256:
        return passed("there is no release before to compare with")
    report, before = facts.golden, facts.golden_before
    if not before:
        return missing("the release before has no golden report to compare with")
    if report is None or not report.against_sha256:
        return missing("the golden set was not held against the last release's report (golden run --against)")
    if report.against_sha256 not in before:
        return missing("the golden set was held against another report than the last release's")
    return passed("the golden set was held against the last release's report")


def _objections(report: GoldenReport, facts: Facts) -> Iterator[Answer]:
    for check in report.checks:
        if check.status is not CheckStatus.PASS:
            form = failed if check.status is CheckStatus.FAIL else missing
            yield form(f"golden set: {check.sentence}")
    if not report.checks:
        yield missing("the golden set has no limit: any model would pass")
    if report.status is not CheckStatus.PASS:
        form = failed if report.status is CheckStatus.FAIL else missing
        yield form(f"the golden run is {report.status.value}")
    lacking = facts.release.pipeline.decide.thresholds.keys() - {label.label for label in report.labels}
    if lacking:
        yield missing(f"the golden report says nothing of {listed(sorted(lacking))}")


def _mismatch(report: GoldenReport, facts: Facts) -> str:
    manifest = facts.manifest
    if contents(report.model_files_sha256) != contents(manifest.model_files_sha256):
        return "model"
    if report.pipeline_sha256 != manifest.pipeline_sha256:
        return "pipeline"
    if report.profile_sha256 != manifest.profile_sha256:
        return "profile"
    return f"device class, {report.device_class}" if report.device_class != facts.device_class else ""
