"""The names of the telemetry channels that samplers agree on with the verdict.

Their attributes are agreed upon in the same way. They are those of the OpenTelemetry semantic conventions where
these have a name, `hilrig.` in front where they do not; UCUM units. Every source that can read a quantity uses
the same name, attributes and unit for it, so that the first one that answers can stand for the others.
"""

from typing import Final

HW_ID: Final = "hw.id"
"""Attribute: which piece of hardware. `gpu0` is the first GPU of every platform, the one of a Jetson included."""

CAUSE: Final = "cause"
"""Attribute of the throttle channels: one of the `CAUSE_` values."""

CAUSE_THERMAL: Final = "thermal"
CAUSE_POWER: Final = "power"
"""Power or current over what the board, the power supply or the configured cap allows, as a mean over time."""

CAUSE_UNDERVOLTAGE: Final = "undervoltage"
CAUSE_CURRENT_PEAK: Final = "current_peak"
"""Instantaneous over-current (a Jetson's OC3): it moves on sound boards too and is judged as a rate."""

CAUSE_UNKNOWN: Final = "unknown"
"""The hardware says that it is slowed down and not why."""

THROTTLE_EVENTS: Final = "hilrig.hw.throttle.events"
"""Cumulative count of episodes, {event}."""

THROTTLE_TIME: Final = "hilrig.hw.throttle.time"
"""Cumulative time in episodes, ns."""

THROTTLE_STATE: Final = "hilrig.hw.throttle.state"
"""1 while throttled, 0 while not, "1": true only of the moment at which it was read."""

THROTTLE_REASONS: Final = "hilrig.hw.throttle.reasons"
"""The device's own bit mask, raw, "1": for looking."""

GPU_UTILIZATION: Final = "hw.gpu.utilization"
"""Share of time in which the GPU was busy, 0 to 1, "1"."""

GPU_MEMORY: Final = "hw.gpu.memory.usage"
"""Memory of the whole device, By. Not offered where the GPU shares the host's memory."""

GPU_MEMORY_LIMIT: Final = "hw.gpu.memory.limit"
PROCESS_GPU_MEMORY: Final = "hilrig.process.gpu.memory.usage"
"""GPU memory of the target's process, By. OFFLINE while the process uses none."""

PROCESS_GPU_MEMORY_PEAK: Final = "hilrig.process.gpu.memory.peak"
"""Highest GPU memory of the target's process over its life, exact, By."""

PROCESS_OUTPUT: Final = "hilrig.process.output.size"
"""Size of the files that the target's standard output and error go to, By. OFFLINE when they go to no file."""

UNIFIED: Final = ("hilrig.memory", "unified")
"""Attribute of a GPU memory channel whose GPU has no memory of its own: the same bytes count as host memory."""

GPU_CLOCK: Final = "hilrig.hw.gpu.clock.frequency"
"""Clock that the GPU runs at, Hz; attribute `domain`: graphics, memory."""

GPU_CLOCK_LIMIT: Final = "hilrig.hw.gpu.clock.limit"
"""Lowest and highest clock that the governor may choose, Hz; attribute `bound`: min, max. Equal: locked."""

MEMORY_CLOCK: Final = "hilrig.hw.memory.clock.frequency"
"""Clock of the memory that a Jetson's CPU and GPU share, Hz."""

TEMPERATURE: Final = "hw.temperature"
"""Cel; `hw.id` is `chip/label`, `zone/type` or `gpu0`."""

TEMPERATURE_LIMIT: Final = "hw.temperature.limit"
"""Temperature at which the hardware begins to slow down, Cel; same `hw.id` as its sensor."""

POWER: Final = "hw.power"
"""W; `hw.id` is a rail, or `gpu0`."""

ENERGY: Final = "hw.energy"
"""Cumulative, J."""

ERRORS: Final = "hw.errors"
"""Cumulative count of errors of a device, {error}; attribute `error.type`: xid, ecc_uncorrected."""

LAST_XID: Final = "hilrig.hw.gpu.xid"
"""Number of the last XID error since the run's processes look, "1"; 0: none."""

FAN_SPEED: Final = "hw.fan.speed_ratio"
"""0 to 1, "1"."""

CPU_FREQUENCY: Final = "system.cpu.frequency"
"""Hz; attribute `cpu.logical_number`."""

POWER_MODE: Final = "hilrig.host.power_mode"
"""Anything that must stay as it was for the run to be one of one machine: governors, nvpmodel, clock locks, power
caps; attribute `setting` says which. Any change of the value voids the run."""

ROUND_LATENESS: Final = "hilrig.telemetry.lateness"
"""How late a round of telemetry began, ns."""

SAMPLER_CPU_TIME: Final = "hilrig.telemetry.cpu.time"
"""CPU time that the sampler's own process has taken, s."""
