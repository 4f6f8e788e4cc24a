"""The sections of a page that has everything: cause, budgets, shares, worst frames, baseline, profile."""

import base64
import re
from dataclasses import replace

import pytest
from pages import page_of, source_without_style, with_judgement
from report_checks import HOSTILE
from report_documents import make_empty, make_passing
from report_evidence import CAUSES, JPEG, READINGS, make_baseline, make_budget, make_whole

from hilrig.core.analysis import MomentReading
from hilrig.core.document import Document, Thumbnail
from hilrig.core.verdict import CauseCount


@pytest.fixture
def whole() -> Document:
    """Return a run with all evidence."""
    return make_whole()


def test_five_seconds_tell_which_limit_by_how_much_and_why(whole: Document) -> None:
    """Before the first table: the verdict, the limit that is missed, by how much, and the leading cause."""
    text = page_of(whole).text
    head = text[: text.index("Observed, 99 % bounds, n")]
    assert "FAIL do not release Latency p99: 61.2 ms, over the limit of 45 ms" in head
    assert "By how much latency p99: 16.2 ms (36 %) over the limit of 45 ms" in head
    assert "Leading cause throttled, 412 of the 431 frames over a limit (95 %). The worst of them: gpu0" in head


def test_the_chart_stands_before_the_long_tables(whole: Document) -> None:
    """Sections are in the order of reading: what decides first, what explains next, what proves last."""
    order = ["limits", "budget", "latency", "stages", "causes", "worst", "detection", "instrument", "floor"]
    order += ["throttling", "telemetry", "numbers", "conditions", "reading", "signature", "profile"]
    assert [name for name in page_of(whole).ids if name in order] == order


def test_the_run_is_named_above_its_verdict(whole: Document) -> None:
    """Run, rig, machine, model, pipeline, times, operator and hilrig's version come first."""
    text = page_of(whole).text
    head = text[: text.index("FAIL do not release")]
    for fact in (
        f"Run {whole.result.run_id}",
        "Rig local, x86-cpu",
        "Machine Debian GNU/Linux 12",
        "Model model.onnx a1b2c3d4…d4",
        "Pipeline 9f9f9f9f…9f",
        "Start 2026-11-20 21:00:04 UTC",
        "Measured 10 min",
        "Operator M. Weber",
        "hilrig 0.1.0",
    ):
        assert fact in head


def test_a_note_is_shown_only_where_there_is_one(whole: Document) -> None:
    """Nobody reads an empty line about nothing."""
    assert "Note of the operator: New lens. Second shift." in page_of(whole).text
    assert "Note of the operator" not in page_of(make_passing()).text


def test_every_reason_of_an_undecided_verdict_is_listed(inconclusive: Document) -> None:
    """All of them, with what to do; the sentence alone names three at most."""
    text = page_of(inconclusive).text
    head = text[: text.index("The run did not complete")]
    assert "Not certain" in head
    assert "The wall clock was stepped during the run. What to do: Stop NTP stepping" in head
    assert "GPU memory was not measured: no NVML on this rig." in head
    assert "What to do: measure about 18 s more" in head


def test_a_budget_says_how_much_is_allowed_and_how_much_is_used(whole: Document) -> None:
    """In words and as a bar; one that is used up says so, and not by colour alone."""
    text = page_of(whole).text
    assert "latency p99 180 of 18,000 frames may be over 45 ms; used 431 (239 %) used up" in text
    assert "dropped frames 90 of 18,000 frames may be dropped; used 4 (4 %)" in text


def test_a_page_without_budgets_has_no_such_section() -> None:
    """Neither the section nor a link to it."""
    source = page_of(make_passing()).source
    assert 'id="budget"' not in source
    assert 'href="#budget"' not in source


