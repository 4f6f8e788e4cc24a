import json
from dataclasses import asdict

import pytest

from hilrig.attest.directory import SIGNED_FILES, DirectoryReport, check_directory
from hilrig.attest.envelope import sign, to_sigstore_bundle
from hilrig.attest.result_statement import build_result_statement, build_views_statement
from hilrig.core import files
from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.core.verdict import CheckStatus, RunStatus

OTHER_RUN = "20260102T060000Z-weld-station-ffffff"


def checked(run: dict[str, bytes], *keys) -> DirectoryReport:
    digests = {name: sha256_hex(data) for name, data in run.items()}
    return check_directory(digests, {name: run[name] for name in SIGNED_FILES if name in run}, keys)


def named(report: DirectoryReport) -> set[str]:
    return {finding.file for finding in report.findings}


def said(report: DirectoryReport) -> str:
    return "\n".join(finding.sentence for finding in report.findings)


def with_views(
    run: dict[str, bytes], signer, run_id: str, drop: tuple[str, ...] = (), **extra: str
) -> dict[str, bytes]:
    """Return the run with its views signed anew."""
    names = (*files.VIEW_FILES, files.ATTESTATION, files.SIGSTORE_BUNDLE)
    covered = {name: sha256_hex(run[name]) for name in names if name not in drop} | extra
    return {**run, files.VIEWS: sign(build_views_statement(covered, run_id), signer)}


def with_statement(run: dict[str, bytes], statement: dict, signer) -> dict[str, bytes]:
    """Return the run with another result statement, truly signed, and views that cover it."""
    envelope = sign(canonical_json(statement), signer)
    run = {**run, files.ATTESTATION: envelope, files.SIGSTORE_BUNDLE: to_sigstore_bundle(envelope)}
    return with_views(run, signer, json.loads(run[files.RESULT])["run_id"])


def statement_of(make_result, run) -> dict:
    result = make_result(evidence={name: sha256_hex(run[name]) for name in files.EVIDENCE_FILES})
    assert canonical_json(asdict(result)) == run[files.RESULT]
    return json.loads(build_result_statement(result, result_sha256=sha256_hex(run[files.RESULT])))


@pytest.fixture
def run(make_run) -> dict[str, bytes]:
    return make_run()


@pytest.mark.parametrize("status", list(RunStatus))
def test_an_untouched_run_holds(make_run, rig_key, status):
    """A directory as it was signed has no finding, and gives back the result with its verdict, FAIL included."""
    report = checked(make_run(status=status), rig_key[1])
    assert report.ok, said(report)
    assert report.result is not None
    assert report.result.judgement.status is status
    assert report.key_fingerprint == rig_key[1].fingerprint


@pytest.mark.parametrize(
    "change",
    [
        lambda data: bytes([data[0] ^ 1]) + data[1:],
        lambda data: data[:-1] + bytes([data[-1] ^ 0x80]),
        lambda data: data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 4]) + data[len(data) // 2 + 1 :],
        lambda data: data[:-1],
        lambda data: data + b"\n",
        lambda _data: b"",
    ],
)
def test_one_changed_byte_in_any_file_is_found(run, rig_key, change):
    """Whichever file is changed, at its start, middle or end, longer or shorter: a sentence names that file."""
    for name in (*files.EVIDENCE_FILES, *files.VIEW_FILES, *SIGNED_FILES):
        report = checked({**run, name: change(run[name])}, rig_key[1])
        assert not report.ok, name
        assert name in named(report)
        assert any(name in finding.sentence for finding in report.findings if finding.file == name), name


def test_one_missing_file_is_found(run, rig_key):
    """Whichever file is gone, it is named as missing."""
    for name in (*files.EVIDENCE_FILES, *files.VIEW_FILES, *SIGNED_FILES):
        report = checked({other: data for other, data in run.items() if other != name}, rig_key[1])
        assert not report.ok, name
        assert any(f.file == name and "missing" in f.sentence for f in report.findings), said(report)


@pytest.mark.parametrize(
    "name",
    ["notes.txt", "model.onnx", "model/model.onnx", "sub/result.json", ".hidden", "RESULT.JSON", "x\x1b[2J\udc80"],
)
def test_one_unlisted_file_is_found(run, rig_key, name):
    """A file that no signature covers is named, whatever it is called, in a form fit for a terminal."""
    report = checked({**run, name: b"extra"}, rig_key[1])
    (finding,) = report.findings
    assert finding.file == name
    assert finding.sentence == f"{name!a} is covered by no signature"
    assert finding.sentence.isprintable()


def test_swapped_files_are_found(run, rig_key):
    """Two files under each other's name are both named, evidence and views alike."""
    for one, two in ((files.FRAMES, files.TELEMETRY), (files.REPORT_HTML, files.SUMMARY)):
        report = checked({**run, one: run[two], two: run[one]}, rig_key[1])
        assert named(report) == {one, two}


