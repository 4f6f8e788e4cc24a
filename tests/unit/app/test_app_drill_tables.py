"""The frames of a drill in the tables of a run: told apart, without a truth where the camera was broken."""

from dataclasses import replace

from builders import make_plan
from drills import drill_record, make_fault
from hilrig.app.export.run_tables import frames_table
from hilrig.core.fault import FaultKind
from hilrig.core.frame import Truth


def test_frames_of_the_drill_are_marked_and_noise_has_no_truth():
    """Outside the fault the pool's truth holds, inside nobody knows."""
    plan = make_plan(n_measured=60)
    record = drill_record(make_fault(FaultKind.CAMERA_GARBAGE), plan=plan)
    record = replace(record, truths=(Truth(labels=()),))
    table = frames_table(record)
    assert table["is_drill"].sum() == record.plan.n_drill_frames
    assert not (table["is_drill"] & table["is_warmup"]).any()
    assert table["truth"].isna().sum() == 30
