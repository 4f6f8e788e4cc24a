"""`make chaos` finds what is broken: faults are planted here, one for each kind of invariant."""

import itertools
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from chaos import afterwards
from chaos.afterwards import all_ended, finished_stands, nothing_lies_about, refused, verified
from chaos.course import course, planned
from chaos.place import MARK, Called, Place, digest_of
from chaos.round import Base, Round
from chaos.said import wrong_with
from chaos.scenarios import SCENARIOS
from finished_soaks import finish_soak
from going_on import wait_for
from hilrig.app.finished.conclude import conclude
from hilrig.attest.keys import load_signer
from hilrig.core import files
from hilrig.rig.lease import RigLease

FINE = Called(words=("verify",), code=0, out="verified\n", err="", took_s=1.0)


@pytest.fixture(scope="module")
def soak(tmp_path_factory):
    """Return a finished run, its key in a folder that is a HILRIG_HOME."""
    return finish_soak(tmp_path_factory.mktemp("chaos") / "home")


@pytest.fixture
def round_(soak, tmp_path):
    """Return a round in a place of its own, with a copy of the finished run among its reports."""
    home = soak.run_dir.parents[1]
    place = Place(tmp_path / "round", home)
    subprocess.run(["cp", "-a", soak.run_dir, place.reports], check=True)
    yield Round(title="", drawn={}, place=place, base=Base(home=home, finished=soak.run_dir, shim=None))
    place.close()


def copied(round_: Round) -> Path:
    (run_dir,) = round_.place.run_dirs()
    return run_dir


def test_the_same_seed_gives_the_same_rounds():
    """Scenarios, their order and all that is drawn; another seed gives others; a round needs none before it."""
    first, again, other = (list(map(str, itertools.islice(course(SCENARIOS, seed), 40))) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    scenarios = {one.name: one for one in SCENARIOS}
    name, _, number = first[-1].partition(":")[0].partition(" ")
    assert str(planned(scenarios[name], 7, int(number))) == first[-1]


def test_every_scenario_comes_up():
    """None is left out by its weight."""
    names = {one.scenario.name for one in itertools.islice(course(SCENARIOS, 1), 200)}
    assert names == {one.name for one in SCENARIOS}


def test_a_changed_directory_that_verifies_is_found(round_, soak):
    """A colleague with the key judges invented evidence: hilrig cannot know, the round does."""
    run_dir = copied(round_)
    before = digest_of(run_dir)
    refused(round_, run_dir, before)
    assert round_.broken == []  # nothing was changed
    (run_dir / files.RESULT).unlink()
    plan = run_dir / files.PLAN
    plan.write_bytes(plan.read_bytes().replace(b"M. Weber", b"M. Meier"))
    conclude(run_dir, load_signer(soak.private_key, passphrase=None))
    refused(round_, run_dir, before)
    assert ["was changed, and verify gave" in one for one in round_.broken] == [True]


def test_a_finished_run_that_does_not_verify_any_more_is_found(round_):
    """One byte of its evidence."""
    run_dir = copied(round_)
    verified(round_, run_dir, may_pass=True)
    assert round_.broken == []
    before = digest_of(run_dir)
    with (run_dir / files.EVENTS).open("ab") as events:
        events.write(b"x")
    verified(round_, run_dir, may_pass=True)
    finished_stands(round_, run_dir, before)
    assert ["was finished with 10, verify: 30" in one for one in round_.broken] == [True, False]
    assert files.EVENTS in round_.broken[1]


def test_a_disturbed_run_that_passed_is_found(round_, monkeypatch):
    """Whatever it says of itself: a command that answers 0 over a run that was hit breaks the round."""
    monkeypatch.setattr(Place, "look", lambda *_: FINE)
    verified(round_, copied(round_), may_pass=False)
    assert any("was disturbed, and passed" in one for one in round_.broken)


def test_what_lives_on_is_found(round_, monkeypatch):
    """A process whose parents are gone, a lease that somebody holds, a file in TMPDIR."""
    monkeypatch.setattr(afterwards, "GONE_S", 0.2)
    nothing_lies_about(round_)
    assert round_.broken == []
    orphan = "import os, time; os.fork() and os._exit(0); os.setsid(); time.sleep(60)"
    environment = os.environ | {MARK: round_.place.mark}
    subprocess.run([sys.executable, "-c", orphan], env=environment, check=True)
    (round_.place.tmp / "hilrig-left").touch()
    with RigLease(round_.place.home, run_id="another"):
        all_ended(round_)
    nothing_lies_about(round_)
    assert [one.partition(":")[0] for one in round_.broken] == [
        "processes live on",
        "the rig's lease is held by nobody who lives",
        "left behind",
    ]
    wait_for(lambda: not round_.place.processes())  # a killed one is there a moment longer


SAID = {
    "a traceback": (1, "Traceback (most recent call last):\nKeyError: 'x'\n", "a Python traceback, KeyError"),
    "a crash": (1, "error: something\n", "exit code 1"),
    "no sentence": (22, "", "exit code 22 without an error"),
    "python's words": (22, "error: [Errno 5] Input/output error\n", "an error in Python's words"),
    "a signal": (-11, "", "it died of signal 11"),
    "control characters": (2, "error: unknown key '\x1b[2J'\n", "control characters"),
    "too long": (2, f"error: {'x' * 2000}\n", "an error of 2007 characters"),
    "a hang": (None, "", "it hung"),
}


@pytest.mark.parametrize("kind", SAID)
def test_what_a_command_owes_its_caller_is_held_against_it(kind):
    """Each way of leaving a person alone with it is found; a plain answer and a plain refusal are not."""
    code, err, expected = SAID[kind]
    found = list(wrong_with(replace(FINE, code=code, out="", err=err)))
    assert any(one.startswith(expected) for one in found), found


def test_a_plain_answer_breaks_nothing():
    """PASS, a refusal with its sentence, a command that this test itself killed."""
    refusal = replace(FINE, code=22, out="", err="error: no key\nnext: hilrig keys new\n")
    assert [*wrong_with(FINE), *wrong_with(refusal), *wrong_with(replace(FINE, code=-9), killed=True)] == []
