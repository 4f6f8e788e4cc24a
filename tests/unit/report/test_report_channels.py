"""Telemetry in tables: the channels, the three questions on throttling, the accelerator, evidence in all views."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pages
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_checks import HOSTILE, PASSED_MEMORY
from report_documents import make_document, make_passing

from hilrig.core.accelerator import Witness
from hilrig.core.telemetry import Channel, ChannelKind, Tier
from hilrig.core.verdict import Judgement
from hilrig.report.channel_table import FOLD_FROM, families
from hilrig.report.channel_words import attributes_of, in_words, name_of, short_label
from hilrig.report.junit import JunitSink
from hilrig.report.markdown import MarkdownSink
from hilrig.report.throttling import WINDOWS_MAX, answers
from telemetry_pages import answered, make_orin, make_proof, make_rtx
from telemetry_rows import make_row

EVIDENCE = "process, sampled at 10 Hz"
ATTRIBUTE_VALUES = st.text(st.characters(exclude_characters=",={}", codec="utf-8"), max_size=12)


def page_of(judgement: Judgement) -> str:
    return pages.page_of(make_document(judgement)).text


@given(st.dictionaries(st.from_regex(r"[a-z][a-z.]{0,8}[a-z]", fullmatch=True), ATTRIBUTE_VALUES, max_size=3))
def test_a_key_is_read_back_as_it_was_made(attributes: dict[str, str]) -> None:
    """Name and attributes come out of a channel's key as they went in, spaces and slashes included."""
    channel = Channel(
        name="hw.temperature",
        unit="Cel",
        kind=ChannelKind.GAUGE,
        tier=Tier.SLOW,
        source="",
        attributes=tuple(attributes.items()),
    )
    assert name_of(channel.key) == "hw.temperature"
    assert attributes_of(channel.key) == attributes


@given(st.text(max_size=40))
def test_any_text_is_a_key(key: str) -> None:
    """A key that nobody made still has a name and a label: a page is never refused for it."""
    assert isinstance(short_label(key), str)
    assert isinstance(attributes_of(name_of(key)), dict)


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("hw.temperature{hw.id=zone/gpu-thermal}", "gpu-thermal"),
        ("hilrig.process.gpu.memory.usage{hw.id=gpu0,hilrig.memory=unified}", "gpu0 target"),
        ("hw.gpu.memory.usage{hw.id=gpu0}", "gpu0 device"),
        ("system.cpu.frequency{cpu.logical_number=*}", "all CPUs"),
        ("process.memory.usage", "target"),
        ("hw.power", "hw.power"),
    ],
)
def test_a_label_tells_a_channel_from_its_neighbours(key: str, label: str) -> None:
    """On a panel only what differs is written."""
    assert short_label(key) == label


def test_values_are_in_units_of_people() -> None:
    """MHz, MiB, ms and per cent in text; a state that is not a ratio stays a number; missing is not 0."""
    assert in_words("hilrig.hw.gpu.clock.frequency", "Hz", 1.02e9) == "1,020 MHz"
    assert in_words("process.memory.usage", "By", 3.5 * (1 << 20)) == "3.5 MiB"
    assert in_words("hilrig.hw.throttle.time", "ns", 43.9e9) == "43,900 ms"
    assert in_words("hw.gpu.utilization{hw.id=gpu0}", "1", 0.63) == "63 %"
    assert in_words("hilrig.hw.throttle.state", "1", 1.0) == "1"
    assert in_words("hw.temperature", "Cel", None, "OFFLINE") == "not measured: OFFLINE"


def test_every_channel_is_in_exactly_one_family() -> None:
    """No channel of a rig gets lost between the tables, unknown names included."""
    channels = (*make_rtx().channels, *make_orin().channels, make_row("something.new", "W", value=1.0))
    shown = [
        (row.title, row.detail)
        for family in families(channels)
        for rows in (family.rows, *(group.rows for group in family.folded))
        for row in rows
    ]
    assert len(shown) == len(channels)
    assert ("something.new", "") in shown


def test_a_list_of_cpus_is_folded_with_its_span() -> None:
    """Eight clocks are one line until somebody opens it; what was not measured is said in it."""
    clocks = [
        make_row(f"system.cpu.frequency{{cpu.logical_number={cpu}}}", "Hz", value=(cpu + 1) * 1e8)
        for cpu in range(7)
    ]
    silent = make_row("system.cpu.frequency{cpu.logical_number=7}", "Hz", reason="ABSENT")
    (family,) = families([*clocks, silent])
    assert family.rows == ()
    assert family.folded[0].summary == "system.cpu.frequency: 8 channels, 100 MHz to 700 MHz, 1 not measured"


def test_sensors_of_a_board_stay_open() -> None:
    """What an engineer looks for first is not hidden, up to where a list is too long to be read."""
    zones = [make_row(f"hw.temperature{{hw.id=zone/{zone}}}", "Cel", value=50.0) for zone in range(FOLD_FROM)]
    assert families(zones[:-1])[0].folded == ()
    assert families(zones)[0].rows == ()


def test_a_channel_says_how_it_is_known() -> None:
    """Source and evidence are on the page; a channel without a value says why, a gauge that it has no change."""
    page = page_of(make_orin())
    assert "sampled at 10 Hz devfreq/17000000.gpu" in page
    assert "counted over the whole run cooling_device3/stats" in page
    assert "NO_PERMISSION (nvmap debugfs: run as root)" in page
    assert "— a gauge" in page


def test_a_counter_without_both_edges_has_no_change() -> None:
    """Its growth is unknown, which is neither 0 nor that it does not apply."""
    row = make_row("hw.energy{hw.id=gpu0}", "J", value=5.0, kind="counter")
    assert families([row])[0].rows[0].cells[-1] == "— not known"