def test_stages_are_shown_for_all_frames_and_for_the_slowest(whole: Document) -> None:
    """What grows in the slowest 1 % is what makes frames slow: both shares stand side by side, as numbers."""
    text = page_of(whole).text
    assert "of the slowest 1 % of them (180 frames)" in text
    assert "waiting in the queue 1.500 ms 6.8 % 4.500 ms 41.3 %" in text


def test_a_worst_frame_leads_to_its_moment_on_the_chart(whole: Document) -> None:
    """Its number is a link that carries the moment, and a place that others can link to."""
    page = page_of(whole)
    links = [attrs for tag, attrs in page.elements if tag == "a" and "data-zoom-s" in attrs]
    assert {"href": "#latency", "data-zoom-s": "333.000"} in links
    assert "frame-10000" in page.ids


def test_a_worst_frame_shows_what_stood_at_that_moment(whole: Document) -> None:
    """Cause, content, decision, the sensors' last readings with their age, the picture or why there is none."""
    page = page_of(whole)
    moment = page.after("The number leads to the moment")
    assert "throttled: gpu0 throttled (thermal) content in it: no defect; found: no decision" in moment
    assert "temperature gpu-thermal 91.5 °C 412 ms before" in moment
    assert "GPU clock gpu0 612 MHz 40 ms before" in moment
    assert "throttled gpu0 yes 40 ms before" in moment
    assert "no picture: the feed's files have changed" in moment
    assert "no picture: none was kept" in moment
    assert "data:image/jpeg;base64," + base64.b64encode(JPEG).decode() in page.having("src")
    assert any("frame 10000 as the camera showed it" in alt for alt in page.having("alt"))


def test_a_wrong_decision_is_named(whole: Document) -> None:
    """Found where nothing was, and found what was there, are two things that are told apart in words."""
    text = page_of(whole).text
    assert "in it: no defect; found: porosity (wrong)" in text
    assert "in it: porosity; found: porosity (right)" in text


def test_a_frame_without_evidence_has_nothing_to_open() -> None:
    """A result of before has neither readings nor pictures: the row is the stamps and the cause."""
    source = source_without_style(page_of(make_passing()))
    assert "moment-parts" not in source
    assert "no picture" not in source


def test_the_baseline_stands_beside_each_limit(whole: Document) -> None:
    """Its number, the change, what the bounds of both say; and which run it is, with what else differs."""
    text = page_of(whole).text
    assert "Baseline: run 2026-11-13T21-00-04Z-weld-station-19aa of 2026-11-13 21:00:04 UTC" in text
    assert "Not the same there: rate: 25 fps there; stack: another kernel." in text
    assert "25.9 ms +35.3 ms (+136.3 %) worse, beyond both runs' bounds" in text
    assert "10 min no change its limit was ≥ 5 min" in text
    assert "— no such limit in that run" in text


def test_without_a_baseline_there_is_no_column_for_it() -> None:
    """The table is as wide as what it shows."""
    assert "Baseline, change" not in page_of(make_passing()).text


def test_a_limit_leads_to_its_line_of_the_profile(whole: Document) -> None:
    """The profile is in the page, each line with its number; a limit's link is to the line of its source."""
    page = page_of(whole)
    assert "#profile-L21" in page.having("href")
    assert [name for name in page.ids if name.startswith("profile-L")] == [
        f"profile-L{line}" for line in range(1, len(whole.profile_text.splitlines()) + 1)
    ]
    lines = re.findall(r'<span id="profile-L\d+">(.*?)\n</span>', page.source, re.DOTALL)
    assert "\n".join(lines) == whole.profile_text.rstrip("\n")


def test_a_source_that_the_page_has_no_line_for_is_no_link(whole: Document) -> None:
    """A link into nothing would be a lie; so is the line of another file's profile."""
    page = page_of(replace(whole, profile_text="only: one\n"))
    assert not [value for value in page.having("href") if value.startswith("#profile-L")]
    assert "The profile is not in this page" in page_of(replace(whole, profile_text="")).text


