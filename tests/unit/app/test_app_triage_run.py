"""Triage of runs: what each planted fault is found as. Records are computed, judged by the real judge."""

from dataclasses import replace

import numpy as np
import pytest

from accelerator_proofs import make_proof
from builders import (
    LABELS,
    P99,
    cpu_time,
    make_capability,
    make_frames,
    make_limit,
    make_plan,
    make_record,
    memory_peak,
    rising,
)
from hilrig.app.triage.run import confusion_of, read_run
from hilrig.app.triage.triage import triage
from hilrig.config.noun_json import to_json
from hilrig.config.plan_file import dump_plan
from hilrig.core import files
from hilrig.core.errors import RecordError
from hilrig.core.frame import Truth
from hilrig.core.playbook import StepStatus
from hilrig.core.telemetry import ChannelKind
from hilrig.gate.playbooks.catalog import go_through
from hilrig.gate.playbooks.subject import Subject
from hilrig.verdict.judge import judge
from signed_runs import make_result

RECALL = make_limit("detection.min_recall", "detection_recall", 0.9, "1", at_least=True)
TRUTHS = (Truth(labels=("porosity",)), Truth(labels=("crack",)), Truth(labels=()))
POROSITY, CRACK = 1, 2


def write_run(folder, record, *, started="2026-11-20T21:00:04.000000Z", **changes):
    """Write plan and result of a record, as triage reads them."""
    folder.mkdir(parents=True)
    plan = record.plan
    result = make_result(
        judge(record),
        model_bundle_sha256=plan.model_bundle_sha256,
        pipeline_sha256=plan.pipeline_sha256,
        profile_name=plan.profile_name,
        started_at_utc=started,
        **changes,
    )
    (folder / files.PLAN).write_bytes(dump_plan(plan))
    (folder / files.RESULT).write_bytes(to_json(result))
    return folder


def seen_as(plan, masks):
    """Return a record in which the frames of each truth are decided as the mask of that truth says."""
    defects = np.array([masks[frame % len(masks)] for frame in range(plan.n_frames)], np.uint32)
    return make_record(plan, frames=make_frames(plan, defects=defects), truths=TRUTHS)


@pytest.fixture
def plan():
    return make_plan(limits=(P99, RECALL))


def with_preprocess(plan, **changes):
    """Return a plan whose preprocess differs; its checksum does, too."""
    preprocess = replace(plan.pipeline.preprocess, **changes)
    return replace(plan, pipeline=replace(plan.pipeline, preprocess=preprocess), pipeline_sha256="4" * 64)


def best(found):
    return found.candidates[0].cause.cause_id


def test_frames_of_known_truth_are_counted_by_what_they_were_taken_for(plan):
    """Porosity taken for crack and the other way round; a good frame belongs to no pair."""
    confusion = confusion_of(seen_as(plan, (CRACK, POROSITY, 0)))
    assert confusion.pairs == {("porosity", "crack"): 610, ("crack", "porosity"): 610}
    assert (confusion.n_frames, confusion.n_truths) == (1830, 3)
    assert confusion_of(make_record(plan)) is None


@pytest.mark.parametrize(
    ("masks", "signals"),
    [
        ((CRACK, POROSITY, 0), {"reproduced", "labels-swapped"}),
        ((CRACK, CRACK, 0), {"reproduced"}),
        ((0, 0, 0), {"reproduced", "one-answer"}),
        ((POROSITY | CRACK, POROSITY | CRACK, POROSITY | CRACK), {"one-answer"}),
        ((POROSITY, CRACK, 0), set()),
    ],
)
def test_what_frames_were_taken_for_tells_what_is_wrong(tmp_path, plan, masks, signals):
    """Swapped, one label always, nothing ever, everything always, all right: five different findings."""
    record = seen_as(plan, masks)
    run = replace(read_run(write_run(tmp_path / "a", record)), confusion=confusion_of(record))
    found = go_through("accuracy-drop", Subject(name="a", run=run), chosen_because="")
    assert found.steps[3].signals == signals


def test_the_order_of_labels_is_held_against_the_last_good_run(tmp_path, plan):
    """The run beside it passed with the labels in another order: no frame is needed to see that."""
    good = replace(plan, model=replace(plan.model, labels=LABELS[::-1]))
    write_run(tmp_path / "a", make_record(replace(good, limits=(P99,))), started="2026-11-19T21:00:04.000000Z")
    run = write_run(tmp_path / "b", seen_as(plan, (CRACK, POROSITY, 0)))
    found = triage([str(run)])
    assert (found.playbook_id, best(found), found.owner) == ("accuracy-drop", "label-order", "ML")
    assert found.chosen_because == "detection.min_recall is FAIL"
    assert found.steps[0].evidence[0] == "labels porosity, crack; there crack, porosity"
    assert "reproduced" in found.steps[3].signals


