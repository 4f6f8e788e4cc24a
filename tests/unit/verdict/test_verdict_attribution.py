"""Causes of late frames, from records with one scripted disturbance each."""

from dataclasses import replace

import pytest

from builders import NS_PER_MS, P99, make_event
from hilrig.core.telemetry import GC_PAUSE, HOST_STALL, Tier
from hilrig.core.verdict import Cause
from late_frames import HIT, IO, MAJOR, PLAN, explained, named, over_limit, slow, stops, within
from served_frames import jump, lasting, level, serve, when_ns


@pytest.mark.parametrize(
    ("cause", "extra_ms", "curves_of"),
    [
        (Cause.HOST_STALL, 80, lambda f: [lasting(HOST_STALL, [(t, 75) for t in within(f)])]),
        (
            Cause.HOST_STALL,
            80,
            lambda f: [jump(PLAN, "system.cpu.time", within(f), by=0.08, attributes=(("cpu.mode", "steal"),))],
        ),
        (Cause.STOPPED, 300, lambda f: [stops(f)]),
        (Cause.GARBAGE_COLLECTION, 80, lambda f: [lasting(GC_PAUSE, [(t, 78) for t in within(f)])]),
        (
            Cause.RUN_QUEUE,
            80,
            lambda f: [jump(PLAN, "hilrig.process.run_delay", within(f), by=70e6, per_tick=1e6)],
        ),
        (
            Cause.MAJOR_FAULT,
            80,
            lambda f: [
                jump(PLAN, "process.paging.faults", within(f), by=200, attributes=MAJOR),
                jump(PLAN, "hilrig.system.pressure", within(f), by=75_000, attributes=IO),
            ],
        ),
        (
            Cause.MAJOR_FAULT,
            80,
            lambda f: [jump(PLAN, "process.paging.faults", within(f), by=600, attributes=MAJOR)],
        ),
        (
            Cause.IO_PRESSURE,
            80,
            lambda f: [
                jump(PLAN, "process.paging.faults", [], by=0, attributes=MAJOR),
                jump(PLAN, "hilrig.system.pressure", within(f), by=75_000, attributes=IO, per_tick=200),
            ],
        ),
        (
            Cause.THROTTLE,
            80,
            lambda f: [jump(PLAN, "hilrig.hw.throttle.events", within(f), by=1, tier=Tier.SLOW)],
        ),
        (
            Cause.THROTTLE,
            80,
            lambda f: [jump(PLAN, "hilrig.hw.throttle.time", within(f), by=300e6, tier=Tier.SLOW)],
        ),
    ],
    ids=lambda value: value.value if isinstance(value, Cause) else "",
)
def test_a_scripted_disturbance_is_named(cause, extra_ms, curves_of) -> None:
    """Every frame that is late from one kind of disturbance, waiting and dropped ones included, gets its name."""
    frames = slow(extra_ms)
    causes, worst = explained(frames, curves_of(frames))
    assert {count.cause: count.n_frames for count in causes} == {cause: over_limit(frames)}
    assert causes[0].n_frames >= len(HIT)
    late = [frame for frame in worst if frame.latency_ms is None or frame.latency_ms > 45]
    assert {frame.cause for frame in late} == {cause}
    assert all(frame.evidence.endswith("more than usual.") for frame in late)


@pytest.mark.parametrize(
    ("priority", "cause"), [(50, Cause.HOST_STALL), (None, Cause.RUN_QUEUE)], ids=["real time", "like all"]
)
def test_a_sentinel_that_queues_like_everybody_proves_no_stall(priority: int | None, cause: Cause) -> None:
    """Gaps of a sentinel without real-time priority, while the target waited for a CPU, are that same queue."""
    frames = slow()
    setup = {"real_time_priority": priority, "refused": []}
    events = (make_event("child_ready", role="stall_sentinel", facts={"setup": setup}),)
    curves = [
        lasting(HOST_STALL, [(t, 75) for t in within(frames)]),
        jump(PLAN, "hilrig.process.run_delay", within(frames), by=76e6, per_tick=1e6),
    ]
    assert set(named(frames, curves, events=events)) == {cause}


@pytest.mark.parametrize(
    ("cause", "is_named"),
    [("thermal", True), ("power", True), ("undervoltage", True), ("unknown", True), ("current_peak", False)],
)
def test_what_slows_the_hardware_down_explains_a_slow_frame(cause: str, is_named: bool) -> None:
    """Throttling of any cause does, an unnamed one too; peaks of current, at full clock, explain nothing."""
    frames = slow()
    attributes = (("cause", cause), ("hw.id", "soc"))
    curve = jump(PLAN, "hilrig.hw.throttle.events", within(frames), by=1, attributes=attributes, tier=Tier.SLOW)
    assert (Cause.THROTTLE in named(frames, [curve])) is is_named


