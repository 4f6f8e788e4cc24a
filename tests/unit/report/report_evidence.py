"""A run with everything that a page can show: budgets, shares, moments, pictures, a baseline, a profile."""

import base64
from dataclasses import replace

from report_checks import FAILED_P99, PASSED_DROPS, PASSED_DURATION, PASSED_MEMORY, PASSED_P99
from report_documents import CHANNELS, DETECTION, make_document, make_failing, make_worst

from hilrig.core.analysis import Budget, Distribution, MomentReading, StageShare
from hilrig.core.baseline import Baseline
from hilrig.core.document import Document, Thumbnail
from hilrig.core.verdict import Cause, CauseCount, ChangePoint, RunStatus

PROFILE = "\n".join([*(f"# line {number}" for number in range(1, 20)), "hil_validation:", "  latency:", ""] * 2)
"""Lines 21 to 23 are there, where the checks say that their limits are written."""

JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1x"
    "eXBkeFxlZ2P/wAALCAAIABABAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQR"
    "BRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4"
    "eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEB"
    "AAA/AOHooooor//Z"
)
"""A picture of 16 x 8 pixels."""

SHARES = tuple(
    StageShare(
        stage=stage,
        mean_ms=mean_ms,
        share_pct=share_pct,
        slowest_mean_ms=3 * mean_ms,
        slowest_share_pct=slowest_share_pct,
        n_slowest=180,
    )
    for stage, mean_ms, share_pct, slowest_share_pct in (
        ("feeder_lateness", 0.05, 0.2, 0.1),
        ("queue", 1.5, 6.8, 41.3),
        ("preprocess", 1.2, 5.4, 3.0),
        ("infer", 19.2, 87.3, 55.5),
        ("decide", 0.07, 0.3, 0.1),
    )
)
CAUSES = (
    CauseCount(cause=Cause.THROTTLE, n_frames=412, evidence="gpu0 throttled (thermal), clock 612 of 1,020 MHz"),
    CauseCount(cause=Cause.RUN_QUEUE, n_frames=14, evidence="waited 38 ms of 40 ms for a CPU"),
    CauseCount(cause=Cause.UNEXPLAINED, n_frames=5, evidence="nothing recorded explains 31 ms"),
)
CHANGES = (
    ChangePoint(
        t_s=320.0, metric="latency p99", before_ms=26.0, after_ms=45.0, nearby=("gpu0 began to throttle",)
    ),
)
READINGS = (
    MomentReading(key="hw.temperature{hw.id=zone/gpu-thermal}", unit="Cel", value=91.5, age_ms=412.0),
    MomentReading(
        key="hilrig.hw.gpu.clock.frequency{hw.id=gpu0,domain=graphics}", unit="Hz", value=6.12e8, age_ms=40.0
    ),
    MomentReading(key="hilrig.hw.throttle.state{cause=thermal,hw.id=gpu0}", unit="1", value=1.0, age_ms=40.0),
)
DISTRIBUTION = Distribution(
    edges_ms=(16.0, 24.0, 32.0, 48.0, 64.0, 96.0),
    counts=(9_000, 8_569, 20, 11, 396),
    n_undecided=4,
    percentiles=(0.0, 50.0, 90.0, 99.0, 99.9, 100.0),
    latency_ms=(16.2, 23.9, 31.0, 61.2, 93.0, None),
)


def make_budget(check_id: str, *, n_allowed: int, n_used: int) -> Budget:
    """Return a budget of 18,000 frames that is used up evenly over ten minutes."""
    steps = range(0, 601, 60)
    return Budget(
        check_id=check_id,
        n_measured=18_000,
        n_allowed=n_allowed,
        t_s=tuple(float(t_s) for t_s in steps),
        n_used=tuple(n_used * t_s // 600 for t_s in steps),
    )


def make_baseline() -> Baseline:
    """Return a run of before that was faster, and had no limit on memory."""
    return Baseline(
        run_id="2026-11-13T21-00-04Z-weld-station-19aa",
        result_sha256="ba" * 32,
        key_fingerprint="SHA256:Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmE",
        started_at_utc="2026-11-13T21:00:04Z",
        status=RunStatus.PASS,
        profile_name="weld-station",
        rig="local",
        device_class="x86-cpu",
        model_bundle_sha256="0ff0" * 16,
        hilrig_version="0.1.0",
        checks=(PASSED_P99, PASSED_DROPS, replace(PASSED_DURATION, limit=5.0)),
        distribution=DISTRIBUTION,
        differs=("rate: 25 fps there", "stack: another kernel"),
    )


def make_whole() -> Document:
    """Return a run that fails its p99 because it throttled, with all evidence and a baseline."""
    bare = make_failing().result.judgement
    worst = tuple(
        replace(
            frame,
            cause=Cause.THROTTLE,
            evidence="gpu0 throttled (thermal)",
            truth=("porosity",) if index % 2 else (),
            found=None if frame.latency_ms is None else ("porosity",),
            readings=READINGS,
        )
        for index, frame in enumerate(make_worst(n_undecided=2))
    )
    judgement = replace(
        bare,
        sentence="Latency p99: 61.2 ms, over the limit of 45 ms (431 of 18000 frames over it).",
        checks=(PASSED_DROPS, PASSED_DURATION, FAILED_P99, PASSED_MEMORY),
        worst_frames=worst,
        channels=CHANNELS,
        detection=DETECTION,
        causes=CAUSES,
        change_points=CHANGES,
        stage_shares=SHARES,
        distribution=DISTRIBUTION,
        budgets=(
            make_budget("frames.drop_max_pct", n_allowed=90, n_used=4),
            make_budget("latency.p99_max_ms", n_allowed=180, n_used=431),
        ),
    )
    document = make_document(judgement)
    return replace(
        document,
        result=replace(document.result, operator="M. Weber", note="New lens.\nSecond shift."),
        profile_text=PROFILE,
        thumbnails=(
            Thumbnail(frame_id=10_000, width_px=160, height_px=80, jpeg=JPEG),
            Thumbnail(frame_id=10_001, width_px=0, height_px=0, jpeg=b"", reason="the feed's files have changed"),
        ),
        baseline=make_baseline(),
    )
