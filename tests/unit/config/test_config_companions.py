"""The block `companions`: its keys, its limits with their places, what they forbid together."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from builders import make_plan
from hilrig.config.plan_file import dump_plan, load_plan
from hilrig.config.profile import load_profile, parse_profile
from hilrig.core.companion import CompanionSpec, ProbeSpec
from hilrig.core.errors import ConfigError
from stations import write_station

ROOT = Path(__file__).parents[3]
URL = "http://127.0.0.1:8091/healthz"
FULL = f"""companions:
  - name: sync-agent
    command: [python3, -m, hilrig.faults.sync_agent, --port, "8091"]
    probe: {{url: "{URL}", period_ms: 200, timeout_ms: 1000}}
    alone_s: 12
    p99_max_ms: 250
    failed_max_pct: 0
    slowdown_max: 3.0
    restarts_max: 0
  - name: hog
    command: [stress-ng, --cpu, "2"]
"""


def parse(folder, block):
    text = (write_station(folder) / "profile.yaml").read_text() + block
    return parse_profile(text.encode(), file="profile.yaml", folder=str(folder))


def messages(folder, block):
    with pytest.raises(ConfigError) as caught:
        parse(folder, block)
    return [f"{problem.message} | {problem.hint}" for problem in caught.value.problems]


def test_a_companion_is_read_with_its_limits(tmp_path):
    """Each of its limits is a check named by it, at its own place in the file."""
    profile = parse(tmp_path, FULL)
    assert profile.companions == (
        CompanionSpec(
            name="sync-agent",
            argv=("python3", "-m", "hilrig.faults.sync_agent", "--port", "8091"),
            probe=ProbeSpec(url=URL, period_ms=200, timeout_ms=1000),
            alone_s=12.0,
        ),
        CompanionSpec(name="hog", argv=("stress-ng", "--cpu", "2")),
    )
    limits = {one.check_id: one for one in profile.limits if one.check_id.startswith("companions.")}
    assert {key: (one.metric, one.limit, one.unit) for key, one in limits.items()} == {
        "companions.sync-agent.p99_max_ms": ("companion_p99_ms", 250.0, "ms"),
        "companions.sync-agent.failed_max_pct": ("companion_failed_pct", 0.0, "%"),
        "companions.sync-agent.slowdown_max": ("companion_slowdown", 3.0, "1"),
        "companions.sync-agent.restarts_max": ("companion_exits", 0.0, "events"),
    }
    lines = (write_station(tmp_path) / "profile.yaml").read_text().count("\n")
    assert limits["companions.sync-agent.p99_max_ms"].source == f"profile.yaml:{lines + 6}:5"


def test_a_profile_without_companions_has_none(tmp_path):
    """Nothing is started that nobody asked for."""
    assert parse(tmp_path, "").companions == ()


def test_a_plan_keeps_its_companions():
    """plan.json says what ran beside the model."""
    plan = replace(make_plan(), companions=(CompanionSpec(name="a", probe=ProbeSpec(argv=("true",))),))
    assert load_plan(dump_plan(plan)) == plan


@pytest.mark.parametrize(
    ("companion", "message"),
    [
        ("name: a", "it has neither 'command' nor 'probe'"),
        (
            "name: a\n    command: [x]\n    p99_max_ms: 5",
            "'p99_max_ms' is about answers, but the companion has no",
        ),
        (f"name: a\n    probe: {{url: '{URL}'}}\n    restarts_max: 0", "'restarts_max' is about a process"),
        (f"name: a\n    probe: {{url: '{URL}', command: [x]}}", "either 'url' or 'command', found both"),
        ("name: a\n    probe: {period_ms: 100}", "either 'url' or 'command', found neither"),
        ("name: a\n    probe: {url: 'https://x/'}", "expected http://host:port/path without a password"),
        ("name: a\n    probe: {url: 'http://u:p@x/'}", "expected http://host:port/path without a password"),
        ("name: a\n    probe: {url: 'http:///x'}", "expected http://host:port/path without a password"),
        ("name: a\n    command: []", "expected at least 1 item"),
        ("name: a\n    command: 'stress-ng --cpu 1'", "expected a list"),
        ("name: A b\n    command: [x]", "small letters, digits and hyphens"),
        ("name: a\n    command: [x]\n    slowdown_max: 0.5\n    probe: {command: [x]}", "expected at least 1"),
        ("name: a\n    command: [x]\n    p99_max: 5", "unknown key 'p99_max' | did you mean 'p99_max_ms'?"),
        ("name: a\n    command: [x]\n    probe: {url: 'http://x/', period_ms: 5}", "expected at least 20"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, companion, message):
    """Every mistake is found before anything runs, in words."""
    assert any(message in one for one in messages(tmp_path, f"companions:\n  - {companion}\n"))


def test_two_companions_of_one_name_are_refused(tmp_path):
    """Their checks would have one id."""
    block = "companions:\n  - {name: a, command: [x]}\n  - {name: a, command: [y]}\n"
    assert messages(tmp_path, block) == ["two companions are named 'a' | a check is named by its companion"]


def test_a_limit_of_companions_does_not_hide_where_a_key_of_the_model_belongs(tmp_path):
    """`p99_max_ms` at the margin belongs under latency, whatever companions have."""
    assert messages(tmp_path, "p99_max_ms: 5\n") == [
        "unknown key 'p99_max_ms' | it belongs under 'hil_validation.latency'"
    ]


def test_the_soak_profile_bounds_what_only_hours_show():
    """Two hours: memory, drift, throttling, log volume, restarts, and the sync agent's own promise."""
    profile = load_profile(ROOT / "profiles" / "weld-station-soak")
    held = {limit.check_id for limit in profile.limits}
    assert profile.duration_s == 7200
    assert held >= {
        "latency.drift_max_pct",
        "resources.host_memory_growth_max_mb_per_hour",
        "resources.thermal_throttle_allowed",
        "resources.log_volume_max_mb_per_hour",
        "resources.watchdog_reset_allowed",
        "companions.sync-agent.p99_max_ms",
        "companions.sync-agent.restarts_max",
    }


@pytest.mark.parametrize("page", ["docs/companions.md", "profiles/weld-station-soak/profile.yaml"])
def test_the_loads_that_we_recommend_are_real(page):
    """stress-ng takes every line of ours; --dry-run starts nothing."""
    if shutil.which("stress-ng") is None:
        pytest.skip("stress-ng is not installed: apt install stress-ng")
    lines = re.findall(r"\[stress-ng, [^\]]*\]", (ROOT / page).read_text())
    assert len(lines) >= 4
    for line in lines:
        argv = [part.strip().strip('"') for part in line.strip("[]").split(",")]
        assert subprocess.run([*argv, "--dry-run"], check=False, capture_output=True).returncode == 0, json.dumps(
            argv
        )
