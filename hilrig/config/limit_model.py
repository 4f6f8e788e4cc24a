"""The keys under `hil_validation`: each limit, with the metric that it holds."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Annotated, Any, Final, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from hilrig.config.keys import Keys, Percentage, Positive, Share
from hilrig.core.profile import Comparator

FRAME_RATE_MAX_FPS: Final = 1000
DURATION_MAX_MINUTES: Final = 43_200  # 30 days: at 1000 fps the 32-bit frame id still holds
DECISION_GAP_MS: Final = 1000
DECISION_GAP_PERIODS: Final = 10
"""The decision gap that holds where a profile states none: the longer of the two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """Marks a key as a limit on `metric`; `limit` turns the key's value into the number, None for no limit."""

    metric: str
    comparator: Comparator = Comparator.LE
    limit: Callable[[Any], float | None] = float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLimit:
    """A limit that a profile sets: `path` is below `hil_validation`, `stated` whether the file writes it."""

    path: tuple[str, str]
    holds: Holds
    limit: float
    stated: bool


class PowerLossTest(str, Enum):
    """Whether a run must include a power cut while a model is being installed."""

    REQUIRED = "required"
    NOT_REQUIRED = "not_required"


def held_by(field: FieldInfo) -> Holds | None:
    """Return the metric that a key limits, None when the key is no limit."""
    return next((mark for mark in field.metadata if isinstance(mark, Holds)), None)


def read_frame_rate(value: Any) -> Fraction:
    """Return frames per second, exactly: 29.97 is 2997/100, "30000/1001" is itself.

    Raises:
        PydanticCustomError: not a number or ratio, or not within 0 < fps <= 1000.
    """
    fps = _as_fraction(value)
    if fps is None:
        message = 'expected a number or a ratio such as "30000/1001", found {found}'
        raise PydanticCustomError("wrong_type", message, {"found": json.dumps(value, ensure_ascii=False)[:60]})
    if not 0 < fps <= FRAME_RATE_MAX_FPS:
        message = "expected more than 0 and at most {most} frames per second, found {found}"
        raise PydanticCustomError("out_of_range", message, {"most": FRAME_RATE_MAX_FPS, "found": str(value)})
    return fps


def _as_fraction(value: Any) -> Fraction | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Fraction(repr(value))
    parts = value.split("/") if isinstance(value, str) else []
    if len(parts) == 2 and all(part.isascii() and part.isdigit() and len(part) <= 9 for part in parts):  # noqa: PLR2004
        return Fraction(int(parts[0]), int(parts[1])) if int(parts[1]) else None
    return None


FrameRate = Annotated[
    Fraction,
    PlainValidator(read_frame_rate),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": FRAME_RATE_MAX_FPS},
                {"type": "string", "pattern": "^[0-9]{1,9}/[0-9]{1,9}$"},
            ]
        }
    ),
]


class LatencyKeys(Keys):
    """Time from the moment a frame was due to its decision; how long and how fast to measure."""

    p50_max_ms: Annotated[Positive | None, Holds(metric="latency_p50_ms")] = Field(
        default=None, description="Half of all frames must be decided within this time."
    )
    p95_max_ms: Annotated[Positive | None, Holds(metric="latency_p95_ms")] = Field(
        default=None, description="95 % of all frames must be decided within this time."
    )
    p99_max_ms: Annotated[Positive | None, Holds(metric="latency_p99_ms")] = Field(
        default=None,
        description="99 % of all frames must be decided within this time: the station's actuation budget.",
    )
    p99_9_max_ms: Annotated[Positive | None, Holds(metric="latency_p99_9_ms")] = Field(
        default=None, description="99.9 % of all frames must be decided within this time."
    )
    decision_gap_max_ms: Annotated[Positive | None, Holds(metric="decision_gap_ms")] = Field(
        default=None,
        description="Longest time that may pass between two decisions. Always a limit: left out, it is 1000 ms, "
        "or ten frame periods where that is longer, so that no percentile hides a blind camera.",
    )
    drift_max_pct: Annotated[Positive | None, Holds(metric="latency_drift_pct")] = Field(
        default=None,
        description="By how much the last quarter's median latency may be over that of the first, in per cent.",
    )
    actuation_p95_max_ms: Annotated[Positive | None, Holds(metric="actuation_p95_ms")] = Field(
        default=None,
        description="95 % of all frames must have their decision in the PLC's registers within this time. Needs "
        "the block `actuation`.",
    )
    actuation_p99_max_ms: Annotated[Positive | None, Holds(metric="actuation_p99_ms")] = Field(
        default=None, description="99 % of all frames must have it there within this time."
    )
    duration_minutes: Annotated[
        float, Field(gt=0, le=DURATION_MAX_MINUTES), Holds(metric="duration_min", comparator=Comparator.GE)
    ] = Field(description="How long to measure, after warm-up. A run that measured less can't pass.")
    frame_rate_fps: FrameRate = Field(
        description='Production frame rate: a number, or a ratio such as "30000/1001". No limit: the harness '
        "checks itself that it kept this rate."
    )


