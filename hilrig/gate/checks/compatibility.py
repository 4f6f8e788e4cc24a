"""What the compatibility report shows for the class.

It shows what the table of versions says and how the model loaded and ran.
"""

from hilrig.core.compat import CompatFinding, CompatReport, CompatStep
from hilrig.core.gate import Answer
from hilrig.core.gate_facts import Facts
from hilrig.core.verdict import CheckStatus
from hilrig.gate.checks.answers import NoParameters, failed, listed, missing, passed, unless
from hilrig.gate.checks.runs_here import contents


def compatible(facts: Facts, params: NoParameters) -> Answer:  # noqa: ARG001 - a check's form
    """Answer whether both steps passed for this model on this class."""
    report, name = facts.compatibility, facts.device_class
    if report is None:
        return missing("there is no compatibility report (hilrig compat check)")
    if not _is_of_model(report, facts):
        return missing("the compatibility report is of another model")
    if name in report.blocked:
        return failed(f"{name} is blocked: {report.blocked[name]}")
    if name not in report.classes:
        return missing(f"{name} is not in the compatibility matrix")
    answers = [answer for step in CompatStep for answer in _of_step(report, step, name)]
    objections = [answer for answer in answers if answer.status is not CheckStatus.PASS]
    return unless(objections, passed(f"versions fit, and the model ran on {name}"))


def blocked_excluded(facts: Facts, params: NoParameters) -> Answer:  # noqa: ARG001 - a check's form
    """Answer whether the release goes to no class that the matrix blocks."""
    report = facts.compatibility
    if report is None:
        return missing("there is no compatibility report to tell which classes are blocked")
    if not _is_of_model(report, facts):
        return missing("the compatibility report is of another model")
    wrong = sorted({facts.device_class, *facts.release.device_classes} & report.blocked.keys())
    if wrong:
        return failed(f"the release goes to {listed(wrong)}, which is blocked: {report.blocked[wrong[0]]}")
    return passed(f"the release goes to none of the {len(report.blocked)} blocked classes")


def _of_step(report: CompatReport, step: CompatStep, name: str) -> list[Answer]:
    found = [one for one in report.findings if one.device_class == name and one.step is step]
    return [_answer(one) for one in found] or [missing(f"{name}: the step '{step.value}' was not made")]


def _answer(finding: CompatFinding) -> Answer:
    form = {CheckStatus.PASS: passed, CheckStatus.FAIL: failed}.get(finding.status, missing)
    return form(f"{finding.device_class}: {finding.sentence}" + (f" ({finding.hint})" if finding.hint else ""))


def _is_of_model(report: CompatReport, facts: Facts) -> bool:
    return contents(report.model_files_sha256) == contents(facts.manifest.model_files_sha256)
