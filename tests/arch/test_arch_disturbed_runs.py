"""The tests' own patience with a shared machine: it excuses what the host did, and nothing else."""

import json

import pytest

import disturbed_runs
from disturbed_runs import N_TRIES, until_undisturbed


class Runs:
    """Attempts that each leave a run directory whose self-checks fail as listed."""

    def __init__(self, folder, *broken):
        self.folder, self.broken, self.n = folder, list(broken), 0

    def attempt(self) -> int:
        failed = self.broken[min(self.n, len(self.broken) - 1)]
        self.n += 1
        (self.folder / str(self.n)).mkdir()
        checks = [{"check_id": "run.complete", "ok": True}, *({"check_id": one, "ok": False} for one in failed)]
        text = json.dumps({"judgement": {"self_checks": checks}})
        (self.folder / str(self.n) / "result.json").write_text(text)
        return self.n

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def until_undisturbed(self) -> int:
        return until_undisturbed(self.attempt, lambda number: [self.folder / str(number)])


def test_a_disturbed_run_is_made_again_and_only_the_sound_one_is_left(tmp_path):
    """A stolen CPU or a late camera costs a try; what is looked at then is a run that neither hit."""
    runs = Runs(tmp_path, ["host.steal"], ["feeder.lateness"], [])
    assert runs.until_undisturbed() == 3
    assert runs.left() == ["3"]


def test_a_failure_of_another_kind_is_not_made_again(tmp_path):
    """What is not the machine's noise is for the test to judge at once."""
    runs = Runs(tmp_path, ["host.memory"])
    assert runs.until_undisturbed() == 1


def test_a_host_that_takes_the_cpus_in_every_try_skips_the_test(tmp_path):
    """As a run is INCONCLUSIVE then, so is its test."""
    runs = Runs(tmp_path, ["feeder.lateness"], ["host.steal"])
    with pytest.raises(pytest.skip.Exception, match=r"^hardware: .*host\.steal"):
        runs.until_undisturbed()
    assert runs.n == N_TRIES


def test_a_camera_that_is_late_every_time_on_its_own_cpus_is_not_excused(tmp_path, monkeypatch):
    """That may be hilrig's own fault: the last run is handed to the test."""
    monkeypatch.setattr(disturbed_runs, "gets_real_time", lambda: True)
    runs = Runs(tmp_path, ["feeder.lateness"])
    assert runs.until_undisturbed() == N_TRIES
    assert runs.left() == [str(N_TRIES)]


def test_a_camera_that_is_late_every_time_without_real_time_priority_skips_the_test(tmp_path, monkeypatch):
    """Beside other tests an ordinary user's camera waits for its turn: the reason says so."""
    monkeypatch.setattr(disturbed_runs, "gets_real_time", lambda: False)
    with pytest.raises(pytest.skip.Exception, match=r"^user: .*no real-time priority"):
        Runs(tmp_path, ["feeder.lateness"]).until_undisturbed()
