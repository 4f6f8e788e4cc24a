"""Checks and self-checks to render, one or two of each status."""

from dataclasses import replace

from hilrig.core.verdict import Check, CheckStatus, SelfCheck

HOSTILE = (
    "</script><img src=x onerror=alert(1)> | `a` **b** [c](http://evil.example) \"'&\n# h\x00\x1b[31m\u202e\ud800"
)

PASSED_P99 = Check(
    check_id="latency.p99_max_ms",
    metric="latency_p99_ms",
    status=CheckStatus.PASS,
    comparator="<=",
    limit=45.0,
    unit="ms",
    source="profile.yaml:21:20",
    observed=25.9,
    observed_text="25.9 ms",
    lower=24.8,
    upper=27.3,
    margin_pct=42.4,
    n=18_000,
    minutes_needed=None,
    sentence="p99 25.9 ms is within the 45 ms limit (upper bound 27.3 ms, n 18,000).",
)
PASSED_DROPS = Check(
    check_id="frames.drop_max_pct",
    metric="drop_pct",
    status=CheckStatus.PASS,
    comparator="<=",
    limit=0.5,
    unit="%",
    source="profile.yaml:22:12",
    observed=0.0,
    observed_text="0 %",
    lower=None,
    upper=None,
    margin_pct=100.0,
    n=18_000,
    minutes_needed=None,
    sentence="0 of 18,000 frames were dropped, limit 0.5 %.",
)
PASSED_DURATION = Check(
    check_id="latency.duration_minutes",
    metric="duration_min",
    status=CheckStatus.PASS,
    comparator=">=",
    limit=10.0,
    unit="min",
    source="profile.yaml:21:60",
    observed=10.0,
    observed_text="10 min",
    lower=None,
    upper=None,
    margin_pct=0.0,
    n=18_000,
    minutes_needed=None,
    sentence="10 minutes were measured, 10 are asked for.",
)
PASSED_MEMORY = Check(
    check_id="resources.host_memory_max_mb",
    metric="host_memory_peak_mib",
    status=CheckStatus.PASS,
    comparator="<=",
    limit=512.0,
    unit="MiB",
    source="profile.yaml:23:15",
    observed=487.25,
    observed_text="487.2 MiB",
    lower=None,
    upper=None,
    margin_pct=4.83,
    n=2,
    minutes_needed=None,
    sentence="The target's memory peaked at 487.2 MiB, limit 512 MiB.",
)
FAILED_P99 = replace(
    PASSED_P99,
    status=CheckStatus.FAIL,
    observed=61.2,
    observed_text="61.2 ms",
    lower=52.4,
    upper=80.1,
    margin_pct=-36.0,
    sentence="p99 61.2 ms is over the 45 ms limit by 16.2 ms (lower bound 52.4 ms, n 18,000).",
)
INFINITE_P999 = replace(
    PASSED_P99,
    check_id="latency.p99_9_max_ms",
    metric="latency_p99_9_ms",
    status=CheckStatus.FAIL,
    limit=80.0,
    observed=None,
    observed_text="infinite (1.5 % of frames got no decision)",
    lower=93.0,
    upper=None,
    margin_pct=None,
    sentence="p99.9 is infinite: 1.5 % of frames got no decision, limit 80 ms.",
)
UNDECIDED_P99 = replace(
    PASSED_P99,
    status=CheckStatus.INCONCLUSIVE,
    observed=41.0,
    observed_text="41 ms",
    lower=30.1,
    upper=None,
    margin_pct=8.9,
    n=240,
    minutes_needed=0.3,
    sentence="p99 41 ms, but 240 frames can't decide a 45 ms limit: about 0.3 more minutes needed.",
)
UNMEASURED_GPU = replace(
    PASSED_MEMORY,
    check_id="resources.gpu_memory_max_mb",
    metric="gpu_memory_peak_mib",
    status=CheckStatus.NOT_MEASURED,
    observed=None,
    observed_text="",
    margin_pct=None,
    n=0,
    sentence="GPU memory was not measured: no NVML on this rig.",
)
HOSTILE_CHECK = replace(
    UNDECIDED_P99,
    check_id=f"latency.{HOSTILE}",
    source=HOSTILE,
    unit=HOSTILE,
    comparator=HOSTILE,
    sentence=HOSTILE,
    observed_text=HOSTILE,
)

HOLDS = SelfCheck(
    check_id="feeder.lateness",
    ok=True,
    observed_text="p99 0.18 ms",
    limit_text="≤ 1.67 ms",
    sentence="The feeder released frames on time.",
    advice="",
)
STEPPED = SelfCheck(
    check_id="clock.steps",
    ok=False,
    observed_text="1 step of 1,200 ms",
    limit_text="none over 50 ms",
    sentence="The wall clock was stepped during the run.",
    advice="Stop NTP stepping before a run: chronyc makestep, then start again.",
)
HOSTILE_SELF_CHECK = SelfCheck(
    check_id=f"host.{HOSTILE}",
    ok=False,
    observed_text=HOSTILE,
    limit_text="",
    sentence=HOSTILE,
    advice=HOSTILE,
)
