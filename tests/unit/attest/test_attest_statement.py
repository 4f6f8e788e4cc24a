import json

import pytest

from hilrig.attest.result_statement import (
    TEST_RESULT,
    VIEWS_PREDICATE,
    build_result_statement,
    build_views_statement,
)
from hilrig.attest.statement import MAX_SUBJECTS, read_statement
from hilrig.core import files
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import RecordError, TrustError
from hilrig.core.verdict import CheckStatus, RunStatus

DIGEST = "a" * 64


def built(result) -> dict:
    return json.loads(build_result_statement(result, result_sha256=DIGEST))


def test_a_statement_has_exactly_the_four_fields(make_result):
    """A fifth top-level field makes cosign's strict reader fail, so there is none, and the bytes are canonical."""
    data = build_result_statement(make_result(), result_sha256=DIGEST)
    statement = json.loads(data)
    assert statement.keys() == {"_type", "subject", "predicateType", "predicate"}
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == TEST_RESULT
    assert canonical_json(statement) == data


def test_result_evidence_and_model_are_subjects(make_result):
    """The sha256 of result.json, of each evidence file and of each model file is a subject, under its own name."""
    result = make_result()
    subjects = {entry["name"]: entry["digest"] for entry in built(result)["subject"]}
    assert len(subjects) == len(built(result)["subject"]) == 1 + len(files.EVIDENCE_FILES) + 2
    assert subjects[files.RESULT] == {"sha256": DIGEST}
    assert subjects["frames.arrows"] == {"sha256": result.files["frames.arrows"]}
    assert subjects["model/model.onnx"] == {"sha256": "4" * 64}
    assert subjects["model/weights/part.bin"] == {"sha256": "5" * 64}


def test_a_model_file_cannot_take_the_place_of_the_evidence(make_result):
    """A model file named as an evidence file, and an evidence entry named result.json, displace nothing."""
    result = make_result(model_files_sha256={"plan.json": "4" * 64})
    result = make_result(
        model_files_sha256=result.model_files_sha256, evidence={**result.files, files.RESULT: "7" * 64}
    )
    subjects = {entry["name"]: entry["digest"]["sha256"] for entry in built(result)["subject"]}
    assert subjects["plan.json"] == result.files["plan.json"]
    assert subjects["model/plan.json"] == "4" * 64
    assert subjects[files.RESULT] == DIGEST


@pytest.mark.parametrize(
    ("status", "word", "exit_code"),
    [
        (RunStatus.PASS, "PASSED", 0),
        (RunStatus.FAIL, "FAILED", 10),
        (RunStatus.INCONCLUSIVE, "FAILED", 11),
    ],
)
def test_only_a_pass_is_passed(make_result, status, word, exit_code):
    """INCONCLUSIVE is FAILED to readers of the public predicate; hilrig's own field keeps the difference."""
    predicate = built(make_result(status=status))["predicate"]
    assert predicate["result"] == word
    assert predicate["hilrig"]["verdict"] == status.value
    assert predicate["hilrig"]["exit_code"] == exit_code


def test_only_passed_checks_are_passed_tests(make_result):
    """A check that was not measured, or a self-check that failed, is a failed test, never an absent one."""
    result = make_result(
        checks={status.value: status for status in CheckStatus},
        self_checks={"feeder.late": True, "clock.step": False},
        status=RunStatus.FAIL,
    )
    predicate = built(result)["predicate"]
    assert predicate["passedTests"] == ["PASS", "self:feeder.late"]
    assert predicate["failedTests"] == ["FAIL", "INCONCLUSIVE", "NOT_MEASURED", "self:clock.step"]


def test_the_configuration_is_what_was_asked(make_result):
    """The predicate's configuration is profile, plan and rig with their digests."""
    result = make_result()
    assert built(result)["predicate"]["configuration"] == [
        {"name": name, "digest": {"sha256": result.files[name]}}
        for name in ("profile.yaml", "plan.json", "rig.json")
    ]


