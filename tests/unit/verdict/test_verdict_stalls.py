"""hilrig.verdict.stalls: the stall sentinel's gaps, joined with the frames that they hit."""

from builders import T0_NS, Curve, edges_ns, make_capability, make_frames, make_plan, make_record
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.verdict.judge import judge

PLAN = make_plan(n_measured=300)
START_NS = edges_ns(PLAN)[0]


def numbers(*gaps, watched=True, **frames):
    """Return count, longest, sum and frames hit; a gap is (start after the measured part began, length) in ms."""
    points = tuple(
        (START_NS + round(start_ms * NS_PER_MS), float(length_ms * NS_PER_MS)) for start_ms, length_ms in gaps
    )
    curve = Curve(capability=make_capability("hilrig.host.stall", unit="ns"), points=points)
    record = make_record(PLAN, frames=make_frames(PLAN, **frames), curves=[curve] if watched else [])
    values = {one.metric: one.value for one in judge(record).measurements}
    return [values[f"stall_{name}"] for name in ("count", "max_ms", "total_ms", "frames_hit")]


def test_stalls_of_the_measured_part_are_counted():
    """Gaps are counted when they reach into the measured part; those of the warm-up are not."""
    assert numbers((-1000, 20), (-5, 8), (1000, 30))[:3] == [2, 30, 38]


def test_no_stall_is_zero_only_when_somebody_watched():
    """An empty stall channel is 0 stalls; a missing one is no answer."""
    assert numbers() == [0, 0, 0, 0]
    assert numbers(watched=False) == [None] * 4


def test_a_stall_is_joined_with_the_frames_that_were_under_way():
    """Frames come every 33 ms and take 10: a gap of 40 ms right after one was due hits it and the next."""
    assert numbers((1000 + 1, 40))[3] == 2


def test_a_stall_between_two_frames_hits_none():
    """The frame before it was decided, the one after it was not yet due."""
    assert numbers((1000 + 12, 15))[3] == 0


def test_a_frame_without_decision_is_under_way_to_the_end():
    """A dropped frame that was due before the stall may be its victim."""
    assert numbers((1000 + 12, 15), dropped=[PLAN.n_warmup_frames + 30])[3] == 1


def test_a_frame_that_two_stalls_hit_counts_once():
    """Two gaps within one slow frame are one frame hit."""
    assert numbers((1001, 6), (1010, 6), latency_ms=30.0)[3] == 1


def test_gaps_after_the_run_hit_nothing():
    """A stall while the run was closed is nobody's."""
    assert numbers((300 * 1000 / 30 + 50, 40))[3] == 0
    assert T0_NS < START_NS - NS_PER_S / 2
