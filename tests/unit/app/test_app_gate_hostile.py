"""What a hostile or careless hand can do to a decision or a trust file: each has its exit code and object."""

import json
from pathlib import Path
from typing import Any

import pytest

from gate_decisions import CLASS, NOW_NS, GatedFolder, utc
from hilrig.app.gate.asked_model import AskedModel
from hilrig.app.gate.keys import gate_trust
from hilrig.app.gate.status import AskingDevice, GateAnswer, gate_status
from hilrig.attest.envelope import sign
from hilrig.attest.gate_decision import build_gate_decision
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import HilrigError
from hilrig.core.exits import ExitCode
from hilrig.core.trust import Role
from hostile_hands import REPLACED, Edit, swap
from signed_runs import Signer
from trust_roots import DAY_NS, Roots
from trust_roots import NOW_NS as ROOT_NS

ORIN = "jetson-orin-nx-8gb"


@pytest.fixture
def gated(tmp_path) -> GatedFolder:
    return GatedFolder(tmp_path / "release", Signer(tmp_path / "keys", "gate"))


def ask(gated: GatedFolder, **changes: Any) -> GateAnswer:
    """Ask what the gate says about the model of the folder."""
    values = {"decisions": gated.folder, "trusted": gated.trusted, "now_ns": NOW_NS} | changes
    return gate_status(
        AskedModel(sha256=gated.release.bundle_sha256, file=None),
        AskingDevice(device_class=CLASS, stack_sha256=None),
        **values,
    )


def put(gated: GatedFolder, data: bytes) -> Path:
    path = gated.folder / "decisions" / "hostile.dsse.json"
    path.write_bytes(data)
    return path


def urlsafe(envelope: bytes) -> bytes:
    document = json.loads(envelope)
    text = document["payload"] if "+" in document["payload"] or "/" in document["payload"] else None
    if text is None:  # no sign that differs: take the padding away instead
        document["payload"] = document["payload"].rstrip("=") + "\n"
    else:
        document["payload"] = text.replace("+", "-").replace("/", "_")
    return canonical_json(document)


def signed_twice(envelope: bytes) -> bytes:
    document = json.loads(envelope)
    document["signatures"] *= 2
    return canonical_json(document)


def under_another_id(envelope: bytes) -> bytes:
    document = json.loads(envelope)
    document["signatures"][0]["keyid"] = "SHA256:" + "A" * 43
    return canonical_json(document)


ENVELOPES: dict[str, Edit] = {
    "empty": lambda _: b"",
    "a key twice": swap('"payloadType"', '"payload":"","payloadType"'),
    "a field more": swap('"payloadType"', '"extra":1,"payloadType"'),
    "NaN": swap('"payload":', '"a":NaN,"payload":'),
    "1e999": swap('"payload":', '"a":1e999,"payload":'),
    "an integer of a million digits": swap('"payload":', f'"a":{"9" * 1000},"payload":'),
    "nested deep": lambda data: b"[" * 100_000 + data,
    "a byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "UTF-16": lambda data: data.decode().encode("utf-16"),
    "half a surrogate pair": swap('"payload":', '"a":"\\ud800","payload":'),
    "a space more": lambda data: data + b" ",
    "another alphabet": urlsafe,
    "another payload type": swap("application/vnd.in-toto+json", "application/json"),
    "one signature twice": signed_twice,
    "no signature": lambda data: canonical_json({**json.loads(data), "signatures": []}),
    "one key under another id": under_another_id,
    "a key id that looks alike": swap('"keyid":"SHA256:', '"keyid":"ЅHA256:'),  # noqa: RUF001 - a Cyrillic letter
    "more than a decision can hold": lambda data: data + b" " * (1 << 20),
}


