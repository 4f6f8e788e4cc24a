"""The keys under `faults`: what they become, what they refuse and where."""

import re

import pytest

from hilrig.config.profile import parse_profile
from hilrig.core.errors import ConfigError
from hilrig.core.fault import FaultKind
from stations import PROFILE

GONE = "{name: gone, kind: camera_stops, at_s: 2, duration_s: 3, recovery_max_s: 1}"


def profile_with(*faults, target="", on_full="drop_oldest", text=PROFILE):
    text = text.format(
        name="s",
        backend="",
        depth=4,
        on_full=on_full,
        warmup_s=1,
        p99_max_ms=45,
        duration_minutes=1,
        fps=30,
        more="",
        stop_when_failed="true",
    )
    if target:
        text = re.sub(r"  preprocess:.*?\n  backend:[^\n]*\n", f"  target: {target}\n", text, flags=re.DOTALL)
    lines = "".join(f"\n  - {fault}" for fault in faults)
    block = f"faults:{lines}\n" if faults else ""
    return parse_profile(f"{block}{text}".encode(), file="profile.yaml", folder="/nowhere")


def refused(*faults, **changes):
    with pytest.raises(ConfigError) as caught:
        profile_with(*faults, **changes)
    return caught.value.problems


def test_a_fault_becomes_a_fault_with_its_limits():
    """The seed of a drill: its times, and the recovery as a limit at its place in the file."""
    profile = profile_with(GONE)
    (fault,) = profile.faults
    assert (fault.name, fault.kind, fault.at_s, fault.duration_s) == ("gone", FaultKind.CAMERA_STOPS, 2, 3)
    (limit,) = [one for one in profile.limits if one.check_id.startswith("faults.")]
    assert (limit.check_id, limit.metric, limit.limit) == ("faults.gone.recovery_max_s", "fault_recovery_s", 1)
    assert limit.source == "profile.yaml:2:62"


def test_a_profile_without_faults_has_none():
    """The block may be left out."""
    assert (
        parse_profile(
            PROFILE.format(
                name="s",
                backend="",
                depth=4,
                on_full="drop_oldest",
                warmup_s=1,
                p99_max_ms=45,
                duration_minutes=1,
                fps=30,
                more="",
                stop_when_failed="true",
            ).encode(),
            file="profile.yaml",
            folder="/",
        ).faults
        == ()
    )


@pytest.mark.parametrize(
    ("stated", "n_limits"), [("", 1), (", decisions_allowed: false", 2), (", decisions_allowed: true", 1)]
)
def test_a_frozen_picture_may_be_decided_unless_the_profile_says_no(stated, n_limits):
    """A part that stands still looks the same."""
    fault = f"{{name: f, kind: camera_freezes, at_s: 2, duration_s: 1, recovery_max_s: 1{stated}}}"
    assert len([one for one in profile_with(fault).limits if one.check_id.startswith("faults.")]) == n_limits


def test_noise_must_not_be_decided_unless_the_profile_says_so():
    """Garbage has no truth."""
    fault = "{name: f, kind: camera_garbage, at_s: 2, duration_s: 1, recovery_max_s: 1}"
    ids = [one.check_id for one in profile_with(fault).limits]
    assert "faults.f.handled" in ids


def test_a_crash_comes_with_its_frame():
    """The 61st frame of the drill at 30 fps is due after two seconds."""
    (fault,) = profile_with(
        "{name: c, kind: model_crashes, at_frame: 61, recovery_max_s: 5}", target="python"
    ).faults
    assert (fault.at_frame, fault.at_s, fault.duration_s) == (61, 2.0, 0.0)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("{name: f, kind: camera_stops, duration_s: 1, recovery_max_s: 1}", "one moment: state 'at_s'"),
        ("{name: f, kind: camera_stops, at_s: 2, recovery_max_s: 1}", "needs a 'duration_s'"),
        ("{name: f, kind: camera_stops, at_s: 0.5, duration_s: 1, recovery_max_s: 1}", "at least 1"),
        ("{name: f, kind: camera_stops, at_s: 2, duration_s: 0, recovery_max_s: 1}", "more than 0"),
        ("{name: f, kind: camera_stops, at_s: 2, duration_s: 1}", "missing key"),
        ("{name: f, kind: camera_stop, at_s: 2, duration_s: 1, recovery_max_s: 1}", "camera_stops"),
        ("{name: f, kind: worker_killed, at_s: 2, duration_s: 1, recovery_max_s: 1}", "it has no 'duration_s'"),
        ("{name: f, kind: camera_stops, at_frame: 9, duration_s: 1, recovery_max_s: 1}", "is for model_crashes"),
        ("{name: f, kind: model_crashes, at_s: 2, at_frame: 90, recovery_max_s: 1}", "state 'at_s' or 'at_frame'"),
        ("{name: f, kind: model_corrupt, at_s: 2, duration_s: 1, recovery_max_s: 1}", "'model.files' is empty"),
        ("{name: f, kind: no_permission, at_s: 2, duration_s: 1, recovery_max_s: 1}", "'model.files' is empty"),
        ("{name: f, kind: battery_flat, at_s: 2, duration_s: 1, recovery_max_s: 1}", "expected"),
        (
            "{name: f, kind: clock_steps, at_s: 2, duration_s: 1, recovery_max_s: 1, step_s: 60}",
            "moves this machine's clock",
        ),
        (
            (
                "{name: f, kind: clock_steps, at_s: 2, duration_s: 1, recovery_max_s: 1, step_s: 60, "
                "may_step_clock: false}"
            ),
            "moves this machine's clock",
        ),
        (
            "{name: f, kind: clock_steps, at_s: 2, duration_s: 1, recovery_max_s: 1, may_step_clock: true}",
            "needs a 'step_s'",
        ),
        (
            (
                "{name: f, kind: clock_steps, at_s: 2, duration_s: 1, recovery_max_s: 1, may_step_clock: true, "
                "step_s: -0.5}"
            ),
            "cannot be told from a time service",
        ),
        (
            (
                "{name: f, kind: clock_steps, at_s: 2, duration_s: 1, recovery_max_s: 1, may_step_clock: true, "
                "step_s: 90000}"
            ),
            "at most 86400",
        ),
        ("{name: f, kind: disk_full, at_s: 2, duration_s: 1, recovery_max_s: 1, step_s: 6}", "is for clock_steps"),
        (
            "{name: f, kind: model_hangs, at_s: 2, duration_s: 1, recovery_max_s: 1, undecided_max_pct: 5}",
            "is for clock_steps and disk_full",
        ),
    ],
)
def test_what_a_fault_cannot_be_is_refused_at_its_line(fault, words):
    """Line 2 is where it stands; the message says what is wrong."""
    problems = refused(fault)
    assert {one.line for one in problems} == {2}
    assert any(words in one.message for one in problems), [one.message for one in problems]


