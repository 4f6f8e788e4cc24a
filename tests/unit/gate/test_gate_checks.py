"""What single checks make of evidence that is nearly right."""

from dataclasses import replace
from typing import Any, Final

import pytest

from gate_facts import make_compatibility, make_measurement, make_power_loss, put
from gate_flips import FACTS, OTHER
from hilrig.core.compat import CompatFinding, CompatStep
from hilrig.core.gate import Answer, Requirement
from hilrig.core.gate_facts import Facts
from hilrig.core.profile import BackendSpec
from hilrig.core.verdict import CheckStatus, RunStatus, SelfCheck
from hilrig.gate.checks.logs import STANDARD_KEYS
from hilrig.gate.decide import answer_to
from hilrig.gate.plausible import impossible_run

PASS, FAIL, MISSING = CheckStatus.PASS, CheckStatus.FAIL, CheckStatus.NOT_MEASURED
MEASURED: Final = {"metrics": ["latency_p99_ms"], "accelerator_metrics": ["gpu_memory_peak_mib"]}

RUN_2_FAILED: Final = {"runs.2.result.judgement.status": RunStatus.FAIL, "runs.2.result.exit_code": 10}
BROKEN: Final = SelfCheck(
    check_id="clock.steps",
    ok=False,
    observed_text="3 s",
    limit_text="0 s",
    sentence="The clock stepped.",
    advice="",
)


def answer(check: str, facts: Facts = FACTS, **parameters: Any) -> Answer:
    return answer_to(Requirement(check=check, parameters=parameters), facts)


def with_backend(backend: BackendSpec | None) -> Facts:
    """Return the passing facts with another backend, in the release and in every run."""
    facts = put(FACTS, "release.pipeline.backend", backend)
    for index in range(len(facts.runs)):
        facts = put(facts, f"runs.{index}.plan.pipeline.backend", backend)
    return facts


@pytest.mark.parametrize(
    ("backend", "status"),
    [
        (BackendSpec(name="onnx", options={"providers": ["CPUExecutionProvider"]}), PASS),
        (BackendSpec(name="onnx"), PASS),
        (
            BackendSpec(name="onnx", options={"providers": ["CUDAExecutionProvider", "CPUExecutionProvider"]}),
            MISSING,
        ),
        (BackendSpec(name="onnx", options={"providers": []}), MISSING),
        (None, MISSING),
    ],
)
def test_a_pipeline_on_an_accelerator_needs_the_accelerators_numbers(
    backend: BackendSpec | None, status: CheckStatus
):
    """A CPU has none to give; where one may be in use, its memory must have been measured."""
    assert answer("measured", with_backend(backend), **MEASURED).status is status


def test_a_number_that_only_a_failed_run_has_is_not_measured():
    """What a run that did not pass measured is no budget."""
    facts = put(FACTS, "runs.1.result.judgement.measurements", (make_measurement("gpu_memory_peak_mib", 100.0),))
    assert answer("measured", facts, metrics=["gpu_memory_peak_mib"]).status is PASS
    assert answer("measured", put(facts, "runs.1.result.device_class", "x86-cuda"), **MEASURED).status is PASS
    gone = put(facts, "runs.1.result.judgement.measurements", (make_measurement("gpu_memory_peak_mib", None),))
    assert answer("measured", gone, metrics=["gpu_memory_peak_mib"]).status is MISSING


def test_a_channel_without_a_reading_is_not_measured():
    """A sensor that exists and never answered has measured nothing."""
    silent = put(FACTS, "runs.0.result.judgement.channels.0.n", 0)
    silent = put(put(silent, "runs.1.result.judgement.channels", ()), "runs.2.result.judgement.channels", ())
    assert answer("measured", silent, metrics=[], channels=["process.cpu.time"]).status is MISSING


