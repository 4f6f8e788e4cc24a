"""hilrig.app.soak.self_test: the run's own machinery around a pipeline that does nothing."""

import tempfile
from dataclasses import replace
from fractions import Fraction

import pytest

from builders import make_plan
from hilrig.app.folders import lease_folder
from hilrig.app.machine.doctor import Health, SelfTest, diagnose
from hilrig.app.soak.self_test import floor_plan_of, measure_floor
from hilrig.core.clock import SystemClock
from hilrig.core.errors import RunAbortedError
from hilrig.core.frame import FeedInfo
from hilrig.core.profile import ArrivalModel, ArrivalSpec, TuningSpec
from hilrig.rig.lease import RigLease

SIZE = FeedInfo(n_frames=3, height_px=48, width_px=64)


def plan_of(**changes):
    return replace(make_plan(fps=Fraction(200)), self_test_s=0.2, **changes)


def measured(plan, tmp_path, stop=lambda: False):
    nothing = floor_plan_of(plan, SIZE)
    return measure_floor(nothing, SIZE, clock=SystemClock(), stop=stop, log_path=tmp_path / "run.log")


def test_the_floor_of_this_machine_is_measured(tmp_path):
    """A fifth of a second at 200 fps: real processes, every frame decided or counted, times in their order."""
    floor = measured(plan_of(), tmp_path)
    assert floor.frame_rate_fps == 200
    assert floor.n + floor.n_undecided == 40
    assert 0 <= floor.lateness_p50_us <= floor.lateness_p99_us
    assert 0 < floor.hand_over_p50_us <= floor.hand_over_p99_us
    assert 0 < floor.latency_p50_us <= floor.latency_p99_us <= floor.latency_max_us


def test_it_runs_as_the_run_will():
    """Rate, arrivals, frame size and what is asked of the system are the run's; model and limits are none."""
    arrivals = ArrivalSpec(model=ArrivalModel.JITTER, jitter_ms=1.0, seed=3)
    plan = plan_of(arrivals=arrivals, tuning=TuningSpec(real_time=False))
    nothing = floor_plan_of(plan, SIZE)
    assert (nothing.period_numerator_ns, nothing.period_denominator) == (5_000_000, 1)
    assert (nothing.arrivals, nothing.tuning) == (plan.arrivals, plan.tuning)
    assert nothing.feed.options == {"width_px": 64, "height_px": 48}
    assert nothing.model.files == ()
    assert nothing.limits == ()


def test_it_can_be_stopped(tmp_path):
    """Ctrl-C during the self-test ends it: no frame of the run was offered."""
    with pytest.raises(RunAbortedError):
        measured(plan_of(), tmp_path, stop=lambda: True)


def test_it_makes_no_folder_that_a_kill_could_leave_behind(tmp_path, monkeypatch):
    """While it goes on there is nothing of it among the temporary files, nor in the run directory but the log."""
    temporary, run_dir, seen = tmp_path / "tmp", tmp_path / "run", set()
    temporary.mkdir()
    run_dir.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)

    def look():
        seen.update(path.name for folder in (temporary, run_dir) for path in folder.iterdir())
        return False

    measured(plan_of(), run_dir, stop=look)
    assert seen == {"run.log"}


def test_the_doctor_leaves_a_busy_rig_alone(tmp_path, monkeypatch):
    """While a run holds the rig, the self-test would disturb it: it is left out, with the reason."""
    monkeypatch.setenv("HILRIG_HOME", str(tmp_path))
    asked = SelfTest(frame_rate_fps=Fraction(100), feed_info=SIZE, seconds=0.2)
    with RigLease(lease_folder(), run_id="12345678"):
        found = diagnose(reports=tmp_path, keys_folder=tmp_path / "keys", self_test=asked)
    assert found.floor is None
    [told] = [item for item in found.examined if item.name == "self-test"]
    assert told.health is Health.LIMITED
    assert "12345678" in told.found


def test_the_doctor_measures_a_free_rig(tmp_path, monkeypatch):
    """On a free rig the floor is measured, and said in numbers."""
    monkeypatch.setenv("HILRIG_HOME", str(tmp_path))
    asked = SelfTest(frame_rate_fps=Fraction(100), feed_info=SIZE, seconds=0.2)
    found = diagnose(reports=tmp_path, keys_folder=tmp_path / "keys", self_test=asked)
    assert found.floor is not None
    [told] = [item for item in found.examined if item.name == "self-test"]
    assert "at 100 fps doing nothing takes" in told.found
