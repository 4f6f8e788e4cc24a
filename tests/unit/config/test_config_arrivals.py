"""The block `arrivals`: its keys, what they forbid together."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arrival_blocks import BLOCK, messages, stated
from hilrig.config.arrival_rules import broken_arrival_rules
from hilrig.config.document import Document
from hilrig.config.profile import parse_profile
from hilrig.core.arrivals import schedule_of
from hilrig.core.errors import Problem
from hilrig.core.profile import ArrivalModel, ArrivalSpec

Problems = Callable[..., list[Problem]]
LATENCY = "    p95_max_ms: 30\n"


def gap_of(limit_ms: float) -> tuple[str, str]:
    return LATENCY, f"{LATENCY}    decision_gap_max_ms: {limit_ms}\n"


def read(text: str, block: str) -> ArrivalSpec:
    old, new = stated(block)
    return parse_profile(text.replace(old, new).encode(), file="profile.yaml", folder="here").arrivals


# --- keys ----------------------------------------------------------------------------------------------------


def test_without_the_block_one_camera_runs_free(profile_text: str):
    """Every profile of before means what it meant."""
    profile = parse_profile(profile_text.encode(), file="profile.yaml", folder="here")
    assert profile.arrivals == ArrivalSpec()
    assert read(profile_text, "{model: fixed}") == ArrivalSpec()


@pytest.mark.parametrize(
    ("block", "spec"),
    [
        ("{camera_offsets_ms: [0, 16.7]}", ArrivalSpec(camera_offsets_ms=(0, 16.7))),
        (
            "{model: burst, burst_frames: 4, burst_spacing_ms: 5}",
            ArrivalSpec(model=ArrivalModel.BURST, burst_frames=4, burst_spacing_ms=5),
        ),
        (
            "{model: jitter, jitter_ms: 2, seed: 7, camera_offsets_ms: [0, 16]}",
            ArrivalSpec(model=ArrivalModel.JITTER, jitter_ms=2, seed=7, camera_offsets_ms=(0, 16)),
        ),
        ("{model: poisson, seed: 7}", ArrivalSpec(model=ArrivalModel.POISSON, seed=7)),
        ("{model: trace, trace: a.csv}", ArrivalSpec(model=ArrivalModel.TRACE)),
    ],
)
def test_every_model_can_be_stated(profile_text: str, block: str, spec: ArrivalSpec):
    """Each model with its keys; what is read can be scheduled, but for a trace without its file."""
    arrivals = read(profile_text, block)
    assert arrivals == spec
    if spec.model is not ArrivalModel.TRACE:
        period_ns = Fraction(10**9, 30 * len(spec.camera_offsets_ms))
        schedule_of(arrivals, period_ns=period_ns)


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        ("{model: poison}", "did you mean 'poisson'"),
        ("{model: jitter, jitter_ms: 0}", "expected more than 0"),
        ("{model: jitter, jitter_ms: -1}", "expected more than 0"),
        ("{model: jitter, jitter_ms: .nan}", ".nan"),
        ("{model: burst, burst_frames: 1, burst_spacing_ms: 1}", "expected at least 2"),
        ("{model: burst, burst_frames: 4000, burst_spacing_ms: 1}", "expected at most 1024"),
        ("{model: burst, burst_frames: 2.5, burst_spacing_ms: 1}", "expected a whole number"),
        ("{model: poisson, seed: -1}", "expected at least 0"),
        ("{model: poisson, seed: 1000000}", "expected at most 999999"),
        ("{camera_offsets_ms: []}", "expected at least 1 item"),
        ("{camera_offsets_ms: 5}", "expected a list"),
        ("{camera_offsets_ms: [-1, 5]}", "expected at least 0"),
        ("{model: trace, trace: /etc/passwd}", "a path relative to the profile's folder"),
        ("{jitter: 2}", "did you mean 'jitter_ms'"),
        ("fixed", "expected a block of keys"),
        ("", "expected a block of keys, found nothing"),
    ],
)
def test_a_wrong_value_is_found_at_its_place(problems: Problems, block: str, fault: str):
    """One mistake, one message, in the line of the block."""
    (text,) = messages(problems(stated(block)))
    assert text.startswith("23:")
    assert fault in text


def test_the_documented_examples_are_accepted(problems: Problems):
    """Every block that profiles/README.md shows can be copied."""
    readme = Path(__file__).parents[3] / "profiles" / "README.md"
    blocks = [line for line in readme.read_text().splitlines() if line.startswith("arrivals: ")]
    assert len(blocks) == 4
    assert [problems((BLOCK, f"{block}\n{BLOCK}")) for block in blocks] == [[]] * 4


# --- contradictions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["fixed", "burst", "jitter", "poisson", "trace"])
def test_a_key_of_another_model_is_refused(problems: Problems, model: str):
    """A key that the model would pass over states what nobody does; each is found at its own place."""
    own = {
        "fixed": {"camera_offsets_ms"},
        "burst": {"burst_frames", "burst_spacing_ms"},
        "jitter": {"camera_offsets_ms", "jitter_ms", "seed"},
        "poisson": {"seed"},
        "trace": {"trace"},
    }[model]
    keys = {
        "camera_offsets_ms": "[0, 16]",
        "burst_frames": "2",
        "burst_spacing_ms": "1",
        "jitter_ms": "1",
        "seed": "1",
        "trace": "a.csv",
    }
    block = "\n".join(["", f"  model: {model}", *(f"  {key}: {value}" for key, value in keys.items())])
    found = problems(stated(block))
    foreign = [key for key in keys if key not in own]
    assert [problem.line for problem in found] == [25 + list(keys).index(key) for key in foreign]
    assert all(f"has no meaning with the model {model}" in problem.message for problem in found)


@pytest.mark.parametrize(
    ("block", "missing"),
    [
        ("{model: burst, burst_frames: 4}", "burst_spacing_ms"),
        ("{model: burst, burst_spacing_ms: 4}", "burst_frames"),
        ("{model: jitter}", "jitter_ms"),
        ("{model: trace}", "trace"),
    ],
)
def test_a_needed_key_is_missed(problems: Problems, block: str, missing: str):
    """A burst of unknown length, a jitter of unknown size: nothing is guessed."""
    (text,) = messages(problems(stated(block)))
    assert f"'arrivals.{missing}' is missing" in text


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        ("{camera_offsets_ms: [0, 0]}", "must ascend and stay below the period, 33.33 ms"),
        ("{camera_offsets_ms: [16, 0]}", "must ascend"),
        ("{camera_offsets_ms: [0, 33.4]}", "must ascend and stay below the period"),
        (
            "{model: burst, burst_frames: 4, burst_spacing_ms: 45}",
            "4 frames 45 ms apart do not fit between triggers",
        ),
        (
            "{model: jitter, jitter_ms: 16.7}",
            "'jitter_ms' 16.7 is not below half the time between frames, 33.33 ms",
        ),
        ("{model: jitter, jitter_ms: 9, camera_offsets_ms: [0, 16]}", "half the time between frames, 16 ms"),
    ],
)
def test_frames_that_would_overtake_each_other_are_refused(problems: Problems, block: str, fault: str):
    """Phases, bursts and jitter must leave the frames in their order at 30 fps."""
    (text,) = messages(problems(stated(block)))
    assert fault in text


@given(
    rate_fps=st.fractions(Fraction(1, 2), 500, max_denominator=1001),
    parts=st.integers(2, 40),
    jitter=st.floats(0.0001, 0.6),
)
def test_what_is_accepted_can_be_scheduled(rate_fps: Fraction, parts: int, jitter: float):
    """To the last nanosecond: no jitter and no burst that the rules take is refused when a run begins."""
    gap_ms = float(1000 / rate_fps)
    for block in (
        {"model": "jitter", "jitter_ms": gap_ms * jitter},
        {
            "model": "burst",
            "burst_frames": parts,
            "burst_spacing_ms": gap_ms * parts / (parts - 1) * (jitter + 0.5),
        },
    ):
        latency = {
            "frame_rate_fps": f"{rate_fps.numerator}/{rate_fps.denominator}",
            "decision_gap_max_ms": 1e9,
        }
        data = {"arrivals": block, "hil_validation": {"latency": latency}}
        keys = {("arrivals", key): None for key in block}
        accepted = not broken_arrival_rules(Document(file="a", data=data, keys=keys))
        spec = ArrivalSpec(**{**block, "model": ArrivalModel(block["model"])})
        if accepted:
            schedule_of(spec, period_ns=10**9 / rate_fps)
        assert accepted or jitter > 0.49


def test_all_cameras_together_stay_within_the_frame_id(problems: Problems):
    """At most 1000 fps in all: two cameras at 600 fps are too many."""
    (text,) = messages(problems(stated("{camera_offsets_ms: [0, 1]}"), ("fps: 30", "fps: 600")))
    assert "2 cameras at 600 fps are over 1000 fps together" in text


def test_a_mistake_in_the_frame_rate_hides_no_other(problems: Problems):
    """Rules that need both wait; the rate's own mistake and that in the block are both found."""
    found = messages(problems(stated("{model: burst}"), ("fps: 30", "fps: fast")))
    assert ["frame_rate_fps" in text for text in found] == [True]
    found = messages(problems(stated("{model: bust}"), ("fps: 30", "fps: fast")))
    assert len(found) == 2


