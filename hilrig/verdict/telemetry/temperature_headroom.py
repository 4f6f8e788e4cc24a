"""How far every sensor stayed from the temperature at which its device slows down."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from hilrig.core import channels
from hilrig.core.metrics import METRICS
from hilrig.core.telemetry import Reason
from hilrig.core.verdict import Measurement
from hilrig.verdict.telemetry.channels import Series, Telemetry
from hilrig.verdict.telemetry.coverage import holes
from hilrig.verdict.telemetry.metric_channels import channels_of, hw_id_of, missing, why_missing
from hilrig.verdict.telemetry.sampling import evidence_of
from hilrig.verdict.window import Window

MILLI_DIGITS: Final = 3
"""Sensors tell thousandths; the difference of two floats has more digits, and none of them means anything."""

METRIC: Final = "temperature_headroom_c"


class Trip(NamedTuple):
    """A sensor's temperature at which its device slows down; `sensor` is None where nobody reads it."""

    hw_id: str
    limit_c: float
    sensor: Series | None


class _Headroom(NamedTuple):
    trip: Trip
    value_c: float
    n: int


def trips(telemetry: Telemetry) -> Iterator[Trip]:
    """Yield the trip points that are known; the lowest where one was read twice."""
    for series in telemetry.named(channels.TEMPERATURE_LIMIT):
        limits_c = series.valued().value
        if limits_c.size:
            yield Trip(hw_id_of(series), float(limits_c.min()), _sensor(telemetry, series))


def temperature_headroom(telemetry: Telemetry, window: Window) -> Measurement:
    """Return the least distance of a reading from its trip point, in C: negative when it was beyond.

    A sensor without power stays out: what is switched off is not heated. One that could not be read for another
    reason may have been the hottest, one whose trip point could not be read the nearest, so that nothing is known.
    """
    known = list(trips(telemetry))
    watched = [trip for trip in known if not _is_switched_off(trip.sensor, window)]
    blind = [*_unread(telemetry, window), *(why for trip in watched for why in _why_blind(trip, window))]
    if blind:
        return missing(METRIC, "; ".join(blind))
    if not watched:
        found = channels_of(telemetry, METRIC)
        return missing(METRIC, why_missing(METRIC, found, "every sensor that has a trip point is switched off"))
    return _nearest(watched, window, n_off=len(known) - len(watched))


def _unread(telemetry: Telemetry, window: Window) -> Iterator[str]:
    """Say why trip points have no temperature; a zone that has none says NOT_SUPPORTED."""
    for series in telemetry.named(channels.TEMPERATURE_LIMIT):
        is_known = bool(series.valued().value.size) or series.reasons() == {Reason.NOT_SUPPORTED}
        if not is_known and not _is_switched_off(_sensor(telemetry, series), window):
            yield series.why_empty()


def _nearest(watched: list[Trip], window: Window, *, n_off: int) -> Measurement:
    headrooms = [_headroom(trip, trip.sensor, window) for trip in watched if trip.sensor is not None]
    least = min(headrooms, key=lambda one: one.value_c)
    return Measurement(
        metric=METRIC,
        unit=METRICS[METRIC].unit,
        value=least.value_c,
        n=sum(one.n for one in headrooms),
        evidence=_evidence(least.trip, window, n_off=n_off),
    )


def _headroom(trip: Trip, sensor: Series, window: Window) -> _Headroom:
    read_c = sensor.valued().within(window).value
    headroom_c = round(trip.limit_c - float(read_c.max()), MILLI_DIGITS)
    return _Headroom(trip, headroom_c, int(read_c.size))


def _evidence(trip: Trip, window: Window, *, n_off: int) -> str:
    sampled = evidence_of(trip.sensor, window.plan) if trip.sensor is not None else ""
    off = f", {n_off} switched off" if n_off else ""
    return f"{sampled}: {trip.hw_id} came nearest{off}"


def _sensor(telemetry: Telemetry, limit: Series) -> Series | None:
    place = (pair for pair in limit.channel.attributes if pair[0] == channels.HW_ID)
    sensors = telemetry.named(channels.TEMPERATURE, *place)
    return sensors[0] if sensors else None


def _is_switched_off(sensor: Series | None, window: Window) -> bool:
    """Return whether every reading of the measured part said that the sensor has no power."""
    if sensor is None:
        return False
    reasons = sensor.within(window).reason
    return bool(reasons.size) and bool((reasons == Reason.OFFLINE).all())


def _why_blind(trip: Trip, window: Window) -> list[str]:
    if trip.sensor is None:
        return [f"no channel reads the temperature of {trip.hw_id}"]
    inside = trip.sensor.within(window)
    read_c = inside.valued().value
    if not read_c.size:
        return [trip.sensor.why_empty()]
    if not read_c.any():
        return [f"the sensor {trip.hw_id} reads 0 C all along"]
    return [] if (inside.reason == Reason.OFFLINE).any() else holes(window, trip.sensor)
