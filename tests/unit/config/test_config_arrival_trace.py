"""The file of recorded arrivals that a profile replays."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arrival_blocks import messages, stated
from builders import make_plan
from hilrig.config.arrival_trace import ARRIVALS_MAX, PROBLEMS_MAX, Trace, load_trace
from hilrig.config.plan_file import dump_plan, load_plan
from hilrig.config.profile import load_profile, parse_profile
from hilrig.core.errors import ConfigError
from hilrig.core.profile import ArrivalModel, ArrivalSpec

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