# --- the decision gap ----------------------------------------------------------------------------------------


def test_a_pause_that_arrivals_make_is_not_the_models(problems: Problems):
    """Decisions can't be closer than frames: between bursts of four at 30 fps there are 118 ms without any."""
    burst = "{model: burst, burst_frames: 4, burst_spacing_ms: 5}"
    (text,) = messages(problems(stated(burst), gap_of(118)))
    assert "shorter than the time between frames, 118.3 ms" in text
    assert problems(stated(burst), gap_of(119)) == []


def test_two_cameras_decide_more_often_than_one(problems: Problems):
    """With a frame every 16 or 17.3 ms, a decision gap of 20 ms can be kept at 30 fps; alone it could not."""
    assert problems(stated("{camera_offsets_ms: [0, 16]}"), gap_of(20)) == []
    assert problems(gap_of(20)) != []


def test_long_pauses_need_a_stated_gap(problems: Problems):
    """The gap that holds unless stated would fail every run of these bursts, or of parts that come by chance."""
    slow = ("fps: 30", "fps: 2")
    for block in ("{model: burst, burst_frames: 20, burst_spacing_ms: 5}", "{model: poisson}"):
        (text,) = messages(problems(stated(block), slow))
        assert text.startswith("23:1 frames can be ")
        assert "state hil_validation.latency.decision_gap_max_ms" in text
        assert problems(stated(block), slow, gap_of(60_000)) == []
