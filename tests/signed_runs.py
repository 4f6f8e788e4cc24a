"""Finished run directories for tests of what reads results: a signed result.json without its evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hilrig.attest.envelope import sign
from hilrig.attest.keys import create_key, load_signer
from hilrig.attest.result_statement import build_result_statement
from hilrig.config.noun_json import to_json
from hilrig.core import files
from hilrig.core.analysis import Distribution
from hilrig.core.canonical import sha256_hex
from hilrig.core.result import RESULT_SCHEMA, Result
from hilrig.core.verdict import (
    ChannelSummary,
    Check,
    CheckStatus,
    Judgement,
    Measurement,
    RunStatus,
    SeriesPoint,
    ThrottleWindow,
)

EVIDENCE = (files.PROFILE, files.PLAN, files.RIG, files.FEED)


@dataclass
class Signer:
    """A key pair in a folder: what signs, and the file that others check with."""

    folder: Path
    name: str = "rig"

    def __post_init__(self) -> None:
        create_key(self.folder, self.name, passphrase=None)
        self.signer = load_signer(self.folder / f"{self.name}.pem", passphrase=None)
        self.public_key = self.folder / f"{self.name}.pub"

    def write(self, folder: Path, result: Result) -> Path:
        """Write a run directory with this result and this key's signature over it."""
        folder.mkdir(parents=True)
        for name in EVIDENCE:
            (folder / name).write_bytes(b"{}")
        result = replace(result, files={name: sha256_hex(b"{}") for name in EVIDENCE})
        data = to_json(result)
        statement = build_result_statement(result, result_sha256=sha256_hex(data))
        (folder / files.ATTESTATION).write_bytes(sign(statement, self.signer))
        (folder / files.RESULT).write_bytes(data)
        (folder / files.REPORT_HTML).write_text("<!doctype html><title>report</title>")
        return folder


def make_check(
    observed: float | None,
    *,
    lower: float | None = None,
    upper: float | None = None,
    status: CheckStatus = CheckStatus.PASS,
    limit: float = 45.0,
    **changes: Any,
) -> Check:
    """Return a limit on p99 with its observation and bounds in ms; None is infinite."""
    check = Check(
        check_id="latency.p99_max_ms",
        metric="latency_p99_ms",
        status=status,
        comparator="<=",
        limit=limit,
        unit="ms",
        source="profile.yaml:30:14",
        observed=observed,
        observed_text="infinite" if observed is None else f"{observed:g} ms",
        lower=lower,
        upper=upper,
        margin_pct=None if observed is None else 100 * (limit - observed) / limit,
        n=1800,
        minutes_needed=None,
        sentence="A limit.",
    )
    return replace(check, **changes)


def make_judgement(
    *,
    p99_ms: float = 20.0,
    status: RunStatus = RunStatus.PASS,
    measured: Mapping[str, float | None] | None = None,
    **changes: Any,
) -> Judgement:
    """Return a judgement of ten minutes at 30 fps: a p99 with bounds 5 % around it, no drop, no throttling."""
    values: dict[str, float | None] = {
        "frames_offered": 18_000.0,
        "frames_dropped": 0.0,
        "frames_failed": 0.0,
        "duration_min": 10.0,
        "latency_p50_ms": p99_ms / 2,
        "latency_p95_ms": p99_ms * 0.8,
        "latency_p99_ms": p99_ms,
        "latency_p99_9_ms": p99_ms * 1.2,
        "latency_max_ms": p99_ms * 2,
        "latency_p99_incl_drops_ms": p99_ms,
        "drop_pct": 0.0,
        "thermal_throttle_events": 0.0,
        "host_memory_peak_mib": 118.0,
        **(measured or {}),
    }
    judgement = Judgement(
        status=status,
        sentence="All limits hold.",
        checks=(
            make_check(
                p99_ms,
                lower=p99_ms * 0.95,
                upper=p99_ms * 1.05,
                status=CheckStatus.PASS if status is RunStatus.PASS else CheckStatus.FAIL,
            ),
        ),
        self_checks=(),
        measurements=tuple(
            Measurement(
                metric=name, unit=_unit(name), value=value, n=1, reason="" if value is not None else "no sensor"
            )
            for name, value in values.items()
        ),
        detection=(),
        worst_frames=(),
        latency_series=tuple(_bucket(index, p99_ms) for index in range(60)),
        channels=(),
        distribution=Distribution(
            edges_ms=(0.0, p99_ms * 2),
            counts=(18_000,),
            n_undecided=0,
            percentiles=(50.0, 90.0, 99.0, 99.9, 100.0),
            latency_ms=(p99_ms / 2, p99_ms * 0.7, p99_ms, p99_ms * 1.2, p99_ms * 2),
        ),
    )
    return replace(judgement, **changes)


def make_result(judgement: Judgement | None = None, *, run_id: str = "7f3a0001", **changes: Any) -> Result:
    """Return the result of a run of the weld station on a PC."""
    judgement = judgement or make_judgement()
    result = Result(
        schema=RESULT_SCHEMA,
        run_id=run_id,
        hilrig_version="0.1.0",
        started_at_utc="2026-11-20T21:00:04.000000Z",
        ended_at_utc="2026-11-20T21:10:21.000000Z",
        ended="completed",
        ended_reason="",
        exit_code=int(judgement.status.exit_code),
        profile_name="weld-station",
        profile_sha256="5e" * 32,
        rig="local",
        device_class="x86-cpu",
        rig_info={"stack_sha256": "77" * 32, "facts": {"os": "Debian 12", "packages": {"onnxruntime": "1.31.1"}}},
        model_bundle_sha256="a1b2c3d4" * 8,
        model_files_sha256={"model.onnx": "c4" * 32},
        pipeline_sha256="9f" * 32,
        feed="synthetic",
        n_warmup_frames_cut=150,
        judgement=judgement,
        files={},
    )
    return replace(result, **changes)


def make_temperature(sensor: str, highest: float) -> ChannelSummary:
    """Return a temperature sensor with its highest reading, in degrees Celsius."""
    return ChannelSummary(
        key=f"hw.temperature{{hw.id={sensor}}}",
        unit="Cel",
        kind="gauge",
        source="sysfs",
        n=600,
        minimum=40.0,
        mean=50.0,
        maximum=highest,
        delta=None,
        reason="",
    )


def make_window(begin_s: float, end_s: float) -> ThrottleWindow:
    """Return a stretch of thermal throttling of the GPU."""
    return ThrottleWindow(begin_s=begin_s, end_s=end_s, cause="thermal", hw_id="gpu0", evidence="counted")


def _unit(metric: str) -> str:
    for suffix, unit in (("_ms", "ms"), ("_pct", "%"), ("_min", "min"), ("_mib", "MiB")):
        if metric.endswith(suffix):
            return unit
    return "events" if metric.endswith("_events") else "frames"


def _bucket(index: int, p99_ms: float) -> SeriesPoint:
    return SeriesPoint(
        t_s=index * 10.0,
        n=300,
        min_ms=p99_ms / 3,
        p50_ms=p99_ms / 2,
        p99_ms=p99_ms + index % 3,
        max_ms=p99_ms * 1.5,
        n_dropped=0,
        n_failed=0,
    )
