"""The block `arrivals`: its keys, what they forbid together, the file of a trace."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import make_plan
from hilrig.config.arrival_rules import broken_arrival_rules
from hilrig.config.arrival_trace import ARRIVALS_MAX, PROBLEMS_MAX, Trace, load_trace
from hilrig.config.document import Document
from hilrig.config.plan_file import dump_plan, load_plan
from hilrig.config.profile import load_profile, parse_profile
from hilrig.core.arrivals import schedule_of
from hilrig.core.errors import ConfigError, Problem
from hilrig.core.profile import ArrivalModel, ArrivalSpec

Problems = Callable[..., list[Problem]]
BLOCK = "queue: {depth: 4, on_full: drop_oldest}\n"
LATENCY = "    p95_max_ms: 30\n"


def stated(block: str) -> tuple[str, str]:
    """Return the change that puts an `arrivals` block at line 23 of the good profile."""
    return BLOCK, f"arrivals: {block}\n{BLOCK}"


def gap_of(limit_ms: float) -> tuple[str, str]:
    return LATENCY, f"{LATENCY}    decision_gap_max_ms: {limit_ms}\n"


def messages(problems: list[Problem]) -> list[str]:
    return [f"{problem.line}:{problem.column} {problem.message} | {problem.hint}" for problem in problems]


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


# --- the file of a trace -------------------------------------------------------------------------------------


def traced(folder: Path, data: bytes) -> Trace:
    file = folder / "arrivals.csv"
    file.write_bytes(data)
    return load_trace(file)


def refused(folder: Path, data: bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        traced(folder, data)
    assert all(problem.file == str(folder / "arrivals.csv") for problem in caught.value.problems)
    return messages(list(caught.value.problems))


@pytest.mark.parametrize(
    "data",
    [
        b"0\n30\n30.5\n90\n",
        b"t_ms\n0\n30\n30.5\n90",
        b"\xef\xbb\xbft_ms\r\n0\r\n30\r\n30.5\r\n90\r\n\r\n",
        b"1000\n1030.000\n 1030.5 \n1.09e3\n",
    ],
)
def test_a_trace_is_read_as_spreadsheets_write_it(tmp_path: Path, data: bytes):
    """Header, byte order mark, Windows line ends, exponents, any start: the same gaps, the mean after the last."""
    assert traced(tmp_path, data).gaps_ns == (30_000_000, 500_000, 59_500_000, 30_000_000)


def test_gaps_do_not_collect_rounding(tmp_path: Path):
    """A thousand thirds of a nanosecond are 333 ns, not 0."""
    data = "\n".join(f"{i * 1e-6 / 3:.12f}" for i in range(1001)).encode()
    assert sum(traced(tmp_path, data).gaps_ns[:-1]) == 333


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "1:1 expected one time in ms, found an empty line"),
        (b"\n\n\n", "1:1 expected one time in ms, found an empty line"),
        (b"t_ms\n", "0:0 the arrivals take no time"),
        (b"5\n", "0:0 the arrivals take no time"),
        (b"5\n5\n", "0:0 the arrivals take no time"),
        (b"0\nnan\n5\n", "2:1 expected one time in ms, found 'nan'"),
        (b"0\ninf\n", "2:1 expected one time in ms, found 'inf'"),
        (b"-1\n5\n", "1:1 expected one time in ms, found '-1'"),
        (b"0\n5,part\n", "2:1 expected one time in ms, found '5,part'"),
        (b"0\n\n5\n", "2:1 expected one time in ms, found an empty line"),
        (b"0\n0x10\n", "2:1 expected one time in ms, found '0x10'"),
        (b"0\n1_0\n", "2:1 expected one time in ms, found '1_0'"),
        (b"0\nt_ms\n5\n", "2:1 expected one time in ms, found 't_ms'"),
        ("0\n\u0663\n".encode(), "2:1 expected one time in ms"),
        (b"0\r5\r", "1:1 expected one time in ms, found '0\\r5'"),
        (b"0\n7\n6.5\n8\n", "3:1 6.5 comes after 7: times must ascend"),
        (b"0\n1e99\n", "0:0 the arrivals take longer than 30 days"),
        (b"0\n2592000001\n", "0:0 the arrivals take longer than 30 days"),
        (b"0\n5\n\xff\n", "3:1 byte 0xff is not UTF-8"),
        (b"\x00\x01\x02", "1:1 expected one time in ms"),
        (b"\xff\xfe0\x00\n\x00", "1:1 byte 0xff is not UTF-8"),
        (b"0\n" * (3 << 20), "0:0 larger than 4 MiB"),
    ],
)
def test_a_file_that_is_no_trace_is_refused(tmp_path: Path, data: bytes, fault: str):
    """Every wrong line is named with its number and what stands there."""
    assert refused(tmp_path, data)[0].startswith(fault)


def test_as_many_arrivals_as_allowed(tmp_path: Path):
    """100,000 arrivals are read, one more is refused at its line; a plan with them is read back."""
    lines = [str(place) for place in range(ARRIVALS_MAX + 1)]
    gaps_ns = traced(tmp_path, "\n".join(lines[:-1]).encode()).gaps_ns
    assert gaps_ns == (1_000_000,) * ARRIVALS_MAX
    assert refused(tmp_path, "\n".join(lines).encode())[0].startswith("100001:1 more than 100000 arrivals")


def test_a_file_of_something_else_is_not_listed_to_its_end(tmp_path: Path):
    """The first ten wrong lines say enough."""
    assert len(refused(tmp_path, b"x\n" * 5000)) == PROBLEMS_MAX


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=30).filter(lambda steps: sum(steps[1:]) > 0))
def test_every_recording_is_replayed_to_the_nanosecond(tmp_path_factory, steps_ns: list[int]):
    """Times written with six decimals come back as the same gaps."""
    at_ns = np.cumsum(steps_ns).tolist()
    data = "\n".join(f"{at // 10**6}.{at % 10**6:06d}" for at in at_ns).encode()
    assert list(traced(tmp_path_factory.getbasetemp(), data).gaps_ns[:-1]) == steps_ns[1:]


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(tmp_path_factory, data: bytes):
    """Any file is a trace or a message."""
    with suppress(ConfigError):
        assert sum(traced(tmp_path_factory.getbasetemp(), data).gaps_ns) > 0


# --- a profile with a trace ----------------------------------------------------------------------------------


@pytest.fixture
def station(plugins: None, tmp_path: Path, profile_text: str) -> Path:
    """Return a folder with a profile that replays `line/arrivals.csv`, which is still to be written."""
    old, new = stated("{model: trace, trace: line/arrivals.csv}")
    (tmp_path / "profile.yaml").write_text(profile_text.replace(old, new))
    (tmp_path / "model.onnx").touch()
    (tmp_path / "line").mkdir()
    return tmp_path


def write_trace(station: Path, *, period_ms: float = 33.3) -> None:
    (station / "line" / "arrivals.csv").write_text("".join(f"{k * period_ms:.3f}\n" for k in range(50)))


def test_a_trace_is_read_and_hashed_with_the_profile(station: Path):
    """The gaps and the file's hash are in the profile, and so in the plan and in the signed evidence."""
    write_trace(station)
    arrivals = load_profile(station).arrivals
    assert arrivals.trace_gaps_ns == (33_300_000,) * 50
    assert len(arrivals.trace_sha256 or "") == 64


