"""From a file of a board to a verdict: without it, the checks that rest on it are NOT_MEASURED, never PASS."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from board_parts import PID
from boards import build, orin_with_statistics, without_repeats
from builders import Curve, edges_ns, make_limit, make_plan, make_record, ticks_ns
from hilrig.core.metrics import METRICS
from hilrig.core.telemetry import Tier
from hilrig.core.verdict import CheckStatus
from hilrig.sampler.combined import CombinedSampler
from hilrig.sampler.host import HostSampler
from hilrig.sampler.jetson.sampler import JetsonSampler
from hilrig.verdict.judge import judge

LIMITS = {
    "thermal_throttle_events": 0,
    "thermal_throttle_ms": 1,
    "power_throttle_events": 0,
    "undervoltage_events": 0,
    "overcurrent_peaks_per_min": 1,
    "gpu_util_sustained_pct": 99,
    "gpu_clock_lowest_mhz": 1000,
    "temperature_headroom_c": 1,
    "gpu_memory_peak_mib": 1e6,
}
PLAN = replace(
    make_plan(
        n_measured=40,  # seconds: utilisation is a mean over 30
        n_warmup=1,
        fps=Fraction(1),
        limits=[
            make_limit(
                f"resources.{metric}",
                metric,
                limit,
                METRICS[metric].unit,
                at_least=metric.endswith(("_mhz", "_c")),
            )
            for metric, limit in LIMITS.items()
        ],
    ),
    telemetry_period_ms=1000,
)
BOARD = without_repeats(orin_with_statistics(2, pid=PID))
FEEDING = sorted(path for path, fact in BOARD.items() if fact.feeds)


def held(root):
    """Return the check of each limit over a run in which the tree stood still, and the channels that answered."""
    sampler = CombinedSampler([JetsonSampler(root, PID), HostSampler(root, PID)])
    capabilities = sampler.probe()
    now = {number: value if reason is None else reason for number, value, reason in sampler.read(Tier.EDGE)}
    sampler.close()
    start_ns, end_ns = edges_ns(PLAN)
    moments_ns = {
        Tier.FAST: ticks_ns(PLAN, period_ms=PLAN.telemetry_period_ms),
        Tier.SLOW: [*range(start_ns, end_ns, 1_000_000_000), end_ns],
        Tier.EDGE: [start_ns, end_ns],
    }
    curves = [
        Curve(
            capability=capability,
            points=tuple((t_ns, now[number]) for t_ns in moments_ns[capability.channel.tier]),
        )
        for number, capability in enumerate(capabilities)
    ]
    checks = {check.metric: check for check in judge(make_record(PLAN, curves=curves)).checks}
    return checks, {capability.channel for capability in capabilities if capability.reason is None}


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Return the board's tree, one for all tests: each puts back what it took away."""
    return build(tmp_path_factory.mktemp("board") / "root", BOARD).root


@contextmanager
def without(root: Path, paths: Iterable[str]) -> Iterator[None]:
    """Take files away for as long as the block."""
    kept = {root / path: root.parent / f"away-{number}" for number, path in enumerate(paths)}
    for path, away in kept.items():
        path.rename(away)
    try:
        yield
    finally:
        for path, away in kept.items():
            away.rename(path)


@pytest.fixture(scope="module")
def whole(root):
    return held(root)


def test_the_whole_board_holds_every_limit(whole):
    """With all of its files this board can answer every question of a profile."""
    checks, _ = whole
    assert {metric: check.status for metric, check in checks.items()} == dict.fromkeys(LIMITS, CheckStatus.PASS)


@pytest.mark.parametrize("path", FEEDING)
def test_without_a_file_a_check_is_the_same_or_not_measured(whole, root, path):
    """A file that is missing takes answers away; it never changes a number into another one that passes."""
    with without(root, [path]):
        checks, answered = held(root)
    lost = whole[1] - answered
    for metric, check in checks.items():
        needs = METRICS[metric].needs
        if any(need.met_by(channel) for need in needs for channel in lost) and not any(
            need.met_by(channel) for need in needs for channel in answered
        ):
            assert check.status is CheckStatus.NOT_MEASURED, check.sentence
        assert check.status in {CheckStatus.PASS, CheckStatus.NOT_MEASURED}, check.sentence
        assert check.status is CheckStatus.NOT_MEASURED or check.observed == whole[0][metric].observed


@pytest.mark.parametrize("metric", sorted(LIMITS))
def test_every_limit_has_files_without_which_it_is_not_measured(whole, root, metric):
    """Take away all files of a metric's channels: the limit is not measured, whatever else the board says."""
    keys = {channel.key for channel in whole[1] if any(need.met_by(channel) for need in METRICS[metric].needs)}
    gone = [path for path in FEEDING if BOARD[path].feeds & keys]
    assert gone
    with without(root, gone):
        assert held(root)[0][metric].status is CheckStatus.NOT_MEASURED