def test_throttling_is_answered_as_three_questions() -> None:
    """Each has its word, its numbers and how they are known, or why they are not."""
    found = answers(make_rtx().measurements)
    assert [answer.word for answer in found] == ["yes", "no", "not known"]
    page = page_of(make_rtx())
    assert "time in thermal throttling: 43,900 ms counted over the whole run (gpu0)" in page
    assert "under-voltage: not measured: no channel of this rig tells of its supply voltage" in page


def test_a_question_without_a_number_is_not_answered_with_no() -> None:
    """A result of before these measurements knows nothing of them."""
    assert [answer.word for answer in answers([])] == ["not known"] * 3
    assert page_of(replace(make_orin(), measurements=())).count("this result has no such number") == 3


def test_numbers_on_throttling_are_in_their_own_table_only() -> None:
    """They are not repeated under all other numbers."""
    alone = replace(make_orin(), channels=(), checks=())
    assert page_of(alone).count("peaks of over-current") == 1
    assert "power mean 11.2 W n 2 from the energy counter of the board" in page_of(alone)


def test_stretches_of_throttling_are_listed_up_to_a_point() -> None:
    """When, which device, why; a run that throttled all the time does not make the page endless."""
    page = page_of(make_orin())
    assert "5:20.0 6:02.0 gpu-throttle-alert thermal counted" in page
    window = make_orin().throttle_windows[0]
    many = tuple(replace(window, begin_s=float(index), end_s=index + 0.5) for index in range(WINDOWS_MAX + 5))
    assert "5 more are in result.json" in page_of(replace(make_orin(), throttle_windows=many))


def test_the_accelerator_is_shown_with_its_witnesses() -> None:
    """What was asked for, who did the work, and whether the device was seen working."""
    page = page_of(make_rtx())
    assert "CUDAExecutionProvider 57 570 99.1 % ≥ 90 %" in page
    assert "hw.gpu.utilization{hw.id=gpu0} 1 % 63 % it rose: the device worked" in page
    assert "not measured: NO_PERMISSION (nvmap debugfs)" in page
    idle = Witness(channel="hw.gpu.utilization", unit="1", before=0.0, during=0.0, rose=False)
    proof = replace(make_proof("CUDAExecutionProvider", share_pct=99.0), witnesses=(idle,))
    assert "0 % 0 % it did not rise" in page_of(replace(make_rtx(), accelerator=proof))


def test_a_run_without_an_accelerator_has_no_such_section() -> None:
    """Nothing was asked for: neither a section nor a link to one."""
    page = pages.page_of(make_passing())
    assert "accelerator" not in page.ids
    assert "#accelerator" not in page.having("href")


def test_an_empty_proof_is_no_blank() -> None:
    """A probe that saw nothing says so in words."""
    proof = replace(make_proof("X", share_pct=0.0), asked=(), available=(), active=(), shares=(), witnesses=())
    page = page_of(replace(make_rtx(), accelerator=proof))
    assert "the probe recorded no node execution" in page
    assert "no telemetry channel can see this device work" in page


def test_how_an_observation_is_known_is_in_every_view() -> None:
    """Page, summary and JUnit carry the evidence of a check that has one."""
    judgement = replace(make_passing().result.judgement, checks=(replace(PASSED_MEMORY, evidence=EVIDENCE),))
    document = make_document(judgement)
    assert f"n 2 · {EVIDENCE}" in page_of(judgement)
    assert f"487.2 MiB ({EVIDENCE})" in MarkdownSink().render(document).decode()
    case = ET.fromstring(JunitSink().render(document)).find(".//testcase")
    assert {row.get("name"): row.get("value") for row in case.iter("property")}["evidence"] == EVIDENCE


def test_hostile_telemetry_is_text_on_the_page() -> None:
    """Keys, sources, devices, providers and evidence of strangers bring no markup in."""
    judgement = make_rtx()
    proof = replace(
        make_proof(HOSTILE, share_pct=50.0),
        distribution=HOSTILE,
        witnesses=(Witness(channel=HOSTILE, unit=HOSTILE, before=1.0, during=2.0, rose=True),),
    )
    hostile = replace(
        judgement,
        accelerator=proof,
        telemetry_series=tuple(
            replace(one, key=f"{name_of(one.key)}{{hw.id={HOSTILE}}}") for one in judgement.telemetry_series
        ),
        channels=(make_row(HOSTILE, HOSTILE, value=1.0, kind=HOSTILE, source=HOSTILE),),
        throttle_windows=tuple(
            replace(one, hw_id=HOSTILE, cause=HOSTILE, evidence=HOSTILE) for one in judgement.throttle_windows
        ),
        measurements=(answered("thermal_throttle_events", "events", 1.0, evidence=HOSTILE),),
    )
    page = pages.page_of(make_document(hostile))
    assert len(page.run_scripts) == 1
    assert all(attrs["src"].startswith("data:image/") for tag, attrs in page.elements if tag == "img")
    assert not set(page.source) & set("\x00\x1b\u202e")


@pytest.mark.parametrize("make", [make_orin, make_rtx])
def test_a_page_with_telemetry_is_small_and_has_no_blank(make) -> None:
    """With all panels it can still be mailed, and no cell is empty."""
    source = pages.page_of(make_document(make())).source
    assert len(source) < 300_000
    assert not re.search(r"<(td|dd|th|dt)[^>]*>[\s—]*</\1>", source)
    assert not re.search(r"\b(None|nan|inf|Undefined)\b", page_of(make()))
