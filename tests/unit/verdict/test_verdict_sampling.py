"""hilrig.verdict.telemetry.sampling: what the record says of its own sampling."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import Curve, edges_ns, make_capability, make_plan, make_record, rising, steady
from hilrig.core import channels
from hilrig.core.telemetry import GC_PAUSE, HOST_STALL, Channel, ChannelKind, Exactness, Reason, Tier
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.report.tables import instrument_rows
from hilrig.verdict.findings import find
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.telemetry.sampling import evidence_of, measure_sampling
from hilrig.verdict.telemetry.summary import summarise
from hilrig.verdict.window import cut

PLAN = make_plan(n_measured=600)
"""20 s at 30 fps: 200 rounds."""

START_NS, END_NS = edges_ns(PLAN)
PERIOD_NS = 100 * NS_PER_MS
MEMORY = make_capability("process.memory.usage")
LATENESS = make_capability(channels.ROUND_LATENESS, unit="ns")
CPU = make_capability(channels.SAMPLER_CPU_TIME, unit="s", kind=ChannelKind.COUNTER, tier=Tier.SLOW)


def rounds(values, capability=MEMORY):
    """Return one reading in each tick of the measured part, half a period after it."""
    moments = range(START_NS + PERIOD_NS // 2, END_NS, PERIOD_NS)
    return Curve(capability=capability, points=tuple(zip(moments, values, strict=False)))


def measured(*curves, width_ns=0, plan=PLAN):
    record = make_record(plan, curves=curves)
    record.readings["width_ns"] = width_ns
    found = measure_sampling(Telemetry(record), cut(record))
    return {measurement.metric: measurement for measurement in found}


def without(curve, *indices):
    return replace(curve, points=tuple(p for i, p in enumerate(curve.points) if i not in indices))


WHOLE = rounds([1.0] * 200)


def test_a_round_in_every_period_is_full_coverage():
    """200 rounds of 200 are 100 %, the largest gap is the period."""
    found = measured(WHOLE)
    assert (found["telemetry_coverage_pct"].value, found["telemetry_coverage_pct"].n) == (100.0, 200)
    assert found["telemetry_gap_max_ms"].value == 100.0


def test_missed_rounds_lower_the_coverage_and_widen_the_gap():
    """Three rounds missed in a row are 1.5 % of 200 and a gap of four periods."""
    found = measured(without(WHOLE, 50, 51, 52))
    assert found["telemetry_coverage_pct"].value == pytest.approx(98.5)
    assert found["telemetry_gap_max_ms"].value == 400.0


@pytest.mark.parametrize("missing", [range(100, 200), range(100)], ids=["end", "start"])
def test_a_gap_at_an_end_counts(missing):
    """A sampler that starts late or stops early leaves a gap to the end of the measured part."""
    found = measured(without(WHOLE, *missing))
    assert found["telemetry_gap_max_ms"].value == pytest.approx(10_050.0)
    assert found["telemetry_coverage_pct"].value == 50.0


def test_a_failed_read_is_a_round_all_the_same():
    """That a source did not answer is not the fault of the sampling."""
    assert measured(rounds([Reason.OFFLINE] * 200))["telemetry_coverage_pct"].value == 100.0


def test_the_busiest_sampled_channel_stands_for_the_rounds():
    """Neither a channel that is silent nor one that writes as things happen hides or invents rounds."""
    silent = Curve(capability=make_capability("hw.gpu.utilization", reason=Reason.ABSENT), points=())
    stalls = Curve(
        capability=make_capability(HOST_STALL, unit="ns"),
        points=tuple((START_NS + n * NS_PER_MS, 1.0) for n in range(900)),
    )
    found = measured(silent, stalls, without(WHOLE, *range(0, 200, 2)))
    assert (found["telemetry_coverage_pct"].value, found["telemetry_coverage_pct"].n) == (50.0, 100)


def test_readings_outside_of_the_measured_part_do_not_count():
    """Rounds of the warm-up make up for none that was missed."""
    warm_up = tuple((START_NS - n * NS_PER_MS, 1.0) for n in range(1, 100))
    curve = without(WHOLE, *range(100))
    assert measured(replace(curve, points=warm_up + curve.points))["telemetry_coverage_pct"].value == 50.0


def test_nothing_taken_is_no_coverage_and_no_gap():
    """Without any round the coverage is 0 %, which is known; how late and how wide they were is not."""
    found = measured(replace(WHOLE, points=()), replace(WHOLE, points=(), capability=LATENESS))
    assert (found["telemetry_coverage_pct"].value, found["telemetry_coverage_pct"].n) == (0.0, 0)
    for metric in ("telemetry_gap_max_ms", "telemetry_lateness_p99_us", "telemetry_batch_p99_us"):
        assert (found[metric].value, found[metric].reason) == (
            None,
            "no round of telemetry was taken in the measured part",
        )


def test_lateness_is_a_nearest_rank_in_microseconds():
    """Of 200 rounds, the 198th is p99: two late ones of a hundred show, two of two hundred do not."""
    late = [50_000.0] * 198 + [9_000_000.0] * 2
    found = measured(rounds(late, LATENESS))
    assert found["telemetry_lateness_p50_us"].value == 50.0
    assert found["telemetry_lateness_p99_us"].value == 50.0
    worse = measured(rounds([*late[1:], 9_000_000.0], LATENESS))
    assert worse["telemetry_lateness_p99_us"].value == 9_000.0
    assert worse["telemetry_lateness_p99_us"].n == 200


def test_the_width_of_a_round_is_its_batch():
    """How long a round took comes from its own rows."""
    found = measured(WHOLE, width_ns=np.uint32(4_000_000_000))
    assert found["telemetry_batch_p99_us"].value == 4_000_000.0


def test_the_cost_is_the_growth_over_the_measured_part():
    """0.1 s of CPU time in 20 s are half a per cent of a core."""
    found = measured(WHOLE, rising(PLAN, CPU, 3.0, 3.1))
    assert found["telemetry_cpu_pct"].value == pytest.approx(0.5)


def test_what_was_spent_before_the_measured_part_is_not_charged_to_it():
    """A reading of a second before the start, with loading in between, does not count."""
    curve = rising(PLAN, CPU, 3.0, 3.1)
    early = replace(curve, points=((START_NS - NS_PER_S, 1.0), *curve.points))
    assert measured(WHOLE, early)["telemetry_cpu_pct"].value == pytest.approx(0.5)


@pytest.mark.parametrize("kept", [slice(0, 1), slice(100, None), slice(0, -20), slice(0, 0)])
def test_a_cost_without_both_ends_is_not_measured(kept):
    """A counter that lacks an end says nothing of the time between."""
    curve = rising(PLAN, CPU, 3.0, 3.1)
    found = measured(WHOLE, replace(curve, points=curve.points[kept]))["telemetry_cpu_pct"]
    assert (found.value, found.reason) == (None, "its CPU time was not read at both edges of the measured part")


def test_a_cost_that_fell_is_not_measured():
    """A sampler that was started anew has no cost to tell."""
    found = measured(WHOLE, rising(PLAN, CPU, 3.0, 1.0))["telemetry_cpu_pct"]
    assert (found.value, found.reason) == (None, "its CPU time went back: the process was started anew")


def test_a_record_of_before_these_channels_says_so():
    """What an old run did not record is unknown, not 0; its rounds can be counted all the same."""
    found = measured(WHOLE)
    for metric, name in (
        ("telemetry_lateness_p50_us", channels.ROUND_LATENESS),
        ("telemetry_lateness_p99_us", channels.ROUND_LATENESS),
        ("telemetry_cpu_pct", channels.SAMPLER_CPU_TIME),
    ):
        assert (found[metric].value, found[metric].reason) == (None, f"the record has no channel {name}")
    assert found["telemetry_coverage_pct"].value == 100.0


def test_a_part_shorter_than_a_period_expects_no_round():
    """Two frames of a thirtieth of a second hold no round of a tenth."""
    plan = make_plan(n_measured=2)
    assert measured(WHOLE, plan=plan)["telemetry_coverage_pct"].value is None


def test_the_page_shows_them_as_the_instruments():
    """The names are taken up by the table of hilrig's own part, and read like a title."""
    record = make_record(PLAN)
    telemetry, window = Telemetry(record), cut(record)
    titles = [title for title, _ in instrument_rows(find(window, telemetry, ()).measurements)]
    assert {"telemetry coverage", "telemetry cpu"} <= set(titles)