@pytest.mark.parametrize("name", SIGNED_FILES)
def test_a_file_of_another_run_is_found(run, make_run, rig_key, name):
    """Any signed file replaced by the same rig's file of another run is found."""
    other = make_run(run_id=OTHER_RUN)
    report = checked({**run, name: other[name]}, rig_key[1])
    assert not report.ok
    assert name in named(report)


def test_a_pass_cannot_be_lent_to_a_failed_run(make_run, rig_key):
    """The whole signature of a passed run beside the result of a failed one gives no result at all."""
    good = make_run()
    bad = make_run(status=RunStatus.FAIL, checks={"latency.p99_max_ms": CheckStatus.FAIL}, run_id=OTHER_RUN)
    report = checked({**good, files.RESULT: bad[files.RESULT]}, rig_key[1])
    assert report.result is None
    assert not report.ok
    assert "'result.json' changed" in said(report)


def test_views_of_another_run_are_found(run, make_run, rig_key):
    """Views of another run with their own true signature do not cover this run's attestation."""
    other = make_run(run_id=OTHER_RUN)
    swapped = {**run, **{name: other[name] for name in (*files.VIEW_FILES, files.VIEWS)}}
    report = checked(swapped, rig_key[1])
    assert files.ATTESTATION in named(report)
    assert f"the claim 'run_id' is '{OTHER_RUN}'" in said(report)


def test_the_two_statements_cannot_stand_in_for_each_other(run, rig_key):
    """The views' envelope under the attestation's name, and the other way round, are refused by their type."""
    report = checked({**run, files.ATTESTATION: run[files.VIEWS]}, rig_key[1])
    assert "attestation.dsse.json holds a statement of the type 'urn:hilrig:views:v0.1'" in said(report)
    report = checked({**run, files.VIEWS: run[files.ATTESTATION]}, rig_key[1])
    assert "views.dsse.json holds a statement of the type 'https://in-toto.io" in said(report)


def test_an_unknown_key_is_named_and_nothing_is_believed(run, rig_key, other_key):
    """Without the rig's key among the trusted ones there is no result, and both envelopes name the key."""
    report = checked(run, other_key[1])
    assert report.result is None
    assert report.key_fingerprint is None
    assert named(report) == {files.ATTESTATION, files.VIEWS}
    assert said(report).count(rig_key[1].fingerprint) == 2
    assert all("--key FILE.pub" in finding.hint for finding in report.findings)


def test_no_trusted_key_trusts_nothing(run):
    """With no key at all nothing verifies."""
    assert not checked(run).ok


def test_views_may_be_signed_by_another_trusted_key(make_run, rig_key, other_key):
    """Views rendered anew by somebody who is trusted hold; by a stranger they do not."""
    run = make_run(views_signer=other_key[0])
    report = checked(run, rig_key[1], other_key[1])
    assert report.ok, said(report)
    assert report.key_fingerprint == rig_key[1].fingerprint
    assert named(checked(run, rig_key[1])) == {files.VIEWS}


def test_a_forged_run_signed_by_a_stranger_is_found(make_run, rig_key, other_key):
    """A whole directory made and signed by another key is not a result of the rig."""
    report = checked(make_run(signer=other_key[0]), rig_key[1])
    assert not report.ok
    assert report.result is None


def test_a_bundle_with_another_envelope_is_found(run, make_run, rig_key):
    """A sigstore bundle of another run is found even where the views' statement covers it."""
    other = make_run(run_id=OTHER_RUN)
    changed = {**run, files.SIGSTORE_BUNDLE: other[files.SIGSTORE_BUNDLE]}
    report = checked(with_views(changed, rig_key[0], json.loads(run[files.RESULT])["run_id"]), rig_key[1])
    assert named(report) == {files.SIGSTORE_BUNDLE}
    assert "does not hold attestation.dsse.json" in said(report)


@pytest.mark.parametrize("name", [files.ATTESTATION, files.SIGSTORE_BUNDLE])
def test_views_must_cover_the_signature(run, rig_key, name):
    """A views' statement that leaves out the envelope or the bundle is found: they would be free to change."""
    report = checked(
        with_views(run, rig_key[0], json.loads(run[files.RESULT])["run_id"], drop=(name,)), rig_key[1]
    )
    assert f"views.dsse.json does not cover {name}" in said(report)


