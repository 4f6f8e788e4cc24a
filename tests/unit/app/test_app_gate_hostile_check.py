"""What a hostile or careless hand can do to what `gate check` reads: each has its exit code and object."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from gate_decisions import NOW_NS, utc
from hilrig.app.gate.check import Checked, GateRequest, check_release
from hilrig.app.gate.facts import GateSubject
from hilrig.app.gate.manifest import ManifestRequest, make_manifest
from hilrig.app.gate.trusted_signers import TrustedSigners, named_signers
from hilrig.attest.approval import build_approval
from hilrig.attest.envelope import sign
from hilrig.attest.public_key import public_key_of_signer
from hilrig.core.approval import Approval
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import ManualClock
from hilrig.core.errors import ConfigError, HilrigError
from hilrig.core.exits import ExitCode
from hilrig.core.gate import Trigger
from hilrig.core.gate_manifest import MANIFEST_FILE
from hostile_hands import REPLACED, Edit, folder, link, one_byte, pipe, swap
from onnx_stations import write_onnx_station
from signed_runs import Signer

POLICY = """\
format: 1
name: small
valid_days: 30
waivable: [support]
approvals:
  - {when: always, role: security, n: 1}
  - {when: waiver_used, role: quality, n: 1}
items:
  - id: support
    title: Somebody answers the telephone
    owner: support
    needs:
      - {check: document, topic: on-call, max_age_days: 90}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Return a folder with a profile, evidence (a document, no run), a release made of them, and a policy."""
    folder = tmp_path_factory.mktemp("made")
    write_onnx_station(folder / "profile", "CPUExecutionProvider")
    (folder / "evidence").mkdir()
    (folder / "evidence" / "on-call.md").write_text("# On call\n\nReviewed: 2026-11-20\n\nAnn, 555-0100.\n")
    (folder / "policy.yaml").write_text(POLICY)
    request = ManifestRequest(
        profile=folder / "profile",
        evidence=folder / "evidence",
        out=folder / "release",
        previous=None,
        version="1",
        sequence=1,
        lock=None,
    )
    make_manifest(request, named_signers(runs=(), approvers=(), publishers=()), clock=clock())
    return folder


@pytest.fixture
def copy(made, tmp_path) -> Path:
    """Return a copy of it to do harm to."""
    return shutil.copytree(made, tmp_path / "copy")


@pytest.fixture(scope="module")
def people(tmp_path_factory) -> dict[str, Signer]:
    """Return who signs: Ann for security, Bob for quality, a stranger, a gate."""
    folder = tmp_path_factory.mktemp("people")
    return {name: Signer(folder / name, name) for name in ("ann", "bob", "stranger", "gate")}


def clock() -> ManualClock:
    clock = ManualClock()
    clock.realtime_offset_ns = NOW_NS
    return clock


def check(folder: Path, people: dict[str, Signer]) -> Checked:
    """Let the gate decide."""
    keys = {name: public_key_of_signer(people[name].signer) for name in ("ann", "bob")}
    signers = TrustedSigners(
        runs=(),
        approvers=tuple(keys.values()),
        approver_roles={
            keys["ann"].fingerprint: frozenset({"security"}),
            keys["bob"].fingerprint: frozenset({"quality"}),
        },
        publishers=(),
    )
    request = GateRequest(
        subject=GateSubject(
            release=folder / "release", evidence=folder / "evidence", profile=folder / "profile", lock=None
        ),
        policy=str(folder / "policy.yaml"),
        classes=(),
        before=None,
        is_bound_to_stack=True,
        expires_days=None,
    )
    return check_release(request, signers, gate=people["gate"].signer, clock=clock())


def refusal(folder: Path, people: dict[str, Signer]) -> HilrigError:
    """Return the error that the gate ends with; what it had signed before that would be a decision."""
    with pytest.raises(HilrigError) as refused:
        check(folder, people)
    assert not list(folder.glob("release/decisions/*.dsse.json"))
    return refused.value


def test_without_a_run_the_gate_says_what_is_missing(copy, people):
    """The release that the tables below do harm to: sound, and not measured. Never PASSED."""
    checked = check(copy, people)
    assert checked.exit_code == ExitCode.INCONCLUSIVE
    assert not any(one.outcome.passed for one in checked.decided)


FILES = ["evidence/on-call.md", "release/release.json", "release/release_manifest.json"]
HARMS = [(what, harm) for what in FILES for harm in REPLACED if (what, harm) != (FILES[-1], one_byte)]
"""Of the manifest every byte may be a claim: those have tables of their own below."""


@pytest.mark.parametrize(("what", "harm"), HARMS)
def test_a_replaced_file_stops_the_gate(copy, people, what, harm):
    """Evidence, release and manifest, by a link, a pipe, a folder, nothing, one byte: 30, named, at once."""
    harm(copy / what)
    error = refusal(copy, people)
    assert (error.exit_code, Path(what).name in error.message) == (ExitCode.TRUST, True), error.message


@pytest.mark.parametrize("what", ["evidence", "release/files"])
def test_a_replaced_folder_stops_the_gate(copy, people, what):
    """Gone, or a pipe in its place."""
    shutil.rmtree(copy / what)
    os.mkfifo(copy / what)
    assert refusal(copy, people).exit_code == ExitCode.TRUST


def escape(path: str) -> Edit:
    return swap('"path":"on-call.md"', f'"path":"{path}"')


MANIFESTS: dict[str, Edit] = {
    "a key twice": swap('"name":', '"name":"other","name":'),
    "a key more": swap('"name":', '"approved":true,"name":'),
    "NaN": swap('"soak_test_hours":0.0', '"soak_test_hours":NaN'),
    "1e999": swap('"soak_test_hours":0.0', '"soak_test_hours":1e999'),
    "a number as a text": swap('"sequence":1,', '"sequence":"1",'),
    "nested deep": lambda _: b"[" * 100_000,
    "a space more": lambda data: data + b"\n",
    "a path that climbs": escape("../profile/profile.yaml"),
    "a path from the root": escape("/etc/passwd"),
    "a path to a device": escape("/dev/zero"),
    "no path": escape(""),
    "a kind that is none": swap('"kind":"document"', '"kind":"rumour"'),
}


@pytest.mark.parametrize("what", MANIFESTS)
def test_a_hostile_manifest_is_refused(copy, people, what):
    """What no writer of ours could have written is not read; a path out of the folder is never followed."""
    path = copy / "release" / MANIFEST_FILE
    path.write_bytes(MANIFESTS[what](path.read_bytes()))
    error = refusal(copy, people)
    words = (MANIFEST_FILE, "the manifest names", "the manifest lists")
    assert error.exit_code == ExitCode.TRUST
    assert any(one in error.message for one in words), error.message


CLAIMS: dict[str, Edit] = {
    "hours that nobody measured": swap('"soak_test_hours":0.0', '"soak_test_hours":8.0'),
    "a class that nobody tested": swap('"devices_tested":[]', '"devices_tested":["x86-cpu"]'),
    "another version": swap('"version":"1"', '"version":"2"'),
    "another runtime": swap('"runtime":"', '"runtime":"other-'),
}


@pytest.mark.parametrize("what", CLAIMS)
def test_a_claim_that_the_evidence_does_not_give_is_a_fail(copy, people, what):
    """The manifest is sound JSON in its one form, and it lies: FAIL with the key and both values."""
    path = copy / "release" / MANIFEST_FILE
    path.write_bytes(CLAIMS[what](path.read_bytes()))
    checked = check(copy, people)
    assert checked.exit_code == ExitCode.FAIL
    assert "does not tell the truth" in checked.decided[0].outcome.sentence


POLICIES = {
    "a check that is none": ("check: document,", "check: dokument,", "document"),
    "a parameter that is none": ("max_age_days:", "max_age_dasy:", "max_age_days"),
    "a limit as a text": ("max_age_days: 90", "max_age_days: '90'", "max_age_days"),
    "a limit as true": ("max_age_days: 90", "max_age_days: yes", "max_age_days"),
    "NaN": ("max_age_days: 90", "max_age_days: .nan", ".nan"),
    "infinite": ("max_age_days: 90", "max_age_days: .inf", ".inf"),
    "1e999": ("max_age_days: 90", "max_age_days: 1e999", "1e999"),
    "less than nothing": ("max_age_days: 90", "max_age_days: -1", "max_age_days"),
    "a key twice": ("max_age_days: 90", "max_age_days: 1, max_age_days: 90", "max_age_days"),
    "on_missing": ("max_age_days: 90", "max_age_days: 90, on_missing: pass", "on_missing"),
    "a pass for what is missing": ("owner: support", "owner: support\n    on_missing: pass", "on_missing"),
    "an item that needs nothing": ("- {check: document, topic: on-call, max_age_days: 90}", "[]", "needs"),
    "no items": ("format: 1", "format: 1\nitems: []", "items"),
    "a waiver for what is no item": ("waivable: [support]", "waivable: [suport]", "support"),
    "a role that looks alike": ("role: security", "role: sеcurity", "role"),  # noqa: RUF001 - a Cyrillic letter
    "fewer people than none": ("n: 1}", "n: -1}", "n"),
    "a trigger that is declared": ("when: always", "when: never", "when"),
    "a decision for ever": ("valid_days: 30", "valid_days: 1000000", "valid_days"),
}


@pytest.mark.parametrize("what", POLICIES)
def test_a_policy_with_a_mistake_decides_nothing(copy, people, what):
    """Refused with 2 and the place in the file, before a file of the release is believed."""
    old, new, word = POLICIES[what]
    assert old in POLICY
    path = copy / "policy.yaml"
    path.write_text(POLICY.replace(old, new, 1))
    error = refusal(copy, people)
    assert isinstance(error, ConfigError)
    assert error.exit_code == ExitCode.USAGE
    assert all(problem.file == str(path) and problem.line > 0 for problem in error.problems), error.problems
    assert word in error.message, error.message


def approval(folder: Path, people: dict[str, Signer], by: str = "ann", **changes: Any) -> Path:
    """Write an approval of the manifest as it is."""
    values = {
        "manifest_sha256": sha256_hex((folder / "release" / MANIFEST_FILE).read_bytes()),
        "role": "security",
        "reason": "The keys were changed by the plan.",
        "waives": (),
        "issued_at_utc": utc(-1),
        "expires_at_utc": utc(20),
    } | changes
    path = folder / "release" / "approvals" / f"{by}.dsse.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(sign(build_approval(Approval(**values)), people[by].signer))
    return path


def approved_by(folder: Path, people: dict[str, Signer]) -> tuple[str, ...]:
    """Return whose approval counts for the rule of the policy."""
    needs = check(folder, people).decided[0].outcome.approvals
    return next(need.given_by for need in needs if need.when is Trigger.ALWAYS)


def test_an_approval_of_this_manifest_counts(copy, people):
    """Ann speaks for security, today, on these bytes: the tables below change one thing of it each time."""
    approval(copy, people)
    assert approved_by(copy, people) == (public_key_of_signer(people["ann"].signer).fingerprint,)


WITHOUT_EFFECT = {
    "of another manifest": {"manifest_sha256": "1" * 64},
    "that is over": {"issued_at_utc": utc(-9), "expires_at_utc": utc(-1)},
    "of another role": {"by": "bob", "role": "quality"},
}


@pytest.mark.parametrize("what", WITHOUT_EFFECT)
def test_an_approval_of_something_else_counts_nothing(copy, people, what):
    """Signed and sound, of another manifest, time or role: as if it were not there."""
    approval(copy, people, **WITHOUT_EFFECT[what])
    assert approved_by(copy, people) == ()


def test_an_approval_ends_with_the_manifest(copy, people):
    """One more byte of evidence, the manifest made anew: what was approved before says nothing on it."""
    approval(copy, people)
    (copy / "evidence" / "symptom-guide.md").write_text("# Symptoms\n\nReviewed: 2026-11-20\n\nLook here.\n")
    request = ManifestRequest(
        profile=copy / "profile",
        evidence=copy / "evidence",
        out=copy / "release",
        previous=None,
        version="",
        sequence=None,
        lock=None,
    )
    make_manifest(request, named_signers(runs=(), approvers=(), publishers=()), clock=clock())
    assert approved_by(copy, people) == ()


REFUSED_APPROVALS = {
    "by a stranger": ({"by": "stranger"}, "unknown key"),
    "by the gate itself": ({"by": "gate"}, "unknown key"),
    "in a role that is not theirs": ({"by": "bob"}, "speaks as security"),
}


@pytest.mark.parametrize("what", REFUSED_APPROVALS)
def test_an_approval_by_the_wrong_hand_stops_the_gate(copy, people, what):
    """Somebody put it there: 30 with its name and the key."""
    changes, words = REFUSED_APPROVALS[what]
    path = approval(copy, people, **changes)
    error = refusal(copy, people)
    assert error.exit_code == ExitCode.TRUST
    assert str(path) in error.message
    assert words in error.message


@pytest.mark.parametrize("replace_by", [link, pipe, folder, one_byte])
def test_a_replaced_approval_stops_the_gate(copy, people, replace_by):
    """By a link, a pipe, a folder, one other byte: 30 with its name."""
    path = approval(copy, people)
    replace_by(path)
    error = refusal(copy, people)
    assert (error.exit_code, path.name in error.message) == (ExitCode.TRUST, True), error.message


def test_one_person_counts_once(copy, people):
    """The same approval under a second name, and another one by the same key: still one person."""
    path = approval(copy, people)
    shutil.copy(path, path.with_name("copy.dsse.json"))
    shutil.move(approval(copy, people, reason="Once more."), path.with_name("again.dsse.json"))
    shutil.copy(path.with_name("copy.dsse.json"), path)
    assert len(set(approved_by(copy, people))) == 1
