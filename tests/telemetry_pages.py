"""Judgements of runs on hardware as a page shows them: an Orin and a PC with an RTX card, both throttled twice.

The figures are invented within what such machines do; they are for looking at a page, not recordings.
"""

import math

from hilrig.core.accelerator import AcceleratorProof, ProviderShare, Witness
from hilrig.core.verdict import (
    ChannelSummary,
    Check,
    CheckStatus,
    Judgement,
    Measurement,
    RunStatus,
    SeriesPoint,
    TelemetrySeries,
    ThrottleWindow,
)
from telemetry_rows import (
    DURATION_S,
    HOT_S,
    dropping,
    is_hot,
    make_row,
    make_telemetry_series,
    summarised,
    warming,
)

MIB = 1 << 20


def make_latency() -> tuple[SeriesPoint, ...]:
    """Return ten minutes in 600 buckets, slow while the machine throttles."""
    return tuple(
        SeriesPoint(
            t_s=float(index),
            n=30,
            min_ms=19 + math.sin(index / 9),
            p50_ms=22 + math.sin(index / 9) + (11 if is_hot(index) else 0),
            p99_ms=26 + (index * 37 % 11) / 4 + (19 if is_hot(index) else 0),
            max_ms=28 + (index * 37 % 11) / 4 + (24 if is_hot(index) else 0),
            n_dropped=1 if is_hot(index) and index % 9 == 0 else 0,
            n_failed=0,
        )
        for index in range(int(DURATION_S))
    )


def make_check(
    check_id: str, metric: str, *, observed: float | None, limit: float, unit: str, evidence: str = ""
) -> Check:
    """Return a limit; held, missed or not measured as `observed` says."""
    status = CheckStatus.NOT_MEASURED if observed is None else CheckStatus.PASS
    if observed is not None and observed > limit:
        status = CheckStatus.FAIL
    text = "" if observed is None else f"{observed:g} {unit}"
    return Check(
        check_id=check_id,
        metric=metric,
        status=status,
        comparator="<=",
        limit=limit,
        unit=unit,
        source="profile.yaml:23:15",
        observed=observed,
        observed_text=text,
        lower=None,
        upper=None,
        margin_pct=None if observed is None or not limit else 100 * (1 - observed / limit),
        n=6000,
        minutes_needed=None,
        sentence=f"{metric} is {text or 'unknown'}, limit {limit:g} {unit} ({evidence or 'no evidence'}).",
        evidence=evidence,
    )


def answered(metric: str, unit: str, value: float | None, *, evidence: str = "", reason: str = "") -> Measurement:
    """Return the measurement behind one of the three questions."""
    return Measurement(metric=metric, unit=unit, value=value, n=2, evidence=evidence, reason=reason)