@pytest.mark.parametrize("what", ENVELOPES)
def test_a_hostile_envelope_is_refused(gated, what):
    """Whatever was done to it, the answer is 30 with the file's name, never PASSED, never a crash."""
    path = put(gated, ENVELOPES[what](gated.decide().read_bytes()))
    answer = ask(gated)
    if what == "one key under another id":  # a stranger's, as far as the file says: it does not count
        (gated.folder / "decisions" / f"{CLASS}.dsse.json").unlink()
        answer = ask(gated)
    assert (answer.exit_code, str(path) in answer.sentence) == (ExitCode.TRUST, True), answer.sentence


STATEMENTS: dict[str, Edit] = {
    "no JSON": lambda _: b"PASSED",
    "a list": lambda data: b"[" + data + b"]",
    "a key twice": swap('"verificationResult"', '"verificationResult":"FAILED","verificationResult"'),
    "NaN": swap('"sequence":100', '"sequence":NaN'),
    "1e999": swap('"sequence":100', '"sequence":1e999'),
    "a sequence as a text": swap('"sequence":100', '"sequence":"100"'),
    "a sequence as true": swap('"sequence":100', '"sequence":true'),
    "a sequence with a point": swap('"sequence":100', '"sequence":100.0'),
    "a sequence below one": swap('"sequence":100', '"sequence":-100'),
    "a sequence of 2^64": swap('"sequence":100', '"sequence":18446744073709551616'),
    "PASSED in letters that look alike": swap('"PASSED"', '"PАSSED"'),  # noqa: RUF001 - a Cyrillic letter
    "passed": swap('"PASSED"', '"passed"'),
    "a type that looks alike": swap("verification_summary/v1", "verificаtion_summary/v1"),  # noqa: RUF001 - a Cyrillic letter
    "another verifier": swap("urn:hilrig:gate", "urn:hilrig:rig"),
    "a field more": swap('"policy":', '"on_missing":"pass","policy":'),
    "another schema": swap("hilrig.gate/1", "hilrig.gate/2"),
    "no end": swap('"expires_at_utc":', '"expires_at":'),
    "an end that is no time": swap(utc(30), "tomorrow"),
    "an end on the 30th of February": swap(utc(30), "2027-02-30T00:00:00Z"),
    "an end before its beginning": swap(utc(30), utc(-2)),
    "no run behind it": lambda data: canonical_json(
        {**json.loads(data), "predicate": {**json.loads(data)["predicate"], "inputAttestations": []}}
    ),
    "a digest in capitals": swap('"sha256":"7777', '"sha256":"ABCD'),
    "a subject more": swap('"subject":[', '"subject":[{"digest":{"sha256":"' + "a" * 64 + '"},"name":"a"},'),
    "nested deep": swap('"verifiedLevels":[]', '"verifiedLevels":' + "[" * 40 + "]" * 40),
}


@pytest.mark.parametrize("what", STATEMENTS)
def test_a_hostile_statement_is_refused_although_the_gate_signed_it(gated, what):
    """A signature says who, not that it makes sense: every one of these holds a valid one."""
    statement = STATEMENTS[what](build_gate_decision(gated.decision()))
    path = put(gated, sign(statement, gated.gate.signer))
    answer = ask(gated)
    if what == "a type that looks alike":  # a statement of another kind is no decision at all
        assert answer.exit_code == ExitCode.NO_REPORT, answer.sentence
        return
    assert (answer.exit_code, str(path) in answer.sentence) == (ExitCode.TRUST, True), answer.sentence


@pytest.fixture
def roots(tmp_path, monkeypatch) -> Roots:
    """Return where a trust root is made; what was seen of it is kept in a home of its own."""
    monkeypatch.setenv("HILRIG_HOME", str(tmp_path / "roots" / "home"))
    return Roots(tmp_path / "roots")


def by_root(gated: GatedFolder, roots: Roots, now_ns: int = NOW_NS) -> GateAnswer:
    return ask(gated, trusted=gate_trust([], trust=roots.path, now_ns=now_ns), now_ns=now_ns)