def test_views_cannot_adopt_the_result(run, make_result, rig_key):
    """A result.json that only the views' statement covers is no signed result."""
    statement = statement_of(make_result, run)
    statement["subject"] = [entry for entry in statement["subject"] if entry["name"] != files.RESULT]
    run = with_statement(run, statement, rig_key[0])
    extra = {files.RESULT: sha256_hex(run[files.RESULT])}
    run = with_views(run, rig_key[0], json.loads(run[files.RESULT])["run_id"], **extra)
    report = checked(run, rig_key[1])
    assert report.result is None
    assert not report.ok
    assert "attestation.dsse.json does not cover result.json" in said(report)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("result",), "FAILED", "the claim 'result' is 'FAILED', result.json gives 'PASSED'"),
        (("failedTests",), ["latency.p99_max_ms"], "the claim 'failedTests' is ['latency.p99_max_ms']"),
        (("passedTests",), [], "the claim 'passedTests' is []"),
        (("configuration",), [], "the claim 'configuration' is []"),
        (("hilrig", "verdict"), "FAIL", "the claim 'hilrig.verdict' is 'FAIL', result.json gives 'PASS'"),
        (("hilrig", "run_id"), OTHER_RUN, "the claim 'hilrig.run_id'"),
        (("hilrig", "device_class"), "jetson-orin-nx-16gb", "the claim 'hilrig.device_class'"),
        (("hilrig", "waived"), True, "the claim 'hilrig.waived' is True, result.json gives absent"),
        (("hilrig",), None, "the claim 'hilrig.verdict' is absent"),
    ],
)
def test_a_signed_contradiction_is_found(run, make_result, rig_key, path, value, words):
    """A true signature over a statement that says something else than the result it covers is a finding."""
    statement = statement_of(make_result, run)
    place = statement["predicate"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    report = checked(with_statement(run, statement, rig_key[0]), rig_key[1])
    assert not report.ok
    assert words in said(report)


def test_a_model_that_the_result_does_not_know_is_found(run, make_result, rig_key):
    """A model added to the signed subjects, or one with another digest, contradicts result.json."""
    statement = statement_of(make_result, run)
    statement["subject"].append({"name": "model/other.onnx", "digest": {"sha256": "9" * 64}})
    statement["subject"].sort(key=lambda subject: subject["name"])
    report = checked(with_statement(run, statement, rig_key[0]), rig_key[1])
    assert "the subject 'model/other.onnx'" in said(report)
    statement = statement_of(make_result, run)
    next(s for s in statement["subject"] if s["name"] == "model/model.onnx")["digest"]["sha256"] = "9" * 64
    report = checked(with_statement(run, statement, rig_key[0]), rig_key[1])
    assert "the subject 'model/model.onnx'" in said(report)


def test_evidence_that_was_left_unsigned_is_found(run, make_result, rig_key):
    """An evidence file that result.json lists and the statement does not is found twice over."""
    statement = statement_of(make_result, run)
    statement["subject"] = [entry for entry in statement["subject"] if entry["name"] != files.FRAMES]
    report = checked(with_statement(run, statement, rig_key[0]), rig_key[1])
    assert "'frames.arrows' is covered by no signature" in said(report)
    assert "the subject 'frames.arrows' is absent" in said(report)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace('"run_id"', '"run_id":"x","run_id"'), "the key 'run_id' stands twice"),
        (lambda text: text.replace("25.9,", "NaN,", 1), "NaN is not a JSON number"),
        (lambda text: text.replace('"status":"PASS"', '"status":"GREAT"', 1), "is not a result: judgement."),
        (lambda text: text.replace('"exit_code":0', '"exit_code":"0"'), "is not a result: exit_code"),
        (lambda text: text.replace('"feed":"synthetic",', ""), "is not a result: feed"),
        (lambda _text: "[]", "is not a result"),
    ],
)
def test_a_signed_result_must_be_a_result(run, make_result, rig_key, change, words):
    """A result.json that is truly signed, but ambiguous or of another shape, is not believed."""
    changed = change(run[files.RESULT].decode()).encode()
    assert changed != run[files.RESULT]
    statement = statement_of(make_result, run)
    entry = next(s for s in statement["subject"] if s["name"] == files.RESULT)
    entry["digest"]["sha256"] = sha256_hex(changed)
    envelope = sign(canonical_json(statement), rig_key[0])
    run = {
        **run,
        files.RESULT: changed,
        files.ATTESTATION: envelope,
        files.SIGSTORE_BUNDLE: to_sigstore_bundle(envelope),
    }
    report = checked(with_views(run, rig_key[0], "r"), rig_key[1])
    assert report.result is None
    assert words in said(report)


def test_a_file_that_changes_while_it_is_read_is_found(run, rig_key):
    """Bytes that differ from the digest of the same file mean that the directory is still being written."""
    digests = {name: sha256_hex(data) for name, data in run.items()}
    contents = {name: run[name] for name in SIGNED_FILES}
    digests[files.RESULT] = "0" * 64
    report = check_directory(digests, contents, [rig_key[1]])
    assert "result.json changed while it was read" in said(report)


def test_an_empty_directory_is_no_signed_run(rig_key):
    """Nothing at all gives findings for both envelopes, and no result."""
    report = checked({}, rig_key[1])
    assert not report.ok
    assert {files.ATTESTATION, files.VIEWS} <= named(report)


def test_findings_are_always_the_same(run, rig_key):
    """The same damage gives the same findings in the same order."""
    del run[files.FRAMES], run[files.JUNIT]
    damaged = {**run, "b": b"", "a": b""}
    assert checked(damaged, rig_key[1]) == checked(dict(reversed(damaged.items())), rig_key[1])
