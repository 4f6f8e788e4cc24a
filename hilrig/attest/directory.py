"""Whether a run directory is the one that was signed: every file, to the byte."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from hilrig.attest.envelope import VerifiedStatement, to_sigstore_bundle, verify_envelope
from hilrig.attest.public_key import PublicKey
from hilrig.attest.result_statement import TEST_RESULT, VIEWS_PREDICATE, build_result_statement
from hilrig.attest.statement import MODEL_PREFIX, Statement, read_statement
from hilrig.attest.strict_json import read_strict_json
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import HilrigError, TrustError
from hilrig.core.files import ATTESTATION, RESULT, SIGSTORE_BUNDLE, VIEWS
from hilrig.core.result import Result

SIGNED_FILES: Final = (RESULT, ATTESTATION, SIGSTORE_BUNDLE, VIEWS)
"""The files that `check_directory` reads, not only compares."""

MAX_RESULT_BYTES: Final = 16 << 20

_RESULT: Final = TypeAdapter(Result)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not hold: a sentence that names the file, and the next step where there is one."""

    file: str
    sentence: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryReport:
    """What was found in a run directory.

    Args:
        result: the result that was signed; None unless its signature and its bytes hold. Its verdict may be FAIL:
            a valid signature over a FAIL is a FAIL.
        key_fingerprint: of the trusted key that signed the result; None when no trusted key did.
    """

    findings: tuple[Finding, ...]
    result: Result | None
    key_fingerprint: str | None

    @property
    def ok(self) -> bool:
        """Return whether every file is as it was signed."""
        return self.result is not None and not self.findings


def check_directory(
    digests: Mapping[str, str], contents: Mapping[str, bytes], keys: Sequence[PublicKey]
) -> DirectoryReport:
    """Hold a run directory against its signatures; what does not hold is a finding, never an exception.

    Args:
        digests: sha256 of every file below the directory by its path there, whatever its name. Only a regular file
            has one, so the caller refuses links.
        contents: the bytes of those `SIGNED_FILES` that are there.
        keys: the public keys that are trusted.
    """
    findings = list(_read_wrongly(digests, contents))
    attestation = _attempt(findings, ATTESTATION, lambda: _verified(ATTESTATION, TEST_RESULT, contents, keys))
    views = _attempt(findings, VIEWS, lambda: _verified(VIEWS, VIEWS_PREDICATE, contents, keys))
    findings += _files(attestation, views, digests)
    if attestation is None:
        return DirectoryReport(findings=tuple(findings), result=None, key_fingerprint=None)
    result = _attempt(findings, RESULT, lambda: _signed_result(attestation.statement, contents))
    if result is not None:
        findings += _attempt(findings, ATTESTATION, lambda: _contradictions(attestation, views, result)) or ()
    findings += _foreign_bundle(contents)
    return DirectoryReport(findings=tuple(findings), result=result, key_fingerprint=attestation.key_fingerprint)


def _attempt(findings: list[Finding], file: str, step: Callable[[], _T]) -> _T | None:
    """Return what `step` returns; turn its error into a finding about `file`."""
    try:
        return step()
    except HilrigError as error:
        findings.append(Finding(file=file, sentence=error.message, hint=error.hint))
        return None


def _read_wrongly(digests: Mapping[str, str], contents: Mapping[str, bytes]) -> Iterator[Finding]:
    for name in SIGNED_FILES:
        found = sha256_hex(contents[name]) if name in contents else None
        if found != digests.get(name):
            yield Finding(file=name, sentence=f"{name} changed while it was read", hint="verify again")


def _verified(
    name: str, predicate_type: str, contents: Mapping[str, bytes], keys: Sequence[PublicKey]
) -> VerifiedStatement:
    if name not in contents:
        raise TrustError(f"{name} is missing", hint="a run that was not signed to its end proves nothing")
    verified = verify_envelope(contents[name], keys, name=name)
    found = verified.statement.predicate_type
    if found != predicate_type:
        raise TrustError(f"{name} holds a statement of the type {found!a}; expected {predicate_type}")
    return verified


