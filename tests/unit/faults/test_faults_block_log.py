"""The depth `block_log` on real file systems: root, loop devices and qemu-storage-daemon are needed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hilrig.core.errors import PreconditionError, RunAbortedError
from hilrig.core.power_loss import Recovery, UpdateSubject
from hilrig.faults import block_device, block_log, block_recording
from hilrig.faults.block_asking import StateAsker, Tally, cuts_of
from hilrig.faults.block_device import EXT4, EXT4_PLAIN, XFS, FileSystem
from hilrig.faults.block_log_format import read_log
from hilrig.faults.block_recording import Recording, record_episode, start_disks
from hilrig.faults.block_states import disk_states
from hilrig.faults.calibration import wrong_store_subject
from hilrig.faults.wrong_store import Kind

pytestmark = pytest.mark.waiting

WHY_NOT = block_log.why_not_block_log()
OF_THE_MACHINE = "hardware: " if "root" in WHY_NOT or "/dev/" in WHY_NOT else ""  # the rest can be installed
needs_disks = pytest.mark.skipif(bool(WHY_NOT), reason=f"{OF_THE_MACHINE}no disk can be recorded here: {WHY_NOT}")


def recorded(subject: UpdateSubject, file_system: FileSystem, images: Path) -> Recording:
    """Record a subject's update."""
    base = start_disks(subject, file_system=file_system, folder=images)["update"]
    return record_episode(subject, "update", base=base, file_system=file_system, folder=images)


def examined(subject: UpdateSubject, file_system: FileSystem, folder: Path, *, cap: int = 0) -> Tally:
    """Ask the states of a subject's update on one file system; every prefix of the writes at least."""
    tally = Tally()
    with block_device.work_folder(folder) as images:
        recording = recorded(subject, file_system, images)
        cuts = cuts_of(recording, disk_states(recording.log, seed=1, cap=cap))
        tally.begin("here", n_entries=len(recording.log), n_possible=0)
        list(StateAsker(subject, recording, file_system=file_system, folder=images).ask(cuts, tally))
    return tally


def ours(folder: Path) -> list[str]:
    """What is mounted below a folder."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line for line in mounts if str(folder) in line]


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path: Path) -> Iterator[None]:
    yield
    assert ours(tmp_path) == []
    if not WHY_NOT:
        loops = subprocess.run(["losetup", "--all"], capture_output=True, text=True, check=False).stdout
        assert str(tmp_path) not in loops


@needs_disks
@pytest.mark.parametrize("file_system", [EXT4, EXT4_PLAIN, XFS], ids=lambda one: one.words)
def test_a_sound_store_is_found_sound(tmp_path, file_system):
    """No cut of a store that syncs what it should leaves anything but one of the two releases."""
    if not block_log.has(file_system):
        pytest.skip("mkfs.xfs is missing: install xfsprogs")
    tally = examined(wrong_store_subject(Kind.SOUND), file_system, tmp_path)
    assert tally.n_bad == 0
    assert tally.counts[Recovery.LAST_KNOWN_GOOD.value] > 5
    assert tally.counts[Recovery.NEW_COMPLETE.value] > 0


@needs_disks
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.SOUND])
def test_each_wrong_store_is_caught(tmp_path, kind):
    """The test of the test: a store that misses a sync is seen, with the mistake that it has."""
    tally = examined(wrong_store_subject(kind), EXT4_PLAIN, tmp_path)
    recoveries = {bad.recovery for bad in tally.bad}
    shown = {
        Kind.OVERWRITE_IN_PLACE: {Recovery.HALF_STAGED},
        Kind.RENAME_WITHOUT_FSYNC: {Recovery.NO_ACTIVE, Recovery.UNKNOWN_MODEL, Recovery.HALF_STAGED},
        Kind.NO_FOLDER_FSYNC: {Recovery.LOST},
    }[kind]
    assert recoveries & shown
    assert all("here: " in bad.at and "to the disk" in bad.at for bad in tally.bad)


@needs_disks
def test_a_whole_test_of_the_depth_is_evidence(tmp_path, monkeypatch):
    """Its own calibration, on the file system of the test, then the subject: counted, in words, nothing bad."""
    monkeypatch.setattr(block_log, "_file_systems", lambda: (EXT4_PLAIN,))
    told: list[str] = []
    result = block_log.run_block_log(
        wrong_store_subject(Kind.SOUND),
        seed=1,
        work=tmp_path,
        progress=lambda what, done, n_all: told.append(f"{what} {done <= n_all}"),
        should_stop=lambda: False,
    )
    assert result.is_evidence
    assert result.n_bad == 0
    assert result.n_states == sum(result.counts.values()) > 100
    assert len(result.calibrations) == len(Kind)
    assert told[-1] == "sound, update on ext4 (noauto_da_alloc) True"
    assert list(tmp_path.iterdir()) == []


@needs_disks
def test_a_record_with_a_hole_is_no_evidence(tmp_path, monkeypatch):
    """A write that the log does not have: the disk built from it is another, and nothing is said from it."""
    monkeypatch.setattr(block_recording, "read_log", lambda log: read_log(log)[:-2])
    with pytest.raises(PreconditionError, match="not the whole"):
        examined(wrong_store_subject(Kind.SOUND), EXT4, tmp_path)


@needs_disks
def test_a_disk_that_cannot_be_mounted_is_a_finding(tmp_path):
    """A damaged file system is what was found, not a crash of the test."""
    subject = wrong_store_subject(Kind.SOUND)
    tally = Tally()
    with block_device.work_folder(tmp_path) as images:
        recording = recorded(subject, EXT4, images)
        damaged = replace(recording.log[-1], offset=0, data=b"\xff" * 8192, is_flush=False)
        recording = replace(recording, log=(*recording.log, damaged))
        cuts = cuts_of(recording, disk_states(recording.log, seed=1, cap=0))[-1:]
        tally.begin("here", n_entries=0, n_possible=0)
        list(StateAsker(subject, recording, file_system=EXT4, folder=images).ask(cuts, tally))
    assert [bad.recovery for bad in tally.bad] == [Recovery.UNMOUNTABLE]
    assert "mount" in tally.bad[0].detail


@needs_disks
def test_a_step_that_fails_uncut_ends_the_test_in_words(tmp_path):
    """An update that does not work proves nothing; everything is unmounted."""
    subject = wrong_store_subject(Kind.SOUND)
    broken = replace(subject.episodes["update"][1], argv=(sys.executable, "-c", "raise SystemExit(3)"))
    failing = replace(subject, episodes={"update": (subject.episodes["update"][0], broken)})
    with pytest.raises(PreconditionError, match="activate ended with 3"):
        examined(failing, EXT4, tmp_path)


@needs_disks
def test_it_stops_when_asked_and_leaves_nothing(tmp_path):
    """Stopped in the midst of the states: nothing is mounted, nothing is in the folder."""
    begun: list[str] = []
    with pytest.raises(RunAbortedError):
        block_log.run_block_log(
            wrong_store_subject(Kind.SOUND),
            seed=1,
            work=tmp_path,
            progress=lambda what, *_: begun.append(what),
            should_stop=lambda: bool(begun),
        )
    assert len(begun) == 1
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from hilrig.faults import block_device
from hilrig.faults.block_device import EXT4
with block_device.work_folder(Path(sys.argv[1])) as images:
    image = images / "image"
    block_device.make_image(image, EXT4)
    with block_device.recorded(image, log=images / "log", disk=images / "disk") as disk:
        block_device.mount(disk, images / "mnt", EXT4)
        os.kill(os.getpid(), signal.SIGKILL)
"""


