"""What a manifest says of its runs, computed from their results: written by it, computed again to hold it to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hilrig.core.gate_manifest import GateManifest
from hilrig.core.result import Result

MIN_PER_H: Final = 60.0
METRICS: Final = {
    "p50_ms": "latency_p50_ms",
    "p95_ms": "latency_p95_ms",
    "p99_ms": "latency_p99_ms",
    "peak_ram_mb": "host_memory_peak_mib",
}
"""A manifest's name for a metric, and a result's. `_mb` is MiB, as everywhere in hilrig."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a manifest says of its runs: the fields of `GateManifest` with these names."""

    runtime: str
    devices_tested: tuple[str, ...]
    benchmarks: Mapping[str, Mapping[str, float | None]]
    signing: Mapping[str, Any]
    soak_test_hours: float


def claims_of(results: Sequence[Result], *, verified: bool) -> Claims:
    """Return what can be said of these runs; `verified`: the signature of each of them holds."""
    longest: dict[str, Result] = {}
    for result in sorted(results, key=lambda one: (duration_min(one), one.run_id)):
        longest[result.device_class] = result
    return Claims(
        runtime=", ".join(sorted({name for result in results for name in _runtimes(result)})),
        devices_tested=tuple(sorted(longest)),
        benchmarks={device_class: _benchmarks(result) for device_class, result in sorted(longest.items())},
        signing={"verified": verified and bool(results)},
        soak_test_hours=max(map(duration_min, results), default=0.0) / MIN_PER_H,
    )


def false_claims(manifest: GateManifest, truth: Claims) -> tuple[str, ...]:
    """Return each claim of a manifest that is not what its evidence gives, in words."""
    return tuple(
        f"{key} is claimed as {_shown(claimed)}, the evidence gives {_shown(found)}"
        for key, claimed, found in _pairs(manifest, truth)
        if claimed != found or type(claimed) is not type(found)
    )


def duration_min(result: Result) -> float:
    """Return how long a run measured, 0 where nothing was."""
    return _value(result, "duration_min") or 0.0


def _pairs(manifest: GateManifest, truth: Claims) -> Iterator[tuple[str, Any, Any]]:
    yield "runtime", manifest.runtime, truth.runtime
    yield "devices_tested", manifest.devices_tested, truth.devices_tested
    yield "soak_test_hours", float(manifest.soak_test_hours), truth.soak_test_hours
    yield from _keys("signing", manifest.signing, truth.signing)
    for device_class in sorted(manifest.benchmarks.keys() | truth.benchmarks.keys()):
        yield from _keys(
            f"benchmarks.{device_class}",
            manifest.benchmarks.get(device_class, {}),
            truth.benchmarks.get(device_class, {}),
        )


def _keys(where: str, claimed: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for key in sorted(claimed.keys() | found.keys()):
        yield f"{where}.{key}", claimed.get(key), found.get(key)


def _benchmarks(result: Result) -> dict[str, float | None]:
    return {name: _value(result, metric) for name, metric in METRICS.items()}


def _value(result: Result, metric: str) -> float | None:
    return next((one.value for one in result.judgement.measurements if one.metric == metric), None)


def _runtimes(result: Result) -> Iterator[str]:
    facts = result.rig_info.get("facts")
    packages = facts.get("packages") if isinstance(facts, Mapping) else None
    for name, version in (packages or {}).items():
        if name.startswith("onnxruntime") and isinstance(version, str):
            yield f"{name}-{version}"


def _shown(value: Any) -> str:
    return "absent" if value is None else f"{value!a:.80}"