@given(st.lists(st.tuples(st.integers(-300, 300), st.sampled_from([1.0, *Reason])), max_size=60))
def test_no_readings_make_it_say_the_impossible(points):
    """Whatever was recorded, in any order: a coverage within 0 and 100 %, a gap within the measured part."""
    moments = tuple((START_NS + at * PERIOD_NS, value) for at, value in points)
    found = measured(Curve(capability=LATENESS, points=moments), Curve(capability=CPU, points=moments))
    assert 0 <= found["telemetry_coverage_pct"].value <= 100
    gap_ms = found["telemetry_gap_max_ms"].value
    assert gap_ms is None or 0 <= gap_ms <= (END_NS - START_NS) / NS_PER_MS


def series(curve, plan=PLAN):
    return Telemetry(make_record(plan, curves=[curve])).series[0]


@pytest.mark.parametrize(
    ("tier", "period_ms", "words"),
    [
        (Tier.FAST, 100, "sampled at 10 Hz"),
        (Tier.FAST, 50, "sampled at 20 Hz"),
        (Tier.FAST, 300, "sampled at 3.33 Hz"),
        (Tier.SLOW, 100, "sampled at 1 Hz"),
        (Tier.SLOW, 300, "sampled at 1.11 Hz"),
        (Tier.EDGE, 100, "read at the start and at the end"),
    ],
)
def test_a_gauge_is_known_where_it_was_read(tier, period_ms, words):
    """The plan's period and the tier say how often that was."""
    plan = replace(PLAN, telemetry_period_ms=period_ms)
    channel = Channel(name="c", unit="Hz", kind=ChannelKind.GAUGE, tier=tier, source="s")
    capability = replace(MEMORY, channel=channel)
    assert evidence_of(series(steady(plan, capability, 1.0), plan), plan) == words