class FramesKeys(Keys):
    """Frames without a decision."""

    drop_max_pct: Annotated[Percentage | None, Holds(metric="drop_pct")] = Field(
        default=None, description="Share of frames that a full queue may drop."
    )
    consecutive_drops_max: Annotated[Annotated[int, Field(ge=0)] | None, Holds(metric="consecutive_drops")] = (
        Field(default=None, description="Longest unbroken run of dropped frames, in frames.")
    )
    failed_max_pct: Annotated[Percentage, Holds(metric="failed_pct")] = Field(
        default=0, description="Share of frames that may end in an error. Always a limit, also when left out."
    )
    failsafe_max_pct: Annotated[Percentage | None, Holds(metric="failsafe_pct")] = Field(
        default=None,
        description="Share of frames for which the PLC may be given the fail-safe output. Needs the block "
        "`actuation`.",
    )


class ResourcesKeys(Keys):
    """What the model may use. A run on a rig that can't measure one of these is refused before it starts."""

    host_memory_max_mb: Annotated[Positive | None, Holds(metric="host_memory_peak_mib")] = Field(
        default=None, description="Peak main memory of the pipeline's process, in MiB (2^20 bytes)."
    )
    host_memory_growth_max_mb_per_hour: Annotated[
        Positive | None, Holds(metric="host_memory_growth_mib_per_h")
    ] = Field(
        default=None,
        description="By how much that memory may grow, in MiB per hour. A run too short to see such a growth is "
        "INCONCLUSIVE, not a pass.",
    )
    gpu_memory_max_mb: Annotated[Positive | None, Holds(metric="gpu_memory_peak_mib")] = Field(
        default=None,
        description="Peak GPU memory of the pipeline's process, in MiB (2^20 bytes) as `nvidia-smi` counts; of "
        "the whole device where the process's own cannot be read. The report says which.",
    )
    gpu_util_sustained_max_pct: Annotated[
        Annotated[float, Field(gt=0, le=100)] | None, Holds(metric="gpu_util_sustained_pct")
    ] = Field(default=None, description="Highest mean GPU utilisation over any 30 s.")
    gpu_clock_min_mhz: Annotated[
        Positive | None, Holds(metric="gpu_clock_lowest_mhz", comparator=Comparator.GE)
    ] = Field(
        default=None,
        description="Clock that the GPU must never be seen below. With it, a rig that has only throttle states, "
        "no counters, can be judged: by samples, which the report says.",
    )
    temperature_headroom_min_c: Annotated[
        Positive | None, Holds(metric="temperature_headroom_c", comparator=Comparator.GE)
    ] = Field(
        default=None,
        description="Distance that every sensor must keep from the temperature at which its device slows down.",
    )
    thermal_throttle_allowed: Annotated[
        bool | None,
        Holds(metric="thermal_throttle_events", limit=lambda allowed: None if allowed else 0.0),
    ] = Field(
        default=None,
        description="`false`: one thermal throttling event fails the run. `true` or left out: no limit. A cap on "
        "power is not thermal.",
    )
    thermal_throttle_max_ms: Annotated[Positive | None, Holds(metric="thermal_throttle_ms")] = Field(
        default=None,
        description="Time that the rig may spend in thermal throttling, where `thermal_throttle_allowed` is too "
        "strict. Needs a counter of time.",
    )
    power_throttle_allowed: Annotated[
        bool | None,
        Holds(metric="power_throttle_events", limit=lambda allowed: None if allowed else 0.0),
    ] = Field(
        default=None,
        description="`false`: one throttling event for power or mean current fails the run. A card at its power "
        "limit throttles so all the time.",
    )
    undervoltage_allowed: Annotated[
        bool | None,
        Holds(metric="undervoltage_events", limit=lambda allowed: None if allowed else 0.0),
    ] = Field(
        default=None,
        description="`false`: one under-voltage event fails the run. Otherwise one makes it INCONCLUSIVE: the "
        "power supply is not the model's fault.",
    )
    overcurrent_peaks_per_min_max: Annotated[Positive | None, Holds(metric="overcurrent_peaks_per_min")] = Field(
        default=None,
        description="Peaks of over-current per minute (OC3 of a Jetson), which sound boards show too.",
    )
    log_volume_max_mb_per_hour: Annotated[Positive | None, Holds(metric="log_volume_mib_per_h")] = Field(
        default=None,
        description="What the pipeline's process may print (standard output and error, which go to run.log), in "
        "MiB per hour.",
    )
    watchdog_reset_allowed: Annotated[
        bool | None,
        Holds(metric="watchdog_resets", limit=lambda allowed: None if allowed else 0.0),
    ] = Field(
        default=None,
        description="`false`: a PASS takes the proof that the rig did not restart during the run, by its watchdog "
        "or otherwise. A restart is NOT_MEASURED, not FAIL: hilrig cannot tell a watchdog from a pulled plug.",
    )


