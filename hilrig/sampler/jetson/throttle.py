"""Throttling of a Jetson.

Thermal alerts come as state, time and episodes; over-current and under-voltage as counts. An alert's state is
true only of the moment at which it was read. The kernel's statistics of the same alert
(CONFIG_THERMAL_STATISTICS) miss nothing in between; where they are not built in, their channels are ABSENT.

`oc*_throt_en` says that a limit is armed, not that it acts: it is not read. Neither are the alarms of the power
monitors: a crossed threshold is no throttling, and reading a flag clears it for everybody else.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from hilrig.core.channels import (
    CAUSE,
    CAUSE_CURRENT_PEAK,
    CAUSE_POWER,
    CAUSE_THERMAL,
    CAUSE_UNDERVOLTAGE,
    CAUSE_UNKNOWN,
    HW_ID,
    THROTTLE_EVENTS,
    THROTTLE_STATE,
    THROTTLE_TIME,
)
from hilrig.core.telemetry import Channel, ChannelKind, Reason, Tier
from hilrig.core.units import NS_PER_MS
from hilrig.sampler.fact_file import numbered, read_fact
from hilrig.sampler.jetson.tree import ORIN, chip_of, hwmon_chips, told_apart
from hilrig.sampler.kept_file import KeptFile
from hilrig.sampler.silent import SilentSource
from hilrig.sampler.source import FileSource, Source, Value, natural

_ALERT: Final = "-throttle-alert"
"""How the type of an alert ends. Fans and the caps of CPU and GPU clocks are cooling at work. `hot-surface-alert`
says that the housing is hot to touch: an Orin goes in and out of it from 70 C on, at full clocks."""

_STATE: Final = "cooling_device"
_STATISTICS: Final = "cooling_device_stats"

_SOC: Final = "soc"
_OC_CHIP: Final = "soctherm_oc"
_OC_CAUSES: Final = {"oc1": CAUSE_UNDERVOLTAGE, "oc2": CAUSE_POWER, "oc3": CAUSE_CURRENT_PEAK}
"""Orin's under-voltage, average and instantaneous over-current (NVIDIA Jetson Linux developer guide, Jetson Orin).
Xavier has another order, and Thor's is not settled: there the cause is unknown."""


def throttle_sources(root: Path) -> list[Source]:
    """Return three sources per thermal alert, and one per counter of over-current."""
    return [*_alert_sources(root), *_over_current(root)]


def _alert_sources(root: Path) -> Iterator[Source]:
    types = {device: read_fact(device / "type") for device in _cooling_devices(root)}
    alerts = [device for device, kind in types.items() if kind is not None and kind.endswith(_ALERT)]
    for hw_id, device in zip(told_apart(types[alert] or "" for alert in alerts), alerts, strict=True):
        yield FileSource([_state(hw_id)], KeptFile(device / "cur_state"), _is_throttled)
        yield FileSource([_time(hw_id)], KeptFile(device / "stats/time_in_state_ms"), _throttled_ns)
        yield FileSource([_episodes(hw_id)], KeptFile(device / "stats/trans_table"), _entries)
    for device in (device for device, kind in types.items() if kind is None):
        why = f"{device}/type is unreadable: this may be an alert of throttling"
        yield SilentSource([_state(device.name)], Reason.ERROR, why)
    if not alerts:
        yield SilentSource([_state(_SOC)], Reason.ABSENT, "no cooling device is an alert of throttling")


def _cooling_devices(root: Path) -> list[Path]:
    return numbered(root / "sys/class/thermal", "cooling_device*")


def _state(hw_id: str) -> Channel:
    return Channel(
        name=THROTTLE_STATE,
        unit="1",
        kind=ChannelKind.STATE,
        tier=Tier.FAST,
        source="cooling_device cur_state",
        attributes=_attributes(CAUSE_THERMAL, hw_id, _STATE),
    )


def _time(hw_id: str) -> Channel:
    return Channel(
        name=THROTTLE_TIME,
        unit="ns",
        kind=ChannelKind.COUNTER,
        tier=Tier.SLOW,
        source="cooling_device stats/time_in_state_ms",
        attributes=_attributes(CAUSE_THERMAL, hw_id, _STATISTICS),
    )


def _episodes(hw_id: str) -> Channel:
    return _events(CAUSE_THERMAL, hw_id, _STATISTICS, file="cooling_device stats/trans_table")


def _events(cause: str, hw_id: str, source: str, *, file: str) -> Channel:
    return Channel(
        name=THROTTLE_EVENTS,
        unit="{event}",
        kind=ChannelKind.COUNTER,
        tier=Tier.SLOW,
        source=file,
        attributes=_attributes(cause, hw_id, source),
    )


def _attributes(cause: str, hw_id: str, source: str) -> tuple[tuple[str, str], ...]:
    return ((CAUSE, cause), (HW_ID, hw_id), ("source", source))


def _is_throttled(data: bytes) -> Sequence[Value]:
    return (float(natural(data) > 0),)


def _throttled_ns(data: bytes) -> Sequence[Value]:
    """Return the time in all states but 0, the present episode included: the kernel adds it at each read."""
    names, times_ms = zip(*(line.split() for line in data.splitlines() if line.strip()), strict=True)
    if list(names) != [b"state%d" % number for number in range(len(names))]:
        raise ValueError("not the states from 0 on")
    _idle_ms, *throttled_ms = map(natural, times_ms)
    return (sum(throttled_ms) * NS_PER_MS,)


def _entries(data: bytes) -> Sequence[Value]:
    """Return how often the device left state 0: each episode once, whatever it did before it came back.

    `total_trans` would not do: it counts the end of an episode, and each step within it, like a beginning.
    """
    rows = dict(line.partition(b":")[::2] for line in data.splitlines())
    _stayed, first, *more = map(natural, rows[b"state 0"].split())
    return (sum(more, first),)


def _over_current(root: Path) -> Iterator[Source]:
    chips = hwmon_chips(root, _OC_CHIP)
    is_orin = chip_of(root) == ORIN
    for counter, cause in _OC_CAUSES.items():
        source = f"{counter}_event_cnt"
        channel = _events(cause, _SOC, source, file=f"{_OC_CHIP} {source}")
        unexplained = _events(CAUSE_UNKNOWN, _SOC, source, file=f"{_OC_CHIP} {source}")
        if not chips:
            yield SilentSource([channel], Reason.ABSENT, f"no hwmon chip is called {_OC_CHIP}")
        elif is_orin:
            yield FileSource([channel], KeptFile(chips[0] / source), _count)
        else:
            why = f"what {counter} counts is documented for Orin only; see the same counter with cause=unknown"
            yield SilentSource([channel], Reason.NOT_SUPPORTED, why)
            yield FileSource([unexplained], KeptFile(chips[0] / source), _count)


def _count(data: bytes) -> Sequence[Value]:
    return (natural(data),)