def make_orin() -> Judgement:
    """Return a run on an Orin: shared memory, alerts of the cooling devices, rails, no per-process GPU memory."""
    zones = {
        "cpu": (45, 66),
        "gpu": (44, 71),
        "soc0": (45, 63),
        "soc1": (44, 62),
        "soc2": (44, 61),
        "tj": (46, 72),
    }
    slow = [
        *(
            make_telemetry_series(
                f"hw.temperature{{hw.id=zone/{zone}-thermal}}", "Cel", warming(low, high), spread=0.5
            )
            for zone, (low, high) in zones.items()
        ),
        make_telemetry_series(
            "hw.temperature{hw.id=zone/cv0-thermal}", "Cel", warming(40, 50), spread=0.5, silent=range(30, 90)
        ),
        make_telemetry_series(
            "system.cpu.frequency{cpu.logical_number=*}", "Hz", dropping(1.728e9, 1.2e9), spread=1.2e8
        ),
        *(
            make_telemetry_series(f"hw.power{{hw.id={rail}}}", "W", dropping(high, low), spread=0.4)
            for rail, low, high in (("board", 8.1, 12.4), ("VDD_IN", 8.1, 12.3), ("VDD_CPU_GPU_CV", 2.6, 4.7))
        ),
        make_telemetry_series("process.memory.usage", "By", lambda t_s: (612 + t_s / 40) * MIB, spread=MIB),
        make_telemetry_series("system.memory.usage", "By", lambda t_s: (3105 + t_s / 20) * MIB, spread=4 * MIB),
    ]
    fast = [
        make_telemetry_series("hw.gpu.utilization{hw.id=gpu0}", "1", dropping(0.72, 0.97), spread=0.03),
        make_telemetry_series(
            "hilrig.hw.gpu.clock.frequency{hw.id=gpu0,domain=graphics}", "Hz", dropping(1.02e9, 6.12e8), spread=2e7
        ),
    ]
    cpus = [
        make_row(
            f"system.cpu.frequency{{cpu.logical_number={cpu}}}", "Hz", value=1.728e9, source="scaling_cur_freq"
        )
        for cpu in range(8)
    ]
    return make_judgement(
        series=(*slow, *fast),
        channels=(
            *(summarised(one, source="/sys/class/thermal", rate_hz=1) for one in slow if "cpu.log" not in one.key),
            *(summarised(one, source="devfreq/17000000.gpu", rate_hz=10) for one in fast),
            *cpus,
            *(make_row(f"hw.temperature.limit{{hw.id=zone/{zone}-thermal}}", "Cel", value=99.0) for zone in zones),
            make_row(
                "hilrig.hw.throttle.events{cause=current_peak,hw.id=soc,source=oc3_event_cnt}",
                "{event}",
                value=27_390.0,
                delta=12.0,
                kind="counter",
                source="soctherm_oc",
            ),
            make_row(
                "hilrig.hw.throttle.time{cause=thermal,hw.id=gpu-throttle-alert,source=cooling_device_stats}",
                "ns",
                value=0.0,
                delta=43.9e9,
                kind="counter",
                source="cooling_device3/stats",
            ),
            make_row(
                "hilrig.process.gpu.memory.usage{hw.id=gpu0,hilrig.memory=unified}",
                "By",
                reason="hilrig.process.gpu.memory.usage: NO_PERMISSION (nvmap debugfs: run as root)",
                source="/sys/kernel/debug/nvmap/iovmm/maps",
            ),
        ),
        hw_ids=("gpu-throttle-alert", "gpu-throttle-alert"),
        measurements=(
            answered(
                "thermal_throttle_events",
                "events",
                2.0,
                evidence="counted over the whole run (gpu-throttle-alert)",
            ),
            answered(
                "thermal_throttle_ms", "ms", 43_900.0, evidence="counted over the whole run (gpu-throttle-alert)"
            ),
            answered("power_throttle_events", "events", 0.0, evidence="counted over the whole run (soc)"),
            answered("overcurrent_peaks_per_min", "events/min", 1.2, evidence="counted over the whole run (soc)"),
            answered("undervoltage_events", "events", 0.0, evidence="counted over the whole run (soc)"),
        ),
        accelerator=make_proof("TensorrtExecutionProvider", share_pct=96.4),
    )


def make_rtx() -> Judgement:
    """Return a run on a PC with a card of its own: many cores, process GPU memory, no under-voltage counter."""
    gpu = [
        make_telemetry_series("hw.gpu.utilization{hw.id=gpu0}", "1", dropping(0.61, 0.93), spread=0.05),
        make_telemetry_series("hw.gpu.memory.usage{hw.id=gpu0}", "By", lambda _: 3298.0 * MIB, spread=0.0),
        make_telemetry_series(
            "hilrig.process.gpu.memory.usage{hw.id=gpu0}", "By", lambda t_s: (2600 + t_s / 7) * MIB, spread=0.0
        ),
        make_telemetry_series(
            "hilrig.hw.gpu.clock.frequency{hw.id=gpu0,domain=graphics}", "Hz", dropping(1.59e9, 9e8), spread=3e7
        ),
        make_telemetry_series(
            "hilrig.hw.gpu.clock.frequency{hw.id=gpu0,domain=memory}", "Hz", lambda _: 6.501e9, spread=0.0
        ),
        make_telemetry_series("hw.temperature{hw.id=gpu0}", "Cel", warming(52, 91), spread=0.5),
        make_telemetry_series("hw.power{hw.id=gpu0}", "W", dropping(66.0, 41.0), spread=4.0),
    ]
    host = [
        *(
            make_telemetry_series(
                f"hw.temperature{{hw.id=coretemp/Core {core}}}", "Cel", warming(40, 52 + core), spread=2.0
            )
            for core in range(8)
        ),
        make_telemetry_series(
            "system.cpu.frequency{cpu.logical_number=*}", "Hz", lambda t_s: 3.1e9 + 2e8 * math.sin(t_s), spread=1e9
        ),
        make_telemetry_series(
            "hw.power{hw.id=package-0,from=hw.energy}", "W", lambda t_s: 42 + 3 * math.sin(t_s / 3), spread=1.0
        ),
        make_telemetry_series("process.memory.usage", "By", lambda _: 941.0 * MIB, spread=MIB),
        make_telemetry_series("system.memory.usage", "By", lambda t_s: (14_210 + t_s) * MIB, spread=9 * MIB),
    ]
    drawn = [one for one in host if "*" not in one.key and "from=" not in one.key]
    return make_judgement(
        series=(*gpu, *host),
        channels=(
            *(summarised(one, source="NVML", rate_hz=10) for one in gpu),
            *(summarised(one, source="/sys/class/hwmon", rate_hz=1) for one in drawn),
            *(
                make_row(f"system.cpu.frequency{{cpu.logical_number={cpu}}}", "Hz", value=3.1e9)
                for cpu in range(16)
            ),
            make_row("hw.temperature.limit{hw.id=gpu0}", "Cel", value=93.0, source="NVML slowdown threshold"),
            make_row(
                "hilrig.hw.throttle.time{cause=thermal,hw.id=gpu0,source=violation}",
                "ns",
                value=0.0,
                delta=43.9e9,
                kind="counter",
                source="NVML field 75",
            ),
            make_row("hw.energy{hw.id=package-0}", "J", value=9.1e5, delta=25_200.0, kind="counter"),
        ),
        hw_ids=("gpu0", ""),
        measurements=(
            answered("thermal_throttle_events", "events", 2.0, evidence="counted over the whole run (gpu0)"),
            answered("thermal_throttle_ms", "ms", 43_900.0, evidence="counted over the whole run (gpu0)"),
            answered(
                "power_throttle_events",
                "events",
                0.0,
                evidence="seen in the state, sampled at 10 Hz, clocks locked (gpu0)",
            ),
            answered(
                "undervoltage_events", "events", None, reason="no channel of this rig tells of its supply voltage"
            ),
        ),
        accelerator=make_proof("CUDAExecutionProvider", share_pct=99.1),
    )