def test_a_run_directory_needs_no_trace_file(station: Path):
    """The copy of the profile in a run directory is read without it: the plan holds the gaps."""
    text = (station / "profile.yaml").read_bytes()
    copy = parse_profile(text, file="profile.yaml", folder="elsewhere")
    assert copy.arrivals == ArrivalSpec(model=ArrivalModel.TRACE)


def test_a_plan_with_the_longest_trace_is_read_back():
    """plan.json holds a hundred thousand gaps and gives the same schedule."""
    gaps_ns = tuple(range(1, ARRIVALS_MAX + 1))
    plan = replace(make_plan(), arrivals=ArrivalSpec(model=ArrivalModel.TRACE, trace_gaps_ns=gaps_ns))
    assert load_plan(dump_plan(plan)) == plan


def test_a_trace_of_another_rate_is_refused(station: Path):
    """Both rates are said; within 1 % it is the same line."""
    write_trace(station, period_ms=33.66)
    assert load_profile(station).frame_rate_fps == 30
    write_trace(station, period_ms=33.7)
    with pytest.raises(
        ConfigError, match=r"profile.yaml:23:\d+: the trace has 29.67\d+ fps, but 'frame_rate_fps' is 30"
    ):
        load_profile(station)


def test_a_pause_in_a_trace_needs_a_longer_decision_gap(station: Path):
    """A line that stood still for two seconds fails no model."""
    times_ms = [2000 + k * 33.3 if k else 0 for k in range(5000)]
    (station / "line" / "arrivals.csv").write_text("".join(f"{time_ms:.3f}\n" for time_ms in times_ms))
    with pytest.raises(ConfigError, match="frames can be 2033 ms apart"):
        load_profile(station)


def test_mistakes_in_the_trace_follow_those_of_the_profile(station: Path):
    """All of them at once: first the profile's, then the trace's, each in its own file."""
    (station / "line" / "arrivals.csv").write_text("0\nx\n5\n4\n")
    profile = station / "profile.yaml"
    profile.write_text(profile.read_text().replace("depth: 4", "depth: 0"))
    with pytest.raises(ConfigError) as caught:
        load_profile(station)
    found = [(Path(problem.file).name, problem.line) for problem in caught.value.problems]
    assert found == [("profile.yaml", 24), ("arrivals.csv", 2), ("arrivals.csv", 4)]


@pytest.mark.parametrize("name", ["line", "line/none.csv", "x" * 1000, "line/pipe"])
def test_a_trace_that_is_no_file_is_missed(station: Path, name: str):
    """A folder, nothing, an impossible name, a pipe that would never end: said at the key."""
    os.mkfifo(station / "line" / "pipe")
    profile = station / "profile.yaml"
    profile.write_text(profile.read_text().replace("line/arrivals.csv", name))
    with pytest.raises(ConfigError) as caught:
        load_profile(station)
    assert [(problem.line, problem.code) for problem in caught.value.problems] == [(23, "missing_file")]
