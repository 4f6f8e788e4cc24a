"""The depth file_calls on real programs: known stores, foreign ones through FUSE, records with a hole."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hilrig.core.errors import PreconditionError, RecordError, RunAbortedError
from hilrig.core.power_loss import Depth, UpdateStep, UpdateSubject
from hilrig.faults.asking import ask_all
from hilrig.faults.calibration import calibration_subjects, wrong_store_subject
from hilrig.faults.file_calls import run_file_calls
from hilrig.faults.fuse_recorder import why_not_fuse
from hilrig.faults.wrong_store import Kind

pytestmark = pytest.mark.waiting

N_STATES = {Kind.SOUND: 46, Kind.OVERWRITE_IN_PLACE: 20, Kind.NO_FOLDER_FSYNC: 60}
"""Deterministic: the same calls give the same states on every machine."""


def run(subject, work, **options):
    work.mkdir(parents=True, exist_ok=True)
    return run_file_calls(
        subject, seed=1, work=work, progress=lambda *_: None, should_stop=lambda: False, **options
    )


@pytest.mark.parametrize("subject", calibration_subjects(Depth.FILE_CALLS), ids=lambda one: one.name)
def test_the_sound_store_is_found_sound_and_each_wrong_one_is_caught(tmp_path, subject):
    """What every test on a user's machine is calibrated with."""
    result = run(subject, tmp_path, n_states_max=60)  # of 570 of the store without fsync
    assert result.n_states == sum(result.counts.values()) == min(60, N_STATES.get(Kind(subject.name), 60))
    assert (result.n_bad == 0) == (subject.name == "sound")
    assert len(result.bad) == min(result.n_bad, 20)
    assert str(tmp_path) not in "".join(bad.detail for bad in result.bad)


def test_a_foreign_program_is_recorded_through_fuse_alike(tmp_path):
    """Software that keeps no record gets the same states from the mount as from its own record."""
    if why_not_fuse():
        pytest.skip(why_not_fuse())
    own = wrong_store_subject(Kind.NO_FOLDER_FSYNC)
    recorded, mounted = run(own, tmp_path / "a"), run(replace(own, writes_trace=False), tmp_path / "b")
    assert (mounted.n_states, mounted.counts) == (recorded.n_states, recorded.counts)
    assert mounted.facts["recorder"] == "FUSE"


PROGRAM = """
import hashlib, json, os, sys
store, verb, flaw = sys.argv[1:4]
link = os.path.join(store, "current")
if verb == "ask":
    name = os.readlink(link) if os.path.islink(link) else None
    file = f"{store}/{name}/m"
    whole = name is not None and os.path.isfile(file) and open(file).read() == name * 9
    print(json.dumps({"active": name, "complete": whole, "error": ""}))
    sys.exit()
def sync(path):
    if flaw != "no_sync":
        fd = os.open(path, os.O_RDONLY); os.fsync(fd); os.close(fd)
os.makedirs(store, exist_ok=True)
os.mkdir(f"{store}/{verb}")
with open(f"{store}/{verb}/m", "w") as file:
    file.write(verb * 9)
for path in (f"{store}/{verb}/m", f"{store}/{verb}", store):
    sync(path)
os.symlink(verb, link + ".new")
os.rename(link + ".new", link)
sync(store)
"""
"""A foreign updater of the usual kind: a folder for each release and a symbolic link to the current one."""


def linking_subject(tmp_path, flaw=""):
    program = tmp_path / "updater.py"
    program.write_text(PROGRAM)

    def command(verb):
        return (sys.executable, "-I", "-S", str(program), "{store}", verb, flaw)

    step = UpdateStep(name="update", argv=command("B"), may_run_during=("A", "B"), may_run_after=("B",))
    first = UpdateStep(name="first", argv=command("A"), may_run_during=("none", "A"), may_run_after=("A",))
    return UpdateSubject(
        name="linker",
        install=command("A"),
        episodes={"update": (step,), "install": (first,)},
        ask=command("ask"),
        releases={"A": "A", "B": "B"},
    )


@pytest.mark.parametrize(("flaw", "is_sound"), [("", True), ("no_sync", False)])
def test_a_foreign_updater_with_a_symbolic_link_is_judged(tmp_path, flaw, is_sound):
    """One question for each state, in the place of the store; the same program without its fsync is caught."""
    if why_not_fuse():
        pytest.skip(why_not_fuse())
    result = run(linking_subject(tmp_path, flaw), tmp_path / "work", n_states_max=40)
    assert result.n_states > 10
    assert (result.n_bad == 0) == is_sound, result.bad


def test_a_change_that_went_past_the_record_is_no_evidence(tmp_path):
    """The final folder is held against the record byte for byte."""
    subject = wrong_store_subject(Kind.SOUND)
    step = UpdateStep(
        name="sly", argv=("sh", "-c", 'echo more >> "$0"/events.log', "{store}"),
        may_run_during=("A",), may_run_after=("A",),
    )  # fmt: skip
    with pytest.raises(RecordError, match=r"events\.log differs"):
        run(replace(subject, episodes={"sly": (step,)}), tmp_path)


def test_an_update_that_fails_uncut_is_refused(tmp_path):
    """Nothing can be learnt from it; the message has its words."""
    subject = wrong_store_subject(Kind.SOUND)
    step = UpdateStep(
        name="broken", argv=("sh", "-c", "echo no such model >&2; exit 3", "{store}"),
        may_run_during=("A",), may_run_after=("A",),
    )  # fmt: skip
    with pytest.raises(PreconditionError, match="broken ended with 3 although nothing was cut: no such model"):
        run(replace(subject, episodes={"broken": (step,)}), tmp_path)


def test_bad_states_are_kept_as_they_were_asked(tmp_path):
    """With --keep each has its folder, which gives the same answer again, and its words."""
    subject = wrong_store_subject(Kind.OVERWRITE_IN_PLACE)
    result = run(subject, tmp_path / "work", keep=tmp_path / "kept")
    kept = sorted((tmp_path / "kept").iterdir())
    assert len(kept) == len(result.bad)
    assert result.bad[0].at in (kept[0] / "what.txt").read_text()
    assert ask_all(subject, [kept[0] / "store"])[0]["complete"] is False


def test_it_can_be_stopped(tmp_path):
    """Between two commands."""
    with pytest.raises(RunAbortedError):
        run_file_calls(
            wrong_store_subject(Kind.SOUND),
            seed=1,
            work=tmp_path,
            progress=lambda *_: None,
            should_stop=lambda: True,
        )


def test_a_store_that_kills_the_asker_of_many_is_asked_alone(tmp_path):
    """Those after it still get their answers, and it gets none."""
    program = tmp_path / "asker.py"
    program.write_text(
        "import json, sys\n"
        "for store in (line.strip() for line in sys.stdin) if len(sys.argv) == 1 else [sys.argv[1]]:\n"
        "    if store.endswith('bad'): sys.exit(1)\n"
        "    print(json.dumps({'active': store[-1], 'complete': True, 'error': ''}), flush=True)\n"
    )
    many = (sys.executable, "-I", "-S", str(program))
    subject = UpdateSubject(name="x", install=(), episodes={}, ask=(*many, "{store}"), ask_many=many)
    answers = ask_all(subject, [Path("/s/1"), Path("/s/bad"), Path("/s/2")])
    assert [answer and answer["active"] for answer in answers] == ["1", None, "2"]