class DetectionKeys(Keys):
    """Decisions of the timed run against the truth of the feed's frames: a spot check under load."""

    min_precision: Annotated[Share | None, Holds(metric="detection_precision", comparator=Comparator.GE)] = Field(
        default=None, description="Least precision during the run, of every label that has a threshold."
    )
    min_recall: Annotated[Share | None, Holds(metric="detection_recall", comparator=Comparator.GE)] = Field(
        default=None, description="Least recall, during the run, of every label that has a threshold."
    )


class RecoveryKeys(Keys):
    """What must survive a power cut."""

    power_loss_test: Annotated[
        PowerLossTest,
        Holds(
            metric="power_loss_recovered",
            comparator=Comparator.GE,
            limit=lambda test: 1.0 if test == PowerLossTest.REQUIRED else None,
        ),
    ] = Field(
        description="`required`: an update is cut at every point before the run, and the node must come back. How "
        "deep the cuts go: `power_loss` at the left margin."
    )
    expected_recovery_model: Literal["last_known_good"] = Field(
        default="last_known_good", description="The model that must run after the power cut."
    )


class HilValidationKeys(Keys):
    """The limits. Each one is a check of its own, and a run passes only if all of them pass."""

    latency: LatencyKeys
    frames: FramesKeys = FramesKeys()
    detection: DetectionKeys = DetectionKeys()
    resources: ResourcesKeys = ResourcesKeys()
    recovery: RecoveryKeys | None = None

    @model_validator(mode="after")
    def _refuse_no_limit(self) -> "HilValidationKeys":
        if not any(limit.stated and limit.holds.metric != "duration_min" for limit in self.limits()):
            message = "no limit is set: any model would pass; expected at least one such as latency.p99_max_ms"
            raise PydanticCustomError("no_checks", message)
        return self

    def limits(self) -> Iterator[HeldLimit]:
        """Yield every limit in the order of the keys: those stated, and those that hold without being stated."""
        for block_name in type(self).model_fields:
            block = getattr(self, block_name)
            for name, field in type(block).model_fields.items() if block else ():
                value = getattr(block, name)
                holds = held_by(field)
                limit = holds.limit(value) if holds and value is not None else self._unstated(holds)
                if holds and limit is not None:
                    stated = name in block.model_fields_set
                    yield HeldLimit(path=(block_name, name), holds=holds, limit=limit, stated=stated)

    def _unstated(self, holds: Holds | None) -> float | None:
        """Return the limit that holds where the profile says nothing."""
        if holds is None or holds.metric != "decision_gap_ms":
            return None
        return max(DECISION_GAP_MS, float(DECISION_GAP_PERIODS * 1000 / self.latency.frame_rate_fps))