@needs_disks
def test_what_a_killed_run_left_is_cleaned_by_the_next(tmp_path):
    """SIGKILL in the midst of a recording: the next start unmounts it all; a run that goes on is left alone."""
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert ours(tmp_path)
    with block_device.work_folder(tmp_path) as going_on:
        assert list(tmp_path.iterdir()) == [going_on.parent]
        block_device.clean_leftovers()
        assert os.path.ismount(going_on)


def test_who_may_not_mount_is_told_so(monkeypatch, tmp_path):
    """Without root the depth does not run, and says what to do; nothing is touched."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    result = block_log.run_block_log(
        wrong_store_subject(Kind.SOUND), seed=1, work=tmp_path, progress=print, should_stop=lambda: False
    )
    assert not result.ran
    assert "root" in result.reason
    assert not result.is_evidence
    assert list(tmp_path.iterdir()) == []


@needs_disks
def test_a_machine_that_mounts_nothing_is_no_fault_of_the_subject(tmp_path, monkeypatch):
    """No loop device left in the midst of it: not an unmountable state, but the end of the test in words."""
    subject = wrong_store_subject(Kind.SOUND)
    with block_device.work_folder(tmp_path) as images:
        recording = recorded(subject, EXT4, images)
        cuts = cuts_of(recording, disk_states(recording.log, seed=1, cap=0))
        monkeypatch.setattr(block_device, "mount", refuse)
        asker = StateAsker(subject, recording, file_system=EXT4, folder=images)
        with pytest.raises(PreconditionError, match="no loop device"):
            list(asker.ask(cuts, Tally()))


def refuse(*_: object) -> None:
    """Fail as `mount` does."""
    raise PreconditionError("`mount` failed: no loop device")


@needs_disks
def test_only_a_mount_tells_that_one_may_mount(monkeypatch):
    """Root without the right to mount, as in most containers: told before the run, with what mount said."""
    monkeypatch.setattr(block_device, "mount", refuse)
    assert "no loop device" in block_log.why_not_block_log()


def test_a_missing_program_is_named_with_its_package(monkeypatch):
    """The next step is in the sentence."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "access", lambda *_: True)
    monkeypatch.setattr(block_device.shutil, "which", lambda name: None if name == "qemu-storage-daemon" else name)
    assert "qemu-storage-daemon is missing: install the package" in block_log.why_not_block_log()


@needs_disks
def test_too_little_memory_is_no_fault_of_the_subject(tmp_path):
    """A full disk would look like a store that lost its data: it is refused before."""
    with block_device.work_folder(tmp_path) as images, pytest.raises(PreconditionError, match="MiB of memory"):
        block_device.require_room(images, 1 << 60)