def test_runs_of_one_class_use_one_runtime():
    """Two versions among the runs: nobody knows which of them the release was measured with."""
    facts = put(FACTS, "runs.1.result.rig_info.facts.packages", {"onnxruntime": "1.30.0"})
    facts = put(facts, "manifest.runtime", "onnxruntime-1.30.0, onnxruntime-1.31.1")
    found = answer("runtime-pinned", facts)
    assert (found.status, "one runtime, one version" in found.sentence) == (FAIL, True)


def test_another_package_of_the_same_family_is_no_runtime():
    """onnxruntime-extensions has a version of its own."""
    packages = {"onnxruntime": "1.31.1", "onnxruntime-extensions": "0.14.0", "numpy": "2.4.6"}
    assert answer("runtime-pinned", put(FACTS, "runs.0.result.rig_info.facts.packages", packages)).status is PASS


@pytest.mark.parametrize("runtime", ["", "onnxruntime", "onnxruntime-", "onnxruntime-latest", "tflite-2.15"])
def test_a_runtime_without_its_version_is_not_pinned(runtime: str):
    """`latest` is another runtime every week."""
    assert answer("runtime-pinned", put(FACTS, "manifest.runtime", runtime)).status is FAIL


@pytest.mark.parametrize("rig_info", [{}, {"facts": None}, {"facts": []}, {"facts": {"packages": "onnxruntime"}}])
def test_a_run_that_does_not_tell_its_runtime_pins_nothing(rig_info: dict[str, Any]):
    """Whatever stands in rig.json, the answer is a sentence."""
    assert answer("runtime-pinned", put(FACTS, "runs.0.result.rig_info", rig_info)).status is MISSING


@pytest.mark.parametrize(
    ("check", "changes", "status", "words"),
    [
        ("release-matches", {"release.sequence": 0, "manifest.sequence": 0}, FAIL, "the first is 1"),
        ("runtime-pinned", {"manifest.runtime": "onnxruntime-1.17.3"}, FAIL, "the runs used onnxruntime-1.31.1"),
        ("built-from-tag", {"source.commit": "main", "manifest.source.commit": "main"}, FAIL, "by their digests"),
        ("built-from-tag", {"source.tag": "", "manifest.source.tag": ""}, FAIL, "commit d0d0d0d0d0d0 has no tag"),
        ("model-files-match", {"model_files_sha256": {"model.onnx": OTHER}}, FAIL, "digest of the manifest"),
        ("compatible", {"compatibility.model_files_sha256": {}}, MISSING, "of another model"),
        ("compatible", {"compatibility.blocked": {"x86-cpu": "slow"}}, FAIL, "x86-cpu is blocked: slow"),
        ("blocked-classes-excluded", {"compatibility.model_files_sha256": {}}, MISSING, "of another model"),
        ("blocked-classes-excluded", {"compatibility.blocked": {"x86-cpu": "slow"}}, FAIL, "goes to x86-cpu"),
        ("golden-passed", {"golden.checks": (), "golden.status": MISSING}, MISSING, "the golden set has no limit"),
        ("network-off", RUN_2_FAILED, FAIL, "runs/drill failed without a network"),
    ],
)
def test_a_check_says_what_is_wrong(check: str, changes: dict[str, Any], status: CheckStatus, words: str):
    """The sentence names the thing that is to be mended, not only that something is."""
    facts = FACTS
    for path, value in changes.items():
        facts = put(facts, path, value)
    found = answer(check, facts)
    assert (found.status, words in found.sentence) == (status, True), found.sentence


def test_a_fault_that_was_not_handled_is_told_by_its_own_check():
    """The sentence of the fault's check, not that of the whole run."""
    at = next(
        i for i, one in enumerate(FACTS.runs[2].result.judgement.checks) if one.check_id.endswith(".handled")
    )
    facts = FACTS
    for path, value in {**RUN_2_FAILED, f"runs.2.result.judgement.checks.{at}.status": FAIL}.items():
        facts = put(facts, path, value)
    found = answer("faults-handled", facts, kinds=["model_corrupt", "no_permission", "camera_stops", "disk_full"])
    assert found.sentence == "runs/drill: faults.model-corrupt.handled held."