def _files(
    attestation: VerifiedStatement | None, views: VerifiedStatement | None, digests: Mapping[str, str]
) -> Iterator[Finding]:
    signed = {} if attestation is None else _in_directory(attestation.statement)
    yield from _changed(ATTESTATION, signed, digests)
    if views is None:
        return
    yield from _changed(VIEWS, views.statement.subjects, digests)
    for name in sorted({ATTESTATION, SIGSTORE_BUNDLE} - views.statement.subjects.keys()):
        yield Finding(file=VIEWS, sentence=f"{VIEWS} does not cover {name}")
    if attestation is not None:
        for name in sorted(digests.keys() - signed.keys() - views.statement.subjects.keys() - {VIEWS}):
            yield Finding(file=name, sentence=f"{name!a} is covered by no signature", hint="move it elsewhere")


def _in_directory(statement: Statement) -> dict[str, str]:
    return {name: sha256 for name, sha256 in statement.subjects.items() if not name.startswith(MODEL_PREFIX)}


def _changed(source: str, signed: Mapping[str, str], digests: Mapping[str, str]) -> Iterator[Finding]:
    for name, sha256 in signed.items():
        found = digests.get(name)
        if found is None:
            yield Finding(file=name, sentence=f"{name!a} is missing; {source} covers it")
        elif found != sha256:
            sentence = f"{name!a} changed: its sha256 is {found}, {source} was signed over {sha256}"
            yield Finding(file=name, sentence=sentence)


def _signed_result(statement: Statement, contents: Mapping[str, bytes]) -> Result | None:
    """Return the result that was signed; None where result.json is not that one, which `_changed` reports."""
    if RESULT not in statement.subjects:
        raise TrustError(f"{ATTESTATION} does not cover {RESULT}")
    data = contents.get(RESULT, b"")
    if sha256_hex(data) != statement.subjects[RESULT]:
        return None
    read_strict_json(data, name=RESULT, max_bytes=MAX_RESULT_BYTES)
    try:
        return _RESULT.validate_json(data, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        raise TrustError(f"{RESULT} is not a result: {path}: {first['msg']}") from error


def _contradictions(
    attestation: VerifiedStatement, views: VerifiedStatement | None, result: Result
) -> tuple[Finding, ...]:
    """Return where the statements say something else than the result that they cover."""
    found = attestation.statement
    rebuilt = build_result_statement(result, result_sha256=found.subjects[RESULT])
    expected = read_statement(rebuilt, name=RESULT)
    claims = [
        *_differences(ATTESTATION, "subject", found.subjects, expected.subjects),
        *_differences(ATTESTATION, "claim", _claims(found), _claims(expected)),
    ]
    if views is not None:
        claims += _differences(VIEWS, "claim", views.statement.predicate, {"run_id": result.run_id})
    return tuple(claims)


def _claims(statement: Statement) -> dict[str, Any]:
    extension = statement.predicate.get("hilrig")
    named = {f"hilrig.{key}": value for key, value in extension.items()} if isinstance(extension, dict) else {}
    return {key: value for key, value in statement.predicate.items() if key != "hilrig"} | named


def _differences(file: str, what: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[Finding]:
    for name in sorted(found.keys() | expected.keys()):
        if found.get(name) != expected.get(name):
            sentence = (
                f"{file}: the {what} {name!a} is {_shown(found.get(name))},"
                f" {RESULT} gives {_shown(expected.get(name))}"
            )
            yield Finding(file=file, sentence=sentence)


def _shown(value: Any) -> str:
    return "absent" if value is None else f"{value!a:.80}"


def _foreign_bundle(contents: Mapping[str, bytes]) -> Iterator[Finding]:
    bundle = contents.get(SIGSTORE_BUNDLE)
    if bundle is not None and bundle != to_sigstore_bundle(contents[ATTESTATION]):
        yield Finding(file=SIGSTORE_BUNDLE, sentence=f"{SIGSTORE_BUNDLE} does not hold {ATTESTATION}")