def test_passing_self_checks_are_folded(whole: Document) -> None:
    """What holds is one line that can be opened; what does not hold is open."""
    source = source_without_style(page_of(whole))
    section = source[source.index('id="instrument"') : source.index('id="floor"')]
    assert section.index("clock.steps") < section.index("<details>") < section.index("feeder.lateness")
    assert "1 of 2 self-checks hold" in section


def test_an_empty_judgement_says_so_everywhere() -> None:
    """Nothing measured is nowhere a 0: every section says that there is nothing, and why."""
    text = page_of(make_empty()).text
    for words in (
        "No limit was checked",
        "not measured: no stage was timed",
        "not measured: the run has no measured frame",
        "not measured: no decided frame of this feed has a known truth",
        "not measured: this rig has no telemetry channel",
        "not measured: this run was made without a self-test",
        "Nothing is known about the rig",
    ):
        assert words in text


def hostile(document: Document) -> Document:
    """Return the document with the hostile string in every text that a stranger can put into a run."""
    judgement = document.result.judgement
    worst = tuple(
        replace(
            frame,
            evidence=HOSTILE,
            truth=(HOSTILE,),
            found=(HOSTILE,),
            readings=(MomentReading(key=HOSTILE, unit=HOSTILE, value=1.0, age_ms=1.0), *READINGS),
        )
        for frame in judgement.worst_frames
    )
    baseline = replace(
        make_baseline(),
        run_id=HOSTILE,
        rig=HOSTILE,
        profile_name=HOSTILE,
        device_class=HOSTILE,
        hilrig_version=HOSTILE,
        model_bundle_sha256=HOSTILE,
        started_at_utc=HOSTILE,
        checks=tuple(replace(one, observed_text=HOSTILE, comparator=HOSTILE) for one in make_baseline().checks),
        differs=(HOSTILE,),
    )
    changed = with_judgement(
        document,
        worst_frames=worst,
        causes=tuple(replace(cause, evidence=HOSTILE) for cause in CAUSES),
        change_points=tuple(replace(one, metric=HOSTILE, nearby=(HOSTILE,)) for one in judgement.change_points),
        budgets=(make_budget(HOSTILE, n_allowed=0, n_used=3),),
        stage_shares=tuple(replace(share, stage=HOSTILE) for share in judgement.stage_shares),
    )
    result = replace(
        changed.result,
        operator=HOSTILE,
        note=HOSTILE,
        model_files_sha256={HOSTILE: HOSTILE},
        model_bundle_sha256=HOSTILE,
        rig_info={"facts": {"board": HOSTILE, "os": HOSTILE, "power_mode": HOSTILE}},
    )
    return replace(
        changed,
        result=result,
        profile_text=f"{HOSTILE}\u2028# {HOSTILE}\r\n",
        thumbnails=(Thumbnail(frame_id=10_000, width_px=1, height_px=1, jpeg=b"", reason=HOSTILE),),
        baseline=baseline,
    )


def test_hostile_text_is_text_in_every_section(whole: Document) -> None:
    """Operator, note, model, labels, evidence, baseline, profile, pictures: no markup, no mark that turns text."""
    page = page_of(hostile(whole))
    assert page.open == []
    assert len(page.run_scripts) == 1
    assert all(attrs["src"].startswith("data:image/") for tag, attrs in page.elements if tag == "img")
    assert not set(page.source) & set("\x00\x1b\u202e\u2028")
    assert page.text.count("</script><img src=x onerror=alert(1)>") > 100
    assert len(page.ids) == len(set(page.ids))


def test_a_cause_without_evidence_is_no_blank_cell(whole: Document) -> None:
    """A cause of which nothing more is known says that."""
    bare = tuple(CauseCount(cause=one.cause, n_frames=1, evidence="") for one in CAUSES)
    page = page_of(with_judgement(whole, causes=bare))
    assert not re.search(r"<(td|dd|th|dt)[^>]*>[\s—]*</\1>", page.source)
