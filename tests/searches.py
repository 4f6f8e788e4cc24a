"""Documents of searches for tests: sound by default, so that a test states only what is special."""

from dataclasses import replace

from hilrig.core.exits import ExitCode
from hilrig.core.search import (
    CAPACITY_SCHEMA,
    COMPARISON_SCHEMA,
    Block,
    Capacity,
    Comparison,
    Contender,
    Margin,
    MarginUnit,
    Pair,
    Probe,
    ProbeOutcome,
    ProbePurpose,
    SearchEnd,
    SearchLimit,
    Side,
)
from hilrig.core.verdict import RunStatus
from hilrig.verdict.many_runs.comparison import compare, pair_of

FIVE_PCT = Margin(value=5.0, unit=MarginUnit.PCT)


def make_probe(fps: float, outcome: ProbeOutcome = ProbeOutcome.SUSTAINED, **changes) -> Probe:
    """Return a probe of 20 s that was late in proportion to its rate."""
    probe = Probe(
        purpose=ProbePurpose.BISECT,
        attempt=1,
        frame_rate_fps=fps,
        duration_s=20.0,
        outcome=outcome,
        status=RunStatus.INCONCLUSIVE,
        p50_ms=fps / 3,
        p95_ms=fps / 2,
        p99_ms=fps,
        drop_pct=0.0,
        n_frames=600,
        run_dir="runs/20261121T060000Z-weld-station-1",
        reason="3 limits held.",
    )
    return replace(probe, **changes)


def make_capacity(*probes: Probe, **changes) -> Capacity:
    """Return a finished search that found 42 fps."""
    capacity = Capacity(
        schema=CAPACITY_SCHEMA,
        search_id="0a1b2c3d",
        hilrig_version="0.1.0",
        started_at_utc="2026-11-21T06:00:00.000000Z",
        ended_at_utc="2026-11-21T06:10:00.000000Z",
        ended=SearchEnd.COMPLETED,
        ended_reason="",
        profile_name="weld-station",
        profile_sha256="1" * 64,
        rig="local",
        device_class="x86-cpu",
        model_bundle_sha256="2" * 64,
        profile_rate_fps=30.0,
        latency_limits_ms={"latency_p99_ms": 45.0},
        resolution_pct=2.0,
        found_fps=42.0,
        best_fps=42.0,
        limited_by=SearchLimit.PROFILE,
        limited_at_fps=43.0,
        probes=probes or (make_probe(30), make_probe(60, ProbeOutcome.NOT_SUSTAINED), make_probe(42)),
        sentence="Sustains 42 fps within the limits.",
        exit_code=ExitCode.OK,
    )
    return replace(capacity, **changes)


def make_block(side: Side, p99_ms: float | None, *, fault: str = "") -> Block:
    """Return a block; without a p99 it is infinite."""
    return Block(
        side=side,
        status=RunStatus.INCONCLUSIVE,
        p50_ms=5.0,
        p99_ms=p99_ms,
        is_infinite=p99_ms is None,
        n_frames=900,
        run_dir=f"runs/20261121T060000Z-{side.value}-1",
        fault=fault,
    )


def make_pair(p99_a_ms: float | None, p99_b_ms: float | None, *, fault: str = "") -> Pair:
    """Return a pair, champion first; `fault` is the challenger's."""
    champion = make_block(Side.CHAMPION, p99_a_ms)
    return pair_of(champion, make_block(Side.CHALLENGER, p99_b_ms, fault=fault), is_repeat=False)


def make_comparison(*pairs: Pair, margin: Margin = FIVE_PCT, **changes) -> Comparison:
    """Return a finished comparison of these pairs."""
    found = compare(pairs, margin)
    side = Contender(profile_name="weld-station", profile_sha256="1" * 64, model_bundle_sha256="2" * 64)
    comparison = Comparison(
        schema=COMPARISON_SCHEMA,
        search_id="0a1b2c3d",
        hilrig_version="0.1.0",
        started_at_utc="2026-11-21T06:00:00.000000Z",
        ended_at_utc="2026-11-21T06:10:00.000000Z",
        ended=SearchEnd.COMPLETED,
        ended_reason="",
        rig="local",
        device_class="x86-cpu",
        champion=side,
        challenger=side,
        frame_rate_fps=30.0,
        block_duration_s=30.0,
        margin=margin,
        margin_ms=found.margin_ms,
        estimate=found.estimate,
        lower=found.lower,
        upper=found.upper,
        n_pairs=found.n_pairs,
        pairs_needed=found.pairs_needed,
        pairs=pairs,
        verdict=found.verdict,
        sentence=found.sentence,
        exit_code=found.verdict.exit_code,
    )
    return replace(comparison, **changes)