def test_a_gate_of_the_trust_root_passes(gated, roots):
    """The table below changes one thing of this each time."""
    roots.first(roots.new(Role.GATE, "gate"), roots.new(Role.RIG, "rig"))
    gated.decide(signer=roots.signer("gate"))
    assert by_root(gated, roots).exit_code == ExitCode.OK


@pytest.mark.parametrize("role", [Role.ROOT, Role.RIG, Role.APPROVER, Role.PUBLISHER])
def test_a_key_of_another_role_decides_nothing(gated, roots, role):
    """A rig, a person, a publisher and the root itself are trusted, for other things."""
    words = ("security",) if role is Role.APPROVER else ()
    other = () if role is Role.ROOT else (roots.new(role, "other", *words),)
    roots.first(roots.new(Role.GATE, "gate"), *other)
    gated.decide(signer=roots.signer("root" if role is Role.ROOT else "other"))
    answer = by_root(gated, roots)
    assert (answer.exit_code, "unknown key" in answer.sentence) == (ExitCode.TRUST, True), answer.sentence


def test_a_gate_decides_only_for_its_classes(gated, roots):
    """Its key is for the Jetson: its decision for a PC is as good as none, with 33."""
    roots.first(roots.new(Role.GATE, "gate", ORIN))
    gated.decide(signer=roots.signer("gate"))
    answer = by_root(gated, roots)
    assert (answer.exit_code, f"may sign for {ORIN}" in answer.sentence) == (ExitCode.WRONG_CLASS, True)


def test_a_key_counts_from_its_first_day(gated, roots):
    """A decision that was signed before that: 32."""
    roots.first(roots.new(Role.GATE, "gate", from_ns=ROOT_NS + DAY_NS // 2))
    gated.decide(signer=roots.signer("gate"))
    answer = by_root(gated, roots)
    assert (answer.exit_code, "counts from" in answer.sentence) == (ExitCode.EXPIRED, True)


def test_nothing_that_a_revoked_key_signed_counts(gated, roots):
    """Neither its PASSED nor its refusal; and the older trust root that still knew it is not taken again."""
    roots.first(roots.new(Role.GATE, "gate"), roots.new(Role.GATE, "new"))
    old = roots.path.read_bytes()
    roots.rotate(revoke=frozenset(roots.fingerprints("gate")))
    later_ns = NOW_NS + DAY_NS
    gated.decide(signer=roots.signer("gate"))
    answer = by_root(gated, roots, later_ns)
    assert (answer.exit_code, "was revoked" in answer.sentence) == (ExitCode.TRUST, True)
    roots.path.write_bytes(old)
    with pytest.raises(HilrigError, match="newer root was seen") as refused:
        by_root(gated, roots, later_ns)
    assert refused.value.exit_code == ExitCode.TRUST


def test_a_clock_behind_what_was_seen_gives_no_answer(gated, roots):
    """A day ago this user saw a later time: the clock was set back, nobody can tell what is over."""
    roots.first(roots.new(Role.GATE, "gate"))
    gated.decide(signer=roots.signer("gate"))
    assert by_root(gated, roots, NOW_NS + 5 * DAY_NS).exit_code == ExitCode.OK
    with pytest.raises(HilrigError, match="clock") as refused:
        by_root(gated, roots)
    assert refused.value.exit_code == ExitCode.PRECONDITION


@pytest.mark.parametrize("replace_by", REPLACED)
def test_a_trust_file_that_was_replaced_is_refused(roots, replace_by):
    """By a link, a pipe, a folder, nothing, one other byte: 30 with its name, and nothing hangs."""
    roots.first(roots.new(Role.GATE, "gate"))
    replace_by(roots.path)
    with pytest.raises(HilrigError, match=r"trust\.json") as refused:
        gate_trust([], trust=roots.path, now_ns=NOW_NS)
    assert refused.value.exit_code == ExitCode.TRUST