def make_proof(provider: str, *, share_pct: float) -> AcceleratorProof:
    """Return a probe in which the asked provider did nearly everything, seen by one of two witnesses."""
    return AcceleratorProof(
        asked=(provider,),
        available=(provider, "CPUExecutionProvider"),
        active=(provider, "CPUExecutionProvider"),
        distribution="onnxruntime-gpu",
        runtime_version="1.31.1",
        n_frames=10,
        time_share_min_pct=90.0,
        shares=(
            ProviderShare(provider=provider, n_assigned=57, n_executed=570, time_share_pct=share_pct),
            ProviderShare(
                provider="CPUExecutionProvider", n_assigned=None, n_executed=20, time_share_pct=100 - share_pct
            ),
        ),
        witnesses=(
            Witness(channel="hw.gpu.utilization{hw.id=gpu0}", unit="1", before=0.01, during=0.63, rose=True),
            Witness(
                channel="hilrig.process.gpu.memory.usage{hw.id=gpu0}",
                unit="By",
                before=None,
                during=None,
                rose=False,
                reason="NO_PERMISSION (nvmap debugfs)",
            ),
        ),
    )


def make_judgement(
    *,
    series: tuple[TelemetrySeries, ...],
    channels: tuple[ChannelSummary, ...],
    hw_ids: tuple[str, str],
    measurements: tuple[Measurement, ...],
    accelerator: AcceleratorProof,
) -> Judgement:
    """Return a run that fails because it throttled."""
    counted = "counted over the whole run"
    return Judgement(
        status=RunStatus.FAIL,
        sentence=f"The hardware throttled twice for 43.9 s ({counted}: {hw_ids[0]}), which the profile forbids.",
        checks=(
            make_check(
                "resources.thermal_throttle_allowed",
                "thermal_throttle_events",
                observed=2.0,
                limit=0.0,
                unit="events",
                evidence=f"{counted} ({hw_ids[0]})",
            ),
            make_check(
                "resources.gpu_memory_max_mb",
                "gpu_memory_peak_mib",
                observed=2685.7,
                limit=3072.0,
                unit="MiB",
                evidence="process, sampled at 10 Hz",
            ),
            make_check(
                "resources.gpu_util_sustained_max_pct",
                "gpu_util_sustained_pct",
                observed=72.4,
                limit=80.0,
                unit="%",
                evidence="sampled at 10 Hz",
            ),
            make_check("latency.p99_max_ms", "latency_p99_ms", observed=41.2, limit=45.0, unit="ms"),
        ),
        self_checks=(),
        measurements=(
            Measurement(metric="duration_min", unit="min", value=10.0, n=18_000),
            Measurement(
                metric="power_mean_w", unit="W", value=11.2, n=2, evidence="from the energy counter of the board"
            ),
            *measurements,
        ),
        detection=(),
        worst_frames=(),
        latency_series=make_latency(),
        channels=channels,
        telemetry_series=series,
        throttle_windows=tuple(
            ThrottleWindow(begin_s=begin_s, end_s=end_s, cause="thermal", hw_id=hw_id, evidence="counted")
            for (begin_s, end_s), hw_id in zip(HOT_S, hw_ids, strict=True)
        ),
        accelerator=accelerator,
    )