def test_two_faults_of_one_name_are_refused():
    """Their checks would have one id."""
    later = GONE.replace("at_s: 2", "at_s: 20")
    (problem,) = refused(GONE, later)
    assert (problem.line, problem.code) == (3, "contradiction")


def test_a_fault_that_begins_while_another_is_recovered_from_is_refused():
    """From 2 s for 3 s, then 1 s of recovery, a second and five frames more: until 7.167 s."""
    early = GONE.replace("gone", "early").replace("at_s: 2", "at_s: 7.1")
    (problem,) = refused(early, GONE)
    assert "watched until 7.167 s" in problem.message
    assert problem.line == 2
    assert len(profile_with(GONE.replace("gone", "later").replace("at_s: 2", "at_s: 7.2"), GONE).faults) == 2


def test_frames_go_on_being_decided_on_a_full_disk_unless_the_profile_allows_some():
    """Where it says nothing none may be missing; what it says stands in the file."""
    fault = "{name: f, kind: disk_full, at_s: 2, duration_s: 1, recovery_max_s: 1}"
    found = {one.check_id: one for one in profile_with(fault).limits}
    assert (found["faults.f.undecided_max_pct"].limit, "faults.f.handled" in found) == (0.0, False)
    stated = fault.replace("}", ", undecided_max_pct: 2.5}")
    (limit,) = [one for one in profile_with(stated).limits if one.metric == "fault_undecided_pct"]
    assert (limit.limit, limit.source) == (2.5, "profile.yaml:2:75")


def test_a_clock_is_stepped_where_the_profile_says_twice_that_it_may():
    """The kind, and the word for it; back is a step below 0."""
    fault = (
        "{name: f, kind: clock_steps, at_s: 2, duration_s: 1, recovery_max_s: 1, step_s: -60, "
        "may_step_clock: true}"
    )
    (found,) = profile_with(fault).faults
    assert (found.step_s, found.undecided_check_id) == (-60.0, "faults.f.undecided_max_pct")


@pytest.mark.parametrize("kind", ["disk_full", "clock_steps", "no_permission"])
def test_what_happens_to_a_process_elsewhere_is_nobodys_finding_here(kind):
    """Its client would be tried, or a clock that is not its own."""
    more = ", step_s: 60, may_step_clock: true" if kind == "clock_steps" else ""
    fault = f"{{name: f, kind: {kind}, at_s: 2, duration_s: 1, recovery_max_s: 1{more}}}"
    assert any("cannot have" in one.message for one in refused(fault, target="infer_service"))


@pytest.mark.parametrize("kind", ["worker_killed", "model_crashes", "model_hangs"])
def test_the_process_of_a_remote_service_is_not_ours_to_break(kind):
    """Its client could be killed: that would be a check of nothing."""
    length = ", duration_s: 1" if kind == "model_hangs" else ""
    fault = f"{{name: f, kind: {kind}, at_s: 2, recovery_max_s: 1{length}}}"
    (problem,) = [one for one in refused(fault, target="infer_service") if "cannot have" in one.message]
    assert problem.line == 2
    assert "camera_stops" in problem.hint


def test_a_process_over_shared_memory_has_frames_of_one_size():
    """The ring's geometry is fixed when the process starts."""
    fault = "{name: f, kind: camera_resizes, at_s: 2, duration_s: 1, recovery_max_s: 1}"
    assert any("the target ring cannot have" in one.message for one in refused(fault, target="ring"))


def test_a_camera_that_waits_hides_every_fault():
    """With on_full: block nothing is late."""
    assert any("does not wait" in one.message for one in refused(GONE, on_full="block"))


def test_a_service_elsewhere_cannot_be_without_a_network():
    """It is reached over the network: the key would measure nothing."""
    text = PROFILE.replace("run: {{", "run: {{network: false, ")
    assert "network: false" in text
    profile = profile_with(text=text)
    assert profile.tuning.network is False
    assert any("is elsewhere" in one.message for one in refused(text=text, target="infer_service"))
