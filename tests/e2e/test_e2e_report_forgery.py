"""What an attacker puts into the data of a page: every block that is not the signed one ends in INVALID."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from hilrig.attest.envelope import sign
from hilrig.attest.public_key import public_key_der
from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.core.document import Document
from signed_pages import (
    BLOCK,
    Seen,
    b64,
    carried,
    look_at,
    make_document,
    make_result,
    make_signer,
    packed,
    rendered,
    with_block,
)

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_e2e_report_signature

P256_ORDER = 0xFFFFFFFF_00000000_FFFFFFFF_FFFFFFFF_BCE6FAAD_A7179E84_F3B9CAC2_FC632551


@pytest.fixture(scope="module")
def failed() -> Document:
    """Return a signed FAIL: every frame took 60 ms, 45 are allowed."""
    return make_document(make_result(latency_ms=60.0), make_signer())


@pytest.fixture(scope="module")
def failed_page(failed: Document) -> str:
    return rendered(failed)


@pytest.fixture
def look(tab, tmp_path: Path) -> Callable[..., Seen]:
    """Return a function that opens a page and waits until its badge has settled."""
    return lambda page, **options: look_at(tab, page, tmp_path, **options)


def _twin(document: Document) -> str:
    """Return the envelope with the other signature that satisfies the mathematics: (r, n - s)."""
    envelope = json.loads(document.signature.envelope)
    r, s = decode_dss_signature(base64.b64decode(envelope["signatures"][0]["sig"]))
    envelope["signatures"][0]["sig"] = b64(encode_dss_signature(r, P256_ORDER - s))
    return b64(canonical_json(envelope))


def _changed_envelope(document: Document, change: Callable[[dict], object]) -> str:
    envelope = json.loads(document.signature.envelope)
    change(envelope)
    return b64(canonical_json(envelope))


def _set_sig(data: bytes) -> Callable[[Document], dict]:
    def change(document: Document) -> dict:
        return {
            "envelope": _changed_envelope(
                document, lambda envelope: envelope["signatures"][0].update(sig=b64(data))
            )
        }

    return change


def _key(data: bytes) -> Callable[[Document], dict]:
    return lambda document: {"public_key": b64(data)}


P256_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")

GARBLED: dict[str, Callable[[Document], object]] = {
    "empty": lambda document: "",
    "truncated": lambda document: json.dumps(carried(document))[:1000],
    "null": lambda document: None,
    "a number": lambda document: 7,
    "a list": lambda document: [],
    "no fields": lambda document: {},
    "null fields": lambda document: {"envelope": None, "public_key": None, "result": None},
    "deep": lambda document: "[" * 100_000 + "]" * 100_000,
    "deep in a field": lambda document: {"envelope": [[]], "public_key": {"a": 1}, "result": 0},
    "result cut": lambda document: {"result": carried(document)["result"][:400]},
    "result no base64": lambda document: {"result": "\u00e9" * 9},
    "result not deflated": lambda document: {"result": b64(b"FAIL" * 99)},
    "result bomb": lambda document: {"result": packed(b"0" * (64 << 20))},
    "result empty": lambda document: {"result": ""},
    "envelope cut": lambda document: {"envelope": carried(document)["envelope"][:-8]},
    "envelope spaced": lambda document: {"envelope": b64(document.signature.envelope.replace(b":", b": ", 1))},
    "envelope no object": lambda document: {"envelope": b64(b"null")},
    "envelope no signatures": lambda document: {
        "envelope": _changed_envelope(document, lambda envelope: envelope.update(signatures=[]))
    },
    "two signatures": lambda document: {
        "envelope": _changed_envelope(document, lambda envelope: envelope["signatures"].append({}))
    },
    "another type": lambda document: {
        "envelope": _changed_envelope(document, lambda envelope: envelope.update(payloadType="text/plain"))
    },
    "another payload": lambda document: {
        "envelope": _changed_envelope(document, lambda envelope: envelope.update(payload=b64(b"{}")))
    },
    "the other s": lambda document: {"envelope": _twin(document)},
    "signature empty": _set_sig(b""),
    "signature of zeros": _set_sig(encode_dss_signature(0, 0)),
    "signature too long": _set_sig(b"\x30\x06\x02\x7f\x01\x02\x01\x01"),
    "signature with a tail": _set_sig(encode_dss_signature(5, 7) + b"\x00"),
    "signature negative": _set_sig(bytes.fromhex("3006020185020107")),
    "another key": _key(public_key_der(make_signer().public_key)),
    "key of another kind": _key(public_key_der(make_signer(ed25519=True).public_key)),
    "key cut": _key(P256_HEAD + b"\x04" * 64),
    "key off the curve": _key(P256_HEAD + b"\x04" * 65),
    "key empty": _key(b""),
    "key huge": _key(b"\x30" * 3_000_000),
}


@pytest.mark.parametrize("name", GARBLED)
def test_a_garbled_block_is_invalid_and_never_left_open(
    look, failed: Document, failed_page: str, name: str
) -> None:
    """Whatever stands in the block, the badge settles on INVALID, without an exception on the console."""
    changes = GARBLED[name](failed)
    is_fields = isinstance(changes, dict) and changes and changes.keys() <= carried(failed).keys()
    seen = look(with_block(failed_page, carried(failed) | changes if is_fields else changes))
    assert seen.state == "invalid"
    assert seen.complaints == []


def test_a_page_without_its_block_is_invalid(look, failed_page: str) -> None:
    """Who takes the signature out of a signed page does not get "not checked" but INVALID."""
    seen = look(BLOCK.sub("", failed_page))
    assert seen.state == "invalid"
    assert "taken out" in seen.section


def _statement(document: Document) -> dict:
    return json.loads(base64.b64decode(json.loads(document.signature.envelope)["payload"]))


def _merged(path: str, value: object) -> Callable[[dict], object]:
    """Return a change that puts `value` at a dotted path of a statement."""

    def change(statement: dict) -> dict:
        *parents, last = path.split(".")
        place = statement
        for name in parents:
            place = place[name]
        place[last] = value
        return statement

    return change


def _nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


STATEMENTS: dict[str, Callable[[dict], object]] = {
    "null": lambda statement: None,
    "a list": lambda statement: [statement],
    "empty": lambda statement: {},
    "another type": _merged("_type", "https://in-toto.io/Statement/v2"),
    "another predicate": _merged("predicateType", "urn:hilrig:views:v0.1"),
    "no subject": _merged("subject", []),
    "subject of null": _merged("subject", [None]),
    "subject twice": lambda statement: statement | {"subject": statement["subject"] * 2},
    "no predicate": _merged("predicate", None),
    "claims PASSED": _merged("predicate.result", "PASSED"),
    "claims a PASS": _merged("predicate.hilrig.verdict", "PASS"),
    "claims exit 0": _merged("predicate.hilrig.exit_code", 0),
    "claims another run": _merged("predicate.hilrig.run_id", "another"),
    "claims another sentence": _merged("predicate.hilrig.sentence", "All is well."),
    "65 deep": _merged("predicate.hilrig", _nested(65)),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_signed_statement_that_says_something_else_is_invalid(look, failed_page: str, name: str) -> None:
    """An attacker signs what they like with a key of their own: a statement that does not fit the result fails."""
    attacker = make_signer()
    document = make_document(make_result(latency_ms=60.0), attacker)
    envelope = sign(canonical_json(STATEMENTS[name](_statement(document))), attacker)
    seen = look(with_block(rendered(document), carried(document) | {"envelope": b64(envelope)}))
    assert seen.state == "invalid"
    assert seen.complaints == []


RESULTS: dict[str, object] = {
    "null": None,
    "a list": [],
    "no judgement": {"run_id": "x"},
    "deep": b"[" * 200_000 + b"]" * 200_000,
    "no checks": {"judgement": {"status": "FAIL", "sentence": "x"}, "exit_code": 10, "run_id": "x"},
    "not UTF-8": b"\xff\xfe{}",
    "not JSON": b"{'a': 1}",
    "NaN": b'{"judgement": NaN}',
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_signed_result_that_is_none_is_invalid(look, name: str) -> None:
    """The attacker's signature over anything but a result of hilrig ends in INVALID, not in an open question."""
    attacker = make_signer()
    document = make_document(make_result(latency_ms=60.0), attacker)
    given = RESULTS[name]
    data = given if isinstance(given, bytes) else canonical_json(given)
    statement = _statement(document)
    digest = sha256_hex(data)
    statement["subject"] = [{"name": "result.json", "digest": {"sha256": digest}}]
    if isinstance(given, dict):
        statement["predicate"]["hilrig"] |= {"run_id": "x", "sentence": "x"}
    block = carried(document) | {
        "envelope": b64(sign(canonical_json(statement), attacker)),
        "result": packed(data),
    }
    seen = look(with_block(rendered(document), block))
    assert seen.state == "invalid"
    assert seen.complaints == []
