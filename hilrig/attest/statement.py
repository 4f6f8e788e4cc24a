"""The in-toto statement: what every signature of hilrig is over.

It has exactly the four fields of Statement v1: cosign refuses a fifth.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hilrig.attest.strict_json import read_strict_json
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import RecordError, TrustError

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"

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
        "subject": [descriptor(name, sha256) for name, sha256 in sorted(subjects.items())],
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


def descriptor(name: str, sha256: str) -> dict[str, Any]:
    """Return the ResourceDescriptor of a file."""
    return {"name": name, "digest": {"sha256": sha256}}


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
