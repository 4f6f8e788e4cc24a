"""The power-loss test inside a run: its sign of life, its evidence, its end on request."""

import threading
from dataclasses import replace

import pytest

from builders import make_plan
from hilrig.app.power_loss import run as power_loss_run
from hilrig.app.power_loss.run import cut_before_run
from hilrig.config.noun_json import from_json
from hilrig.core import files
from hilrig.core.clock import SystemClock
from hilrig.core.errors import RunAbortedError
from hilrig.core.power_loss import Depth, PowerLossResult, PowerLossSpec
from hilrig.faults.wrong_store import Kind
from power_loss_subjects import write_subject

SPEC = PowerLossSpec(depths=(Depth.KILL,), subject_file="mine.yaml")


class Live:
    """Counts signs of life; asks for the end after some of them."""

    def __init__(self, *, ends_after=10_000):
        self.n_beats, self.told, self.threads = 0, [], set()
        self._ends_after = ends_after

    def __call__(self):
        self.n_beats += 1
        self.threads.add(threading.current_thread().name)
        return self.n_beats > self._ends_after

    def tell(self, **fields):
        self.told.append(fields["doing"])


def cut(folder, live):
    write_subject(folder / "mine.yaml", Kind.SOUND)
    plan = replace(make_plan(), power_loss=SPEC)
    cut_before_run(folder, plan, folder=folder, live=live, clock=SystemClock())


def test_a_plan_without_it_leaves_no_evidence(tmp_path):
    """Most runs."""
    cut_before_run(tmp_path, make_plan(), folder=tmp_path, live=Live(), clock=SystemClock())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.waiting
def test_its_result_is_evidence_and_it_shows_that_it_lives(tmp_path, monkeypatch):
    """In words with numbers, and from a thread of its own while a cut takes long."""
    monkeypatch.setattr(power_loss_run, "BEAT_S", 0.05)
    live = Live()
    cut(tmp_path, live)
    result = from_json(PowerLossResult, (tmp_path / files.POWER_LOSS).read_bytes(), what="it")
    assert (result.subject, result.required) == ("sound", (Depth.KILL,))
    assert result.depths[0].is_evidence
    assert "kill: sound: killing, 3 of 10" in live.told
    assert "power-loss heartbeat" in live.threads
    assert threading.active_count() == 1 or "power-loss heartbeat" not in {
        one.name for one in threading.enumerate()
    }


@pytest.mark.waiting
def test_it_ends_when_the_run_is_to_end(tmp_path):
    """Without evidence: what was not finished proves nothing."""
    with pytest.raises(RunAbortedError, match="power-loss test was stopped"):
        cut(tmp_path, Live(ends_after=3))
    assert not (tmp_path / files.POWER_LOSS).exists()
