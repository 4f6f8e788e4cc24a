"""hilrig.config.actuation_model and actuation_rules: the PLC in a profile."""

from collections.abc import Callable

import pytest

from hilrig.config.profile import parse_profile
from hilrig.core.actuation import ActuationSpec
from hilrig.core.errors import Problem

Problems = Callable[..., list[Problem]]
SERVICE = (
    ("pipeline:\n", "pipeline:\n  target: infer_service\n  target_options: {url: 'http://127.0.0.1:8000'}\n"),
    ("  backend: {name: onnx, options: {threads: 2}}\n", ""),
)
ACTUATION = ("queue: {", "actuation: {port: 5021}\nqueue: {")
LIMITS = ("p95_max_ms: 30", "p95_max_ms: 30\n    actuation_p99_max_ms: 60")


def at_the_plc(text: str) -> str:
    head, _, tail = text.partition("  preprocess:")
    text = head + tail[tail.index("  backend:") :]
    for old, new in (*SERVICE, ACTUATION, LIMITS):
        assert old in text
        text = text.replace(old, new)
    return text


def test_a_plc_and_its_limits_are_read(profile_text: str) -> None:
    """The block with its defaults, each limit with its metric and its line."""
    text = at_the_plc(profile_text).replace("  resources:", "  frames: {failsafe_max_pct: 0.5}\n  resources:")
    profile = parse_profile(text.encode(), file="profile.yaml", folder=".")
    assert profile.actuation == ActuationSpec(protocol="modbus", host="127.0.0.1", port=5021, unit_id=1)
    limits = {limit.metric: limit for limit in profile.limits}
    assert limits["actuation_p99_ms"].limit == 60
    assert limits["failsafe_pct"].limit == 0.5
    assert limits["actuation_p99_ms"].source == f"profile.yaml:{line_of(text, 'actuation_p99_max_ms')}:5"


@pytest.mark.parametrize(
    "limit", ["latency.actuation_p95_max_ms", "latency.actuation_p99_max_ms", "frames.failsafe_max_pct"]
)
def test_a_limit_at_a_plc_that_nobody_stands_in_for_is_refused(
    problems: Problems, profile_text: str, limit: str
) -> None:
    """Nothing could measure it: refused where it is written."""
    block, key = limit.split(".")
    lines = {"latency": f"  latency:\n    {key}: 9\n", "frames": f"  frames: {{{key}: 9}}\n  latency:\n"}
    (problem,) = problems(("  latency:\n", lines[block]))
    assert f"'hil_validation.{limit}' cannot be measured" in problem.message
    assert problem.line == line_of(profile_text.replace("  latency:\n", lines[block]), key)


def test_a_target_without_numbers_is_refused(problems: Problems) -> None:
    """in_process talks to no PLC: no sequence could be joined with its frames."""
    (problem,) = problems(ACTUATION)
    assert "'in_process' does not" in problem.message
    assert (problem.line, problem.column) == (23, 1)


def test_the_lower_percentile_may_not_have_the_larger_limit(problems: Problems, profile_text: str) -> None:
    """95 % within 61 ms and 99 % within 60 ms contradict each other."""
    text = at_the_plc(profile_text).replace("    actuation_p99", "    actuation_p95_max_ms: 61\n    actuation_p99")
    (problem,) = problems(text=text)
    assert "must not be over 'actuation_p99_max_ms' (60 ms)" in problem.message


@pytest.mark.parametrize(
    "block", ["{port: 0}", "{port: 65536}", "{protocol: opcua}", "{unit_id: 256}", "{host: ''}", "{prot: modbus}"]
)
def test_a_plc_that_cannot_be_meant_is_refused(problems: Problems, profile_text: str, block: str) -> None:
    """Every key has its range."""
    assert problems(text=at_the_plc(profile_text).replace("{port: 5021}", block))


def line_of(text: str, word: str) -> int:
    return text[: text.index(word)].count("\n") + 1
