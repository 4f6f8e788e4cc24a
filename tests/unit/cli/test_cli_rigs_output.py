from dataclasses import replace
from pathlib import Path

import pytest

from hilrig.app.rigs.conditions import Problem
from hilrig.app.rigs.examination import RigExamination
from hilrig.app.rigs.held import Held
from hilrig.app.rigs.overview import RigRow, RigState
from hilrig.cli.rigs.output import held_words, row_json, show_examination, show_rig, show_table, standing
from hilrig.core.rig import RigConditions, RigSpec

RIG = RigSpec(name="bench", transport="ssh", device_class="x86-cpu", labels={"board": "ipc"}, work_folder="w")
HELD = Held(
    holder="ada@desk",
    run_id="",
    note="fan test",
    since_utc="2026-11-21T11:20:33Z",
    until_utc="2026-11-21T13:20:59.123456Z",
)


def row(state: RigState, **changes) -> RigRow:
    """Return a row of the table."""
    return replace(RigRow(name="bench", path=Path("rigs/bench.yaml"), rig=RIG, state=state), **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "held by ada@desk since 2026-11-21 11:20 UTC until 2026-11-21 13:20 UTC: fan test"),
        (
            {"run_id": "r7", "note": "", "since_utc": ""},
            "held by ada@desk until 2026-11-21 13:20 UTC (a run, which renews it), run r7",
        ),
        ({"until_utc": None, "note": ""}, "held by ada@desk since 2026-11-21 11:20 UTC"),
        ({"holder": "", "since_utc": "", "until_utc": None, "note": ""}, "held by somebody"),
    ],
)
def test_who_holds_a_rig(changes: dict, words: str):
    """What is not known is left out, never filled in."""
    assert held_words(replace(HELD, **changes)) == words


def test_how_it_stands():
    """One state, one reason."""
    assert standing(row(RigState.FREE)) == "free"
    assert standing(row(RigState.OUT_OF_SERVICE, detail="fan")) == "out of service: fan"
    assert standing(row(RigState.HELD, held=HELD)).startswith("held by ada@desk")
    assert standing(row(RigState.HELD, detail="place p is held by bob")) == "held: place p is held by bob"


def test_the_table(capsys: pytest.CaptureFixture[str]):
    """Columns stand under each other, also for a file with mistakes; next steps follow."""
    broken = RigRow(
        name="a-very-long-name",
        path=Path("x.yaml"),
        rig=None,
        state=RigState.MISTAKES,
        detail="1 mistake",
        hint="h",
    )
    show_table((row(RigState.FREE), broken))
    assert capsys.readouterr().out.splitlines() == [
        "rig               class    transport  labels     state",
        "bench             x86-cpu  ssh        board=ipc  free",
        "a-very-long-name  -        -          -          mistakes: 1 mistake",
        "next for a-very-long-name: h",
    ]


def test_a_rig_in_words(capsys: pytest.CaptureFixture[str]):
    """Only the conditions that the file asks for."""
    rig = replace(RIG, conditions=RigConditions(max_temperature_c=55, no_foreign_gpu_processes=False))
    show_rig(rig)
    assert "asks for      1024 MiB free, at most 55 C, clock within 60 s\n" in capsys.readouterr().out


def test_problems_come_with_their_remedy(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """A rig with a problem is not called fit anywhere."""
    monkeypatch.setenv("NO_COLOR", "1")
    hot = Problem(condition="max_temperature_c", cause="CPU is at 61 degrees C", remedy="let it cool down")
    found = RigExamination(address="a", boot_id="b", python="3.11.2", problems=(hot,), doubts=("d",), held=HELD)
    show_examination(RIG, found)
    out = capsys.readouterr().out
    assert "broken   max_temperature_c: CPU is at 61 degrees C\n         next: let it cool down\n" in out
    assert "limited  d\n" in out
    assert "packages are there" not in out


def test_a_row_as_json():
    """Everything a script needs, unknown things null."""
    assert row_json(row(RigState.FREE))["held"] is None
    assert row_json(row(RigState.HELD, held=HELD))["held"]["note"] == "fan test"
    assert row_json(replace(row(RigState.MISTAKES), rig=None))["rig"] is None