def test_a_true_peak_is_exact():
    """The kernel's own mark misses nothing, whatever its tier."""
    channel = Channel(
        name="peak", unit="By", kind=ChannelKind.GAUGE, tier=Tier.EDGE, source="s", exactness=Exactness.EXACT
    )
    assert evidence_of(series(steady(PLAN, replace(MEMORY, channel=channel), 1.0)), PLAN) == "exact"


def test_a_counter_is_counted_only_when_it_was_read_twice():
    """One reading of a counter is a number without a beginning."""
    curve = rising(PLAN, CPU, 1.0, 2.0)
    assert evidence_of(series(curve), PLAN) == "counted over the whole run"
    assert evidence_of(series(replace(curve, points=curve.points[:1])), PLAN) == "sampled at 1 Hz"


@pytest.mark.parametrize("name", [HOST_STALL, GC_PAUSE])
def test_what_is_written_as_it_happens_is_not_called_sampled(name):
    """Stalls and collections are told when they occur."""
    assert evidence_of(series(rounds([1.0], make_capability(name))), PLAN) == "written whenever it happened"


def test_the_table_of_channels_says_how_each_is_known():
    """A row with a value has its evidence, one without has its reason instead."""
    counter, gap = rising(PLAN, CPU, 1.0, 2.0), make_capability("hw.power", reason=Reason.NO_PERMISSION)
    other = make_capability("hw.energy", kind=ChannelKind.COUNTER, tier=Tier.SLOW)
    fell_silent = Curve(capability=other, points=counter.points[:30])
    record = make_record(PLAN, curves=[WHOLE, counter, Curve(capability=gap, points=()), fell_silent])
    rows = summarise(Telemetry(record), cut(record))
    assert [row.evidence for row in rows] == [
        "sampled at 10 Hz",
        "counted over the whole run",
        "",
        "sampled at 1 Hz",
    ]
    assert rows[3].delta is None
    assert rows[1].delta == pytest.approx(1.0)
