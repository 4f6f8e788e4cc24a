"""Power cuts of a rig, without a rig: what is refused, and what a cut that was none is worth."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hilrig.app.power_loss import rig as power_loss_rig
from hilrig.app.power_loss import rig_subject, rig_under_cuts
from hilrig.app.power_loss.rig import run_on_rig
from hilrig.app.power_loss.rig_subject import send_subject
from hilrig.app.power_loss.rig_under_cuts import RigUnderCuts
from hilrig.app.rigs.link import linked
from hilrig.core.errors import PreconditionError, RigBusyError, RigLostError, RunAbortedError
from hilrig.core.power_loss import Depth, DepthResult, UpdateSubject
from hilrig.core.rig import RigSpec
from hilrig.faults.calibration import wrong_store_subject
from hilrig.faults.wrong_store import Kind
from local_rigs import local_rig

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_app_power_loss

POWER = "power: command\npower_options: {on: ['true'], off: ['true']}\n"


@pytest.fixture(autouse=True)
def _no_drain(monkeypatch):
    monkeypatch.setattr(rig_under_cuts, "DRAIN_S", 0.0)


def cut(subject: UpdateSubject, rig: RigSpec, *, n_cuts: int = 2, stop_after: int = 10_000) -> DepthResult:
    """Run the depth."""
    told: list[str] = []
    return run_on_rig(
        subject,
        rig=rig,
        seed=1,
        n_cuts=n_cuts,
        work=Path(rig.folder),
        progress=lambda what, *_: told.append(what),
        should_stop=lambda: len(told) >= stop_after,
    )


def test_a_rig_without_power_control_is_refused_in_words(tmp_path):
    """Refused, never skipped; before anything is sent."""
    rig = local_rig(tmp_path)
    with pytest.raises(PreconditionError, match="no power control"):
        cut(wrong_store_subject(Kind.SOUND), rig)


def test_a_rig_that_never_lost_its_power_is_no_finding(tmp_path):
    """The outlet of another machine: the boot id is the old one, and the store is not blamed."""
    rig = local_rig(tmp_path, more=POWER)
    with pytest.raises(RigLostError, match="never lost it"):
        cut(wrong_store_subject(Kind.SOUND), rig)
    assert not (tmp_path / "home-bench/work/power-loss").exists()
    assert not (tmp_path / "home-bench/work/lease.json").exists()


def another_boot(there: RigUnderCuts) -> None:
    """Say that the rig booted; its page cache is what it was."""
    facts = there.link.boot_facts
    there.link.boot_facts = replace(facts, boot_id=f"{facts.boot_id}+")


def test_a_cut_that_keeps_the_page_cache_is_no_evidence(tmp_path, monkeypatch):
    """The wrong store that needs a lost page cache to be seen is not seen: the calibration says so."""
    monkeypatch.setattr(RigUnderCuts, "_wait_booted", another_boot)
    result = cut(wrong_store_subject(Kind.SOUND), local_rig(tmp_path, more=POWER))
    caught = {one.store: one.n_caught for one in result.calibrations}
    assert caught == {"sound": 0, "overwrite_in_place": 1, "rename_without_fsync": 0}
    assert (result.depth, result.n_states, result.n_bad) == (Depth.RIG, 2, 0)
    assert not result.is_evidence


def test_a_wrong_subject_is_found_with_the_place_of_the_cut(tmp_path, monkeypatch):
    """What was cut, where, and what the store said then."""
    monkeypatch.setattr(RigUnderCuts, "_wait_booted", another_boot)
    monkeypatch.setattr(power_loss_rig, "calibration_subjects", lambda _: ())
    result = cut(wrong_store_subject(Kind.OVERWRITE_IN_PLACE), local_rig(tmp_path, more=POWER), n_cuts=5)
    assert result.n_bad > 0
    assert {bad.recovery.value for bad in result.bad} == {"half_staged"}
    assert all(bad.at.startswith(("in ", "after ")) for bad in result.bad)


def test_a_held_rig_is_not_cut(tmp_path):
    """Somebody else's run is not ended by a power-loss test."""
    rig = local_rig(tmp_path, more=POWER)
    with linked(rig) as link:
        link.call("lease", {"holder": "anna@desk", "run_id": "", "note": "", "ttl_s": 60})
    with pytest.raises(RigBusyError, match="anna@desk"):
        cut(wrong_store_subject(Kind.SOUND), rig)


def test_it_stops_when_asked_and_cleans_up(tmp_path):
    """Stopped at the first cut: its folder on the rig is gone, the lease too."""
    with pytest.raises(RunAbortedError):
        cut(wrong_store_subject(Kind.SOUND), local_rig(tmp_path, more=POWER), stop_after=1)
    assert not (tmp_path / "home-bench/work/lease.json").exists()
    assert not (tmp_path / "home-bench/work/power-loss").exists()


def test_a_command_that_names_half_a_disk_is_refused(tmp_path, monkeypatch):
    """`/usr` in a subject's command does not send it."""
    monkeypatch.setattr(rig_subject, "FILES_MAX", 20)
    for number in range(20):
        (tmp_path / f"{number}").touch()
    subject = replace(wrong_store_subject(Kind.SOUND), ask=("cat", str(tmp_path)))
    with linked(local_rig(tmp_path)) as link, pytest.raises(PreconditionError, match="20 files or more"):
        send_subject(link, subject, f"{link.work_folder}/files")


def test_files_that_a_command_names_go_along(tmp_path):
    """A script, a folder, a path inside a line of shell: all named as they are there; flags stay as they are."""
    (tmp_path / "release").mkdir()
    (tmp_path / "release/model.bin").write_bytes(b"m" * 5000)
    script = tmp_path / "update.py"
    script.write_text("print(1)")
    subject = replace(
        wrong_store_subject(Kind.SOUND),
        install=("sh", "-c", f"{sys.executable} {script} && ls {tmp_path / 'release'}/model.bin"),
        episodes={},
        ask=(sys.executable, str(script), str(tmp_path / "release"), "--flag", str(tmp_path / "missing")),
    )
    with linked(local_rig(tmp_path)) as link:
        sent = send_subject(link, subject, f"{link.work_folder}/power-loss/files")
        executable = link.boot_facts.executable
    _, there, release, *rest = sent.ask
    assert sent.ask[0] == executable
    assert Path(there).read_text() == "print(1)"
    assert (Path(release) / "model.bin").read_bytes() == b"m" * 5000
    assert all(path.startswith(str(tmp_path / "home-bench/work")) for path in (there, release))
    assert rest == ["--flag", str(tmp_path / "missing")]
    assert sent.install[2] == f"{executable} {there} && ls {release}/model.bin"