def test_a_state_of_throttling_explains_a_slow_frame() -> None:
    """Hardware without counters was seen throttled while the frame was slow."""
    frames = slow(300)
    during = [(start, start + 280 * NS_PER_MS) for start in within(frames)]
    state = level(PLAN, "hilrig.hw.throttle.state", usual=0, other=1, during_ns=during)
    assert named(frames, [state])[Cause.THROTTLE] >= len(HIT)


def test_a_late_camera_is_the_instruments_own_fault() -> None:
    """What the camera itself was late is named as such, with no telemetry at all."""
    frames = serve(PLAN, late_ms=dict.fromkeys(HIT, 60.0))
    causes, _ = explained(frames, [])
    assert causes[0].cause is Cause.FEEDER_LATE
    assert causes[0].n_frames >= len(HIT)
    assert "60 ms late" in causes[0].evidence


def test_a_stalled_host_excuses_the_camera() -> None:
    """A camera that is late because the whole machine stood still is not blamed."""
    frames = serve(PLAN, late_ms=dict.fromkeys(HIT, 60.0))
    gaps = lasting(HOST_STALL, [(when_ns(frames, hit) - NS_PER_MS, 60) for hit in HIT])
    assert set(named(frames, [gaps])) == {Cause.HOST_STALL}


def test_a_lower_clock_is_named_when_it_explains_the_slow_frame() -> None:
    """At half its clock the target takes twice as long, and the clock says why; without throttle evidence."""
    plan = replace(PLAN, limits=(replace(P99, limit=15.0),))
    slow_ids = range(400, 480)
    frames = serve(plan, extra_ms=dict.fromkeys(slow_ids, 10.0))
    stretch = [(when_ns(frames, 400), when_ns(frames, 479))]
    clocks = [
        level(
            plan,
            "system.cpu.frequency",
            usual=3e9,
            other=1.5e9,
            during_ns=stretch,
            tier=Tier.SLOW,
            attributes=(("cpu.logical_number", str(cpu)),),
        )
        for cpu in range(2)
    ]
    assert named(frames, clocks, plan=plan) == {Cause.CLOCK_DROP: 80}


def test_one_idle_core_is_no_clock_drop() -> None:
    """A core that slows down while another keeps its clock proves nothing about the target's core."""
    plan = replace(PLAN, limits=(replace(P99, limit=15.0),))
    frames = serve(plan, extra_ms=dict.fromkeys(range(400, 480), 10.0))
    stretch = [(when_ns(frames, 400), when_ns(frames, 479))]
    curves = [
        level(
            plan,
            "system.cpu.frequency",
            usual=3e9,
            other=other,
            during_ns=stretch,
            tier=Tier.SLOW,
            attributes=(("cpu.logical_number", str(cpu)),),
        )
        for cpu, other in enumerate((1.5e9, 3e9))
    ]
    assert named(frames, curves, plan=plan) == {Cause.UNEXPLAINED: 80}


@pytest.mark.parametrize("name", ["backup", "video \N{MICRO SIGN}"])
def test_a_running_co_resident_service_takes_the_blame_for_the_queue(name: str) -> None:
    """The same waiting for a CPU is the co-resident service's doing while one is active, and only then."""
    frames = slow()
    half = when_ns(frames, 500)
    events = (
        make_event("co_resident", when_ns(frames, 0), name=name, state="start"),
        make_event("co_resident", half, name=name, state="stop"),
    )
    curves = [jump(PLAN, "hilrig.process.run_delay", within(frames), by=70e6)]
    causes, _ = explained(frames, curves, events=events)
    assert {count.cause for count in causes} == {Cause.CO_RESIDENT, Cause.RUN_QUEUE}
    by_cause = {count.cause: count for count in causes}
    assert f"co-resident service {name} was active" in by_cause[Cause.CO_RESIDENT].evidence
    assert "co-resident" not in by_cause[Cause.RUN_QUEUE].evidence


def test_a_co_resident_service_is_not_blamed_for_a_collection() -> None:
    """A service that merely ran while the target collected garbage did not make it slow."""
    frames = slow()
    events = (make_event("co_resident", when_ns(frames, 0), name="backup", state="start"),)
    curves = [lasting(GC_PAUSE, [(t, 78) for t in within(frames)])]
    assert set(named(frames, curves, events=events)) == {Cause.GARBAGE_COLLECTION}


def test_late_frames_without_evidence_are_counted_as_unexplained() -> None:
    """A slow model is not excused: nothing is hidden, and the report says what was looked at."""
    frames = slow()
    quiet = [
        lasting(HOST_STALL, []),
        jump(PLAN, "hilrig.process.run_delay", [], by=0, per_tick=1e6),
        jump(PLAN, "hilrig.system.pressure", [], by=0, attributes=IO, per_tick=500),
    ]
    causes, worst = explained(frames, quiet)
    assert [(count.cause, count.n_frames) for count in causes] == [(Cause.UNEXPLAINED, over_limit(frames))]
    assert "no evidence for most of the 80" in causes[0].evidence.lower()
    assert "not recorded on this rig: stopped, garbage collection" in causes[0].evidence
    assert worst[0].cause is Cause.UNEXPLAINED