def test_a_soak_that_did_not_check_growth_shows_nothing_about_it():
    """Two hours without a limit on memory are two hours without a word about memory."""
    wanted = {"hours_min": 2, "checks": ["resources.host_memory_growth_max_mb_per_hour"]}
    assert answer("checks-passed", **wanted).status is PASS
    found = answer("checks-passed", hours_min=2, checks=["resources.disk_growth"])
    assert (found.status, "did not check resources.disk_growth" in found.sentence) == (MISSING, True)
    found = answer("checks-passed", **{**wanted, "hours_min": 3})
    assert (found.status, found.sentence) == (MISSING, "no run of 3 h passed on x86-cpu")


def test_a_release_without_files_takes_no_room_that_could_be_measured():
    """Nothing to store is nothing to judge."""
    assert answer("storage", put(FACTS, "release.files", ()), max_mib=1).status is MISSING


def test_runs_that_all_failed_have_measured_nothing():
    """A number of a run that failed is no budget."""
    facts = put(put(FACTS, "runs", FACTS.runs[2:]), "runs.0.result.judgement.status", RunStatus.FAIL)
    assert answer("measured", put(facts, "runs.0.result.exit_code", 10), metrics=[]).status is MISSING


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("judgement.measurements", (make_measurement("latency_p99_ms", 20.0, n=-1),), "was measured -1 times"),
        ("ended_at_utc", "2026-11-19T00:00:00Z", "before it began"),
        ("started_at_utc", "yesterday", "it ran from 'yesterday'"),
        ("judgement.checks.0.observed", None, "observed nothing"),
        ("judgement.checks.0.observed", 45.1, "passed at 45.1 <= 45"),
        ("judgement.self_checks", (BROKEN,), "its self-check clock.steps failed"),
    ],
)
def test_a_run_that_contradicts_itself_is_told_in_words(path: str, value: Any, words: str):
    """A signature says who wrote it, not that it can be true."""
    found = impossible_run(put(FACTS, f"runs.0.result.{path}", value).runs[0], now_ns=FACTS.now_ns)
    assert words in found


def test_a_file_more_in_the_model_is_seen():
    """External data that the manifest does not list would go to the line unhashed."""
    files = {**FACTS.manifest.model_files_sha256, "model.onnx.data": "9" * 64}
    assert answer("model-files-match", replace(FACTS, model_files_sha256=files)).status is FAIL


def test_a_step_told_twice_is_as_good_as_its_worse_telling():
    """A smoke run that failed is not outvoted by one that passed."""
    bad = CompatFinding(
        device_class="x86-cpu", step=CompatStep.SMOKE, status=FAIL, sentence="It gave NaN.", hint="train it again"
    )
    report = make_compatibility()
    found = answer("compatible", replace(FACTS, compatibility=replace(report, findings=(*report.findings, bad))))
    assert (found.status, found.sentence) == (FAIL, "x86-cpu: It gave NaN. (train it again)")


def test_a_class_that_is_not_in_the_matrix_is_not_compatible():
    """Unknown is not compatible, and it is no failure of the model."""
    report = replace(make_compatibility(), classes=("jetson-nano-4gb",))
    assert answer("compatible", replace(FACTS, compatibility=report)).status is MISSING


def test_a_golden_limit_that_could_not_be_decided_is_not_measured():
    """INCONCLUSIVE is no PASS and no proof of a bad model."""
    facts = put(FACTS, "golden.checks.0.status", CheckStatus.INCONCLUSIVE)
    facts = put(facts, "golden.status", CheckStatus.INCONCLUSIVE)
    assert answer("golden-passed", facts).status is MISSING


