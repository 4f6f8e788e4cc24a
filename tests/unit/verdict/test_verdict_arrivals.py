"""The verdict on runs whose frames do not come at equal periods."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from builders import T0_NS, make_frames, make_plan, make_record
from hilrig.core.arrivals import schedule
from hilrig.core.frame import FRAME_DTYPE, FrameTable
from hilrig.core.profile import ArrivalModel, ArrivalSpec
from hilrig.core.run import RunPlan
from hilrig.core.verdict import SelfCheck
from hilrig.verdict.self_checks.feeder import check_feeder, rate_off_pct
from hilrig.verdict.self_checks.record import check_record
from hilrig.verdict.window import cut, grid_ns

STAMPS = [name for name in FRAME_DTYPE.names or () if name.startswith("t_")]
MODELS = {
    "cameras": ArrivalSpec(camera_offsets_ms=(0.0, 16.0)),
    "burst": ArrivalSpec(model=ArrivalModel.BURST, burst_frames=4, burst_spacing_ms=5.0),
    "jitter": ArrivalSpec(model=ArrivalModel.JITTER, jitter_ms=5.0, seed=7),
    "poisson": ArrivalSpec(model=ArrivalModel.POISSON, seed=7),
    "trace": ArrivalSpec(model=ArrivalModel.TRACE, trace_gaps_ns=(10_000_000, 70_000_000, 20_000_000)),
}
every_model = pytest.mark.parametrize("arrivals", MODELS.values(), ids=MODELS.keys())


def plan_of(arrivals: ArrivalSpec, *, n_measured: int = 1800) -> RunPlan:
    rate_fps = Fraction(30) * len(arrivals.camera_offsets_ms)
    return replace(make_plan(n_measured=n_measured, fps=rate_fps), arrivals=arrivals)


def arrived(plan: RunPlan, *, stretch: float = 1.0) -> FrameTable:
    """Return sound frames, due as the plan's arrivals say; with `stretch` released ever later than that."""
    frames = make_frames(plan)
    on_grid_ns = frames["t_intended_ns"] - T0_NS
    due_ns = schedule(plan).offsets_ns(np.arange(plan.n_frames))
    for name in STAMPS:
        frames[name] += due_ns - on_grid_ns
    for name in STAMPS[1:]:
        frames[name] += np.round(due_ns * (stretch - 1)).astype(np.int64)
    return frames


def stamps_check(plan: RunPlan, frames: FrameTable) -> SelfCheck:
    record = make_record(plan, frames=frames)
    return next(one for one in check_record(cut(record), record.events) if one.check_id == "records.stamps")


@every_model
def test_a_sound_run_of_every_model_holds(arrivals: ArrivalSpec):
    """Stamps are held against the run's own arrivals, and its rate is right."""
    plan = plan_of(arrivals)
    window = cut(make_record(plan, frames=arrived(plan)))
    assert stamps_check(plan, arrived(plan)).ok
    assert [one.check_id for one in check_feeder(window) if not one.ok] == []
    assert rate_off_pct(window) == pytest.approx(0, abs=1e-9)


@every_model
def test_frames_of_another_model_are_off_the_grid(arrivals: ArrivalSpec):
    """A record that was paced by equal periods is none of these runs."""
    plan = plan_of(arrivals)
    assert "due off the camera's grid" in stamps_check(plan, make_frames(plan)).sentence


def test_frames_of_another_seed_are_off_the_grid():
    """Only the plan's own arrivals are believed."""
    plan = plan_of(MODELS["poisson"])
    other = replace(plan, arrivals=replace(plan.arrivals, seed=8))
    assert "1829 frames due off the camera's grid" in stamps_check(plan, arrived(other)).sentence


@every_model
@pytest.mark.parametrize("off_pct", [0.5, -0.5])
def test_a_wrong_rate_is_seen_in_every_model(arrivals: ArrivalSpec, off_pct: float):
    """A camera that runs half a per cent slow or fast is no camera of this rate, however its frames are spread."""
    plan = plan_of(arrivals)
    window = cut(make_record(plan, frames=arrived(plan, stretch=1 + off_pct / 100)))
    assert rate_off_pct(window) == pytest.approx(off_pct, rel=0.05)
    assert [one.check_id for one in check_feeder(window) if not one.ok][-1] == "feeder.rate"


@every_model
def test_the_measured_part_ends_where_the_next_frame_is_due(arrivals: ArrivalSpec):
    """From the first measured frame to the one after the last, whatever lies between them."""
    plan = plan_of(arrivals, n_measured=60)
    window = cut(make_record(plan, frames=arrived(plan)))
    begin_ns, end_ns = schedule(plan).offsets_ns(np.array([plan.n_warmup_frames, plan.n_frames])).tolist()
    assert (window.start_ns, window.end_ns) == (T0_NS + begin_ns, T0_NS + end_ns)


@every_model
def test_a_damaged_frame_id_is_off_the_grid_at_once(arrivals: ArrivalSpec):
    """Frame 4,294,967,295 of 1830 costs no four thousand million gaps, and is not believed."""
    plan = plan_of(arrivals)
    frames = arrived(plan)
    frames["frame_id"][-1] = 2**32 - 1
    assert grid_ns(plan, np.array([2**32 - 1])).tolist() == [schedule(plan).offset_ns(plan.n_frames)]
    assert "1 frame due off the camera's grid" in stamps_check(plan, frames).sentence