def test_a_changed_mean_is_a_wrong_normalization(tmp_path, plan):
    """Scale 1 instead of 1/255: implausible by itself, and not what the last good run had."""
    write_run(tmp_path / "a", make_record(replace(plan, limits=(P99,))), started="2026-11-19T21:00:04.000000Z")
    run = write_run(tmp_path / "b", seen_as(with_preprocess(plan, scale=1.0), (0, 0, 0)))
    found = triage([str(run)])
    assert best(found) == "wrong-normalization"
    assert found.candidates[0].found == {"normalization-changed", "normalization-implausible"}
    assert "scale 1.0, was 0.00392" in " ".join(found.steps[1].evidence)


def test_without_a_good_run_beside_it_parity_is_unknown(tmp_path, plan):
    """Nothing to compare with is no OK: the step says what to bring."""
    run = write_run(tmp_path / "b", seen_as(plan, (0, 0, 0)))
    found = triage([str(run)])
    assert found.steps[0].status is StepStatus.UNKNOWN
    assert "reports/" in found.steps[0].collect
    assert found.steps[2].status is StepStatus.UNKNOWN


def test_a_later_or_failed_run_is_no_reference(tmp_path, plan):
    """What is right is told by an older run that passed, nothing else."""
    other = with_preprocess(plan, scale=1.0)
    write_run(tmp_path / "a", make_record(replace(other, limits=(P99,))), started="2026-11-21T21:00:04.000000Z")
    write_run(tmp_path / "b", seen_as(other, (0, 0, 0)), started="2026-11-19T21:00:04.000000Z")
    run = write_run(tmp_path / "c", seen_as(plan, (0, 0, 0)))
    assert triage([str(run)]).steps[0].status is StepStatus.UNKNOWN


def test_only_one_device_class_affected_points_to_its_camera(tmp_path, plan):
    """The same model and pipeline pass on an Orin."""
    write_run(tmp_path / "a", seen_as(plan, (POROSITY, CRACK, 0)), device_class="jetson-orin-nx-8gb")
    run = write_run(tmp_path / "b", seen_as(plan, (0, 0, 0)))
    found = triage([str(run)])
    assert "one-class-only" in found.steps[2].signals
    assert "sensor-orientation" in {one.cause.cause_id for one in found.candidates}


def test_throttling_is_found_behind_slow_frames(tmp_path, plan):
    """A counter of throttling grows while p99 breaks its limit."""
    throttle = make_capability(
        "hilrig.hw.throttle.events",
        unit="1",
        kind=ChannelKind.COUNTER,
        attributes=(("cause", "thermal"), ("source", "core")),
    )
    curves = [memory_peak(plan, 100), *cpu_time(plan), rising(plan, throttle, 0, 40)]
    record = make_record(plan, frames=make_frames(plan, latency_ms=80.0), curves=curves)
    run = write_run(tmp_path / "a", record)
    found = triage([str(run)])
    assert (found.playbook_id, best(found), found.owner) == ("latency-spikes", "thermal-throttling", "firmware")
    assert "latency.p99_max_ms" in found.chosen_because
    assert found.steps[4].status is StepStatus.SUSPECT


def test_a_provider_that_fell_back_is_found(tmp_path, plan):
    """TensorRT was asked for, the CPU is active."""
    proof = make_proof(active=("CPUExecutionProvider",))
    record = replace(make_record(plan, frames=make_frames(plan, latency_ms=80.0)), accelerator=proof)
    run = write_run(tmp_path / "a", record)
    found = triage([str(run)])
    assert (best(found), found.owner) == ("delegate-fallback", "ML")
    assert "CPUExecutionProvider" in " ".join(found.steps[3].evidence)


def test_throttling_that_was_not_measured_is_unknown(tmp_path, plan):
    """Missing is never good: without a channel nobody says `no throttling`."""
    run = write_run(tmp_path / "a", make_record(plan, frames=make_frames(plan, latency_ms=80.0)))
    found = triage([str(run)])
    thermal = found.steps[4]
    assert thermal.status is StepStatus.UNKNOWN
    assert "not measured" in " ".join(thermal.evidence)


def test_an_unfinished_run_is_refused(tmp_path, plan):
    """A plan without a result is no run to look at yet; the hint says what makes one of it."""
    run = write_run(tmp_path / "a", make_record(plan))
    (run / files.RESULT).unlink()
    with pytest.raises(RecordError, match="not finished"):
        triage([str(run)])
