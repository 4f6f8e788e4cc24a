"""hilrig.cli.rigs.progress: every rig has its line, and a log of thirty rigs is still read."""

from pathlib import Path

import pytest

from hilrig.app.rigs.many_rigs import RigOutcome, RigState, Stage
from hilrig.app.run.process import Finished
from hilrig.cli.rigs import progress as shown
from hilrig.core.errors import RigBusyError
from matrices import make_rig


def state(rig="a", stage=Stage.RUNNING, phase="measure", **changes) -> RigState:
    return RigState(rig=rig, stage=stage, status={"phase": phase}, **changes)


def done(rig="a", *, code=None, error=None) -> RigState:
    finished = None if code is None else Finished(run_dir=Path("/r"), exit_code=code)
    outcome = RigOutcome(rig=make_rig(rig), finished=finished, error=error, status={})
    return RigState(rig=rig, stage=Stage.DONE, status={"phase": "done"}, outcome=outcome)


@pytest.fixture
def lines(monkeypatch):
    told: list[str] = []
    monkeypatch.setattr(shown, "note", told.append)
    return told


def test_every_stage_has_its_words():
    """Queued, busy with the holder, running, each verdict, an error with its code."""
    assert shown.describe_state(state(stage=Stage.QUEUED)) == "waits for its turn"
    assert "held by eva" in shown.describe_state(state(stage=Stage.BUSY, why="held by eva"))
    assert shown.describe_state(state(phase="self-test")).startswith("self-test")
    assert shown.describe_state(done(code=10)) == "FAIL (exit 10)"
    assert shown.describe_state(done(error=RigBusyError("held by eva"))) == "exit 20: held by eva"


def test_a_line_is_printed_when_a_phase_changes_and_not_at_every_look(lines):
    """Twice the same is one line; another phase, another stage and the end are new ones, each once."""
    show = shown._Lines().show
    for states in ([state()], [state()], [state(phase="judging")], [done(code=0)], [done(code=0)]):
        show(states)
    assert len(lines) == 3
    assert lines[-1] == "a: PASS (exit 0)"


def test_a_long_phase_gives_a_sign_now_and_then(lines, monkeypatch):
    """After thirty seconds, not before; a rig that is only waited for gives none."""
    now_s = [0.0]
    monkeypatch.setattr(shown.time, "monotonic", lambda: now_s[0])
    show = shown._Lines().show
    busy = state("b", stage=Stage.BUSY, why="held")
    for at_s in (0, 29, 31, 40):
        now_s[0] = at_s
        show([state(), busy])
    assert [line.partition(":")[0] for line in lines] == ["a", "b", "a"]


def test_the_table_shows_those_that_run_first():
    """A screen of twenty lines cuts the end off: the rigs that are done stand there, and their number last."""
    table = shown._rows([done("a", code=0), state("b", stage=Stage.QUEUED), state("c")])
    cells = list(table.columns[0].cells)
    assert [str(cell) for cell in cells] == ["c", "b", "a", "rigs"]
    assert str(list(table.columns[1].cells)[-1]) == "1 of 3 done"
