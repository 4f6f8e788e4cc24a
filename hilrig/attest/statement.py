"""The in-toto statements that hilrig signs: one over a run's result, one over the views of it.

Both have exactly the four fields of Statement v1: cosign refuses a fifth.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hilrig.attest.strict_json import read_strict_json
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import RecordError, TrustError
from hilrig.core.files import CONFIGURATION_FILES, RESULT
from hilrig.core.result import Result
from hilrig.core.verdict import CheckStatus, RunStatus

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
TEST_RESULT: Final = "https://in-toto.io/attestation/test-result/v0.1"
VIEWS_PREDICATE: Final = "urn:hilrig:views:v0.1"  # a TypeURI is any RFC 3986 URI; it need not resolve
EXTENSION_SCHEMA: Final = "hilrig.attestation/1"

MODEL_PREFIX: Final = "model/"
"""Stands before the path of a model file: a file of the run directory never has a slash in its name."""

MAX_SUBJECTS: Final = 1_024  # cosign's limit
MAX_STATEMENT_BYTES: Final = 8 << 20  # 1,024 subjects with the longest paths that Linux has

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What was signed: the sha256 of every subject by name, and what is said of them."""

    predicate_type: str
    subjects: Mapping[str, str]
    predicate: Mapping[str, Any]


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


def build_statement(predicate_type: str, subjects: Mapping[str, str], predicate: Mapping[str, Any]) -> bytes:
    """Return a statement as canonical JSON: the sha256 of every subject by name, and what is said of them.

    Raises:
        RecordError: there are more subjects than cosign reads.
    """
    if len(subjects) > MAX_SUBJECTS:
        hint = "store the model's external data in fewer files"
        raise RecordError(f"{len(subjects)} files to sign; cosign reads at most {MAX_SUBJECTS}", hint=hint)
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [_descriptor(name, sha256) for name, sha256 in sorted(subjects.items())],
        "predicateType": predicate_type,
        "predicate": predicate,
    }
    return canonical_json(statement)


def read_statement(data: bytes, *, name: str) -> Statement:
    """Return the statement in `data`, the payload of an envelope that messages call `name`.

    Raises:
        TrustError: it is not strict JSON, or not a statement as hilrig writes them.
    """
    document = read_strict_json(data, name=f"the statement in {name}", max_bytes=MAX_STATEMENT_BYTES)
    match document:
        case {
            "_type": str(statement_type),
            "subject": [_, *_] as subjects,
            "predicateType": str(predicate_type),
            "predicate": dict(predicate),
            **others,
        } if statement_type == STATEMENT_TYPE and not others:
            statement = Statement(
                predicate_type=predicate_type, subjects=_subjects(subjects, name), predicate=predicate
            )
            _refuse_other_spelling(statement, data, name)
            return statement
    raise TrustError(f"{name} does not hold an in-toto Statement v1 with its four fields and a subject")


def _refuse_other_spelling(statement: Statement, data: bytes, name: str) -> None:
    """Refuse what `build_statement` cannot have written: two spellings are two documents to everybody else."""
    if len(statement.subjects) > MAX_SUBJECTS:
        raise TrustError(f"{name} has {len(statement.subjects)} subjects; cosign reads at most {MAX_SUBJECTS}")
    if build_statement(statement.predicate_type, statement.subjects, statement.predicate) != data:
        raise TrustError(f"{name}: the statement is not in canonical form: a space, a number or the order differs")


def _descriptor(name: str, sha256: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": sha256}}


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
    return [_descriptor(name, files[name]) for name in CONFIGURATION_FILES]


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


def _subjects(descriptors: Sequence[Any], name: str) -> dict[str, str]:
    subjects: dict[str, str] = {}
    for descriptor in descriptors:
        match descriptor:
            case {"name": str(subject), "digest": {"sha256": str(sha256), **algorithms}, **others} if not (
                algorithms or others or subject in subjects or not _SHA256.fullmatch(sha256)
            ):
                subjects[subject] = sha256
            case _:
                raise TrustError(f"{name}: a subject is not a name, used once, with a sha256 in lower-case hex")
    return subjects
