"""The statements over a run: one over its result, one over the views of it."""

from collections.abc import Mapping
from typing import Any, Final

from hilrig.attest.statement import MODEL_PREFIX, build_statement, descriptor
from hilrig.core.errors import RecordError
from hilrig.core.files import CONFIGURATION_FILES, RESULT
from hilrig.core.result import Result
from hilrig.core.verdict import CheckStatus, RunStatus

TEST_RESULT: Final = "https://in-toto.io/attestation/test-result/v0.1"
VIEWS_PREDICATE: Final = "urn:hilrig:views:v0.1"  # a TypeURI is any RFC 3986 URI; it need not resolve
EXTENSION_SCHEMA: Final = "hilrig.attestation/1"


def build_result_statement(result: Result, *, result_sha256: str) -> bytes:
    """Return the test-result statement over result.json, the evidence and the model, as canonical JSON.

    INCONCLUSIVE is FAILED: the predicate has no third word, and what was not shown must not pass.

    Raises:
        RecordError: the run lacks a file that says what was asked, or has more files than cosign reads.
    """
    model = {MODEL_PREFIX + path: sha256 for path, sha256 in result.model_files_sha256.items()}
    subjects = {**result.files, **model, RESULT: result_sha256}
    return build_statement(TEST_RESULT, subjects, _test_result(result))


def build_views_statement(files: Mapping[str, str], run_id: str) -> bytes:
    """Return the statement over the views of a run and its signature files, as canonical JSON.

    Args:
        files: sha256 by name: every view, the attestation's envelope and its sigstore bundle.
        run_id: of the run that they show.

    Raises:
        RecordError: there are more files than cosign reads.
    """
    return build_statement(VIEWS_PREDICATE, files, {"run_id": run_id})


def _test_result(result: Result) -> dict[str, Any]:
    judgement = result.judgement
    outcomes = {check.check_id: check.status is CheckStatus.PASS for check in judgement.checks}
    outcomes |= {f"self:{check.check_id}": check.ok for check in judgement.self_checks}
    return {
        "result": "PASSED" if judgement.status is RunStatus.PASS else "FAILED",
        "configuration": _configuration(result.files),
        "passedTests": [name for name, passed in outcomes.items() if passed],
        "failedTests": [name for name, passed in outcomes.items() if not passed],
        "hilrig": _extension(result),
    }


def _configuration(files: Mapping[str, str]) -> list[dict[str, Any]]:
    missing = [name for name in CONFIGURATION_FILES if name not in files]
    if missing:
        raise RecordError(f"a run without {', '.join(missing)} cannot be signed: nobody can tell what was asked")
    return [descriptor(name, files[name]) for name in CONFIGURATION_FILES]


def _extension(result: Result) -> dict[str, Any]:
    """Return what test-result has no field for; a reader that ignores it must not see more than a PASSED."""
    return {
        "schema": EXTENSION_SCHEMA,
        "run_id": result.run_id,
        "verdict": result.judgement.status.value,
        "sentence": result.judgement.sentence,
        "exit_code": result.exit_code,
        "device_class": result.device_class,
        "stack_sha256": result.rig_info.get("stack_sha256"),
        "started_at_utc": result.started_at_utc,
        "ended_at_utc": result.ended_at_utc,
    }