def test_a_run_without_its_plan_is_not_signed(make_result):
    """A run that cannot say what was asked of it is refused by name."""
    evidence = {name: DIGEST for name in files.EVIDENCE_FILES if name != files.PLAN}
    with pytest.raises(RecordError, match=r"without plan\.json cannot be signed"):
        built(make_result(evidence=evidence))


def test_an_unknown_stack_stays_unknown(make_result):
    """A rig that could not name its stack gives null, not an invented hash."""
    assert built(make_result(rig_info={}))["predicate"]["hilrig"]["stack_sha256"] is None


def test_more_subjects_than_cosign_reads_are_refused(make_result):
    """1,024 subjects are signed, 1,025 are refused with both numbers."""
    room = MAX_SUBJECTS - 1 - len(files.EVIDENCE_FILES)
    fitting = {f"part-{i}": DIGEST for i in range(room)}
    assert len(built(make_result(model_files_sha256=fitting))["subject"]) == 1_024
    with pytest.raises(RecordError, match="1025 files to sign; cosign reads at most 1024"):
        built(make_result(model_files_sha256={**fitting, "one-more": DIGEST}))


def test_the_largest_statement_is_read_back(make_result):
    """The statement with the most subjects that can be built is within the reader's size limit."""
    room = MAX_SUBJECTS - 1 - len(files.EVIDENCE_FILES)
    model = {f"{'long-folder-name/' * 240}part-{i}": DIGEST for i in range(room)}
    data = build_result_statement(make_result(model_files_sha256=model), result_sha256=DIGEST)
    assert len(read_statement(data, name="x").subjects) == MAX_SUBJECTS


def test_views_have_a_type_of_their_own():
    """The views' statement names its files and its run, and cannot be taken for a test result."""
    statement = read_statement(build_views_statement({"report.html": DIGEST}, "run-1"), name="x")
    assert statement.predicate_type == VIEWS_PREDICATE != TEST_RESULT
    assert statement.subjects == {"report.html": DIGEST}
    assert statement.predicate == {"run_id": "run-1"}


SUBJECT = {"name": "a", "digest": {"sha256": DIGEST}}


@pytest.mark.parametrize(
    "changes",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"subject": []},
        {"subject": {}},
        {"subject": [SUBJECT, SUBJECT]},
        {"subject": [{"name": "a"}]},
        {"subject": [{**SUBJECT, "uri": "file:a"}]},
        {"subject": [{"name": "a", "digest": {"sha256": DIGEST.upper()}}]},
        {"subject": [{"name": "a", "digest": {"sha256": DIGEST + "\n"}}]},
        {"subject": [{"name": "a", "digest": {"sha256": DIGEST[1:]}}]},
        {"subject": [{"name": "a", "digest": {"sha256": DIGEST, "md5": "0"}}]},
        {"subject": [{"name": "a", "digest": {"sha512": DIGEST}}]},
        {"subject": [{"name": 1, "digest": {"sha256": DIGEST}}]},
        {"subject": [None]},
        {"predicateType": None},
        {"predicate": None},
        {"predicate": []},
        {"extra": 1},
    ],
)
def test_any_other_shape_is_refused(changes):
    """A statement that differs in one field from what hilrig writes is refused, and its file is named."""
    good = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [SUBJECT],
        "predicateType": "t",
        "predicate": {},
    }
    assert read_statement(canonical_json(good), name="x.json").subjects == {"a": DIGEST}
    with pytest.raises(TrustError, match=r"x\.json"):
        read_statement(canonical_json({**good, **changes}), name="x.json")


@pytest.mark.parametrize("data", [b"null", b"[]", b'"x"', b"1", b"{}", b"\xff", b""])
def test_no_document_is_a_trust_error(data):
    """A payload that is no statement at all is a TrustError, not a crash."""
    with pytest.raises(TrustError):
        read_statement(data, name="x")
