"""The depth kill: every point once, two in a row, drawn times where no points are named."""

from dataclasses import replace

import pytest

from hilrig.core.power_loss import Depth, UpdateStep
from hilrig.faults.calibration import calibrated, calibration_subjects, wrong_store_subject
from hilrig.faults.kill_points import TIMED_KILLS_MIN, run_kills
from hilrig.faults.wrong_store import Kind

pytestmark = pytest.mark.waiting


def run(subject, work, **options):
    work.mkdir(exist_ok=True)
    return run_kills(subject, seed=1, work=work, progress=lambda *_: None, should_stop=lambda: False, **options)


def test_every_point_is_killed_once_and_calibrated(tmp_path):
    """The sound store survives each, the one that overwrites in place does not."""
    result = calibrated(wrong_store_subject(Kind.SOUND), Depth.KILL, lambda one: run(one, tmp_path))
    assert result.n_states == result.facts["n_points"] == 10
    assert result.n_bad == 0
    assert result.facts["n_ended_before_the_kill"] == 0
    assert result.is_evidence


def test_the_page_cache_survives_so_a_missing_fsync_does_not_show(tmp_path):
    """Why that store is no part of this depth's calibration."""
    assert run(wrong_store_subject(Kind.RENAME_WITHOUT_FSYNC), tmp_path).n_bad == 0
    assert Kind.RENAME_WITHOUT_FSYNC.value not in [one.name for one in calibration_subjects(Depth.KILL)]


def test_more_kills_are_two_in_a_row(tmp_path):
    """The second hits the same step while it is run again."""
    result = run(wrong_store_subject(Kind.OVERWRITE_IN_PLACE), tmp_path, n_kills=14)
    assert result.n_states == 14
    assert any("then run again" in bad.at for bad in result.bad)


def test_software_without_points_is_killed_at_drawn_times(tmp_path):
    """In place, one after the other, as often in each step."""
    silent = wrong_store_subject(Kind.SOUND)
    steps = tuple(
        replace(step, argv=tuple(word for word in step.argv if word != "--events"))
        for step in silent.episodes["update"]
    )
    result = run(replace(silent, episodes={"update": steps[:1]}, ask_many=()), tmp_path)
    assert (result.facts["n_points"], result.facts["n_drawn"]) == (0, TIMED_KILLS_MIN)
    assert result.n_bad == 0


def test_a_step_that_keeps_no_promise_is_lost(tmp_path):
    """A step that says that it activated B and did nothing is bad after its end, not in its midst."""
    idle = UpdateStep(
        name="idle", argv=("sh", "-c", 'echo "{\\"event\\": \\"p\\"}"; : "$0"', "{store}"),
        may_run_during=("A", "B"), may_run_after=("B",),
    )  # fmt: skip
    result = run(replace(wrong_store_subject(Kind.SOUND), episodes={"update": (idle,)}), tmp_path)
    assert result.counts == {"lost": 1}
    assert result.facts["n_ended_before_the_kill"] == 1