@pytest.mark.parametrize(
    ("against", "before", "status"),
    [
        ("a" * 64, frozenset({"a" * 64}), PASS),
        ("", frozenset({"a" * 64}), MISSING),
        ("b" * 64, frozenset({"a" * 64}), MISSING),
        ("a" * 64, frozenset(), MISSING),
        ("a" * 64, None, MISSING),
    ],
)
def test_a_later_release_is_held_against_the_last_ones_own_golden_report(against, before, status):
    """A report of somebody else's, or none, is no comparison; the first release has nothing to be held against."""
    assert answer("golden-compared", FACTS).status is PASS
    facts = put(put(FACTS, "manifest.previous_sha256", "9" * 64), "golden.against_sha256", against)
    assert answer("golden-compared", replace(facts, golden_before=before)).status is status


def test_a_label_that_the_golden_report_does_not_know_is_not_measured():
    """A fifth defect class was added to the pipeline, and the golden set has never seen it."""
    thresholds = {**FACTS.release.pipeline.decide.thresholds, "spatter": 0.5}
    facts = put(FACTS, "release.pipeline.decide.thresholds", thresholds)
    assert answer("golden-passed", facts).sentence == "the golden report says nothing of spatter"


@pytest.mark.parametrize("missing_key", STANDARD_KEYS)
def test_every_standard_key_is_asked_for(missing_key: str):
    """A release cannot ship without a key that a playbook reads."""
    facts = put(FACTS, "logs.0.keys", frozenset(STANDARD_KEYS) - {missing_key})
    assert missing_key in answer("log-keys", facts).sentence


def test_one_log_without_a_key_is_enough():
    """The second node of the line writes lines that no playbook can use."""
    facts = replace(FACTS, logs=(*FACTS.logs, replace(FACTS.logs[0], path="b.log", keys=frozenset({"event"}))))
    assert answer("log-keys", facts).status is FAIL


def test_a_depth_that_did_not_catch_a_wrong_store_proves_nothing():
    """The test that would pass anything is no evidence."""
    blind = put(make_power_loss(), "depths.0.calibrations.1.n_caught", 0)
    found = answer("rollback-protected", replace(FACTS, power_loss=(blind,)))
    assert (found.status, "tell a wrong store" in found.sentence) == (MISSING, True)


def test_a_depth_that_the_policy_asks_for_may_be_in_another_test():
    """File calls today, kills yesterday: together they are both."""
    file_calls = put(make_power_loss(), "required", ())
    first, second = (
        put(file_calls, "depths", file_calls.depths[:1]),
        put(file_calls, "depths", file_calls.depths[1:]),
    )
    assert answer("rollback-protected", replace(FACTS, power_loss=(first, second))).status is PASS
    assert answer("rollback-protected", replace(FACTS, power_loss=(first,))).status is MISSING


def test_the_newest_document_on_a_topic_counts():
    """An old list beside the new one does no harm."""
    old = replace(FACTS.documents[0], path="old.md", age_days=900.0)
    assert (
        answer(
            "document", replace(FACTS, documents=(old, *FACTS.documents)), topic="on-call", max_age_days=90
        ).status
        is PASS
    )


def test_a_rehearsal_in_pieces_is_none():
    """One node confirmed it, another rolled back something else: nobody went back from this release."""
    journal = FACTS.rehearsals[0]
    halves = (replace(journal, rolled_back={"e" * 64: "by hand"}), replace(journal, confirmed=()))
    assert answer("rollback-rehearsed", replace(FACTS, rehearsals=halves)).status is MISSING


def test_one_node_named_twice_is_one_canary():
    """Two names for one machine watch nothing more."""
    facts = put(FACTS, "rollout.canary_nodes", ("cell-1", "cell-1"))
    assert answer("staged-rollout", facts, canary_nodes_min=2).status is FAIL


def test_a_run_that_was_signed_and_is_not_in_the_manifest_is_refused():
    """What is decided on is what the manifest lists, no run more."""
    facts = replace(FACTS, runs=(*FACTS.runs, replace(FACTS.runs[0], path="runs/other")))
    assert answer("signatures-hold", facts).sentence == "runs/other is not in the manifest"
