import errno
import io
import json
import os
import tarfile

import pytest

from boards import build, orin_nano, thor
from hilrig.app.folders import lease_folder
from hilrig.app.machine.board_files import FILE_BYTES_MAX
from hilrig.app.machine.board_recording import INFO, SAMPLES, record_board
from hilrig.core.channels import PROCESS_OUTPUT
from hilrig.core.clock import ManualClock
from hilrig.core.errors import PreconditionError, RigBusyError, UsageError
from hilrig.core.telemetry import Reason
from hilrig.rig.device_class import device_classes
from hilrig.rig.lease import RigLease
from hilrig.rig.local import inspect_local
from hilrig.sampler.host import HostSampler
from hilrig.sampler.jetson.sampler import JetsonSampler
from recorded_boards import (
    HostileRecordingError,
    failing_as_recorded,
    recorded_pid,
    recorded_reasons,
    unpack,
)

PID = 4321  # of the process in the trees of `boards`


def record(path, **changes):
    """Record for ten seconds of a clock that nobody waits for."""
    return record_board(path, show=lambda _: None, **{"clock": ManualClock(), **changes})


@pytest.fixture
def board(tmp_path):
    """Return the tree of an Orin with a boot, a process and identifiers."""
    root = tmp_path / "board"
    build(root, orin_nano(pid=PID))
    for path, content in {
        "proc/stat": "cpu  1 2 3 4 5 6 7 8\n",
        "proc/meminfo": "MemTotal: 7800000 kB\nMemAvailable: 5000000 kB\n",
        "proc/cpuinfo": "CPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd42\n",
        "proc/sys/kernel/random/boot_id": "226c9993-ebd8-4b1f-8d3c-5adc71ae755c\n",
        "proc/sys/kernel/osrelease": "5.15.148-tegra\n",
        f"proc/{PID}/cgroup": "0::/user.slice/user-1000.slice/anna.scope\n",
        "sys/fs/cgroup/user.slice/user-1000.slice/anna.scope/memory.events": "oom 0\noom_kill 3\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return root


def reasons(sampler):
    """Return what a sampler's channels answer, then close it."""
    try:
        return {c.channel.key: c.reason.name if c.reason else None for c in sampler.probe()}
    finally:
        sampler.close()


def test_this_machine_recorded_answers_like_this_machine(tmp_path):
    """Unpacked elsewhere, every channel of the host has a value, or the same reason for having none."""
    live = reasons(HostSampler(tmp_path.__class__("/"), os.getpid()))
    record(tmp_path / "here.tar.gz", seconds=0.2)
    root = unpack(tmp_path / "here.tar.gz", tmp_path / "unpacked")
    with failing_as_recorded(root):
        replayed = reasons(HostSampler(root, recorded_pid(root)))
    recorded = recorded_reasons(root)
    for answers in (live, replayed, recorded):
        del answers[PROCESS_OUTPUT]  # what a process printed is no part of a recording
    assert replayed == live
    assert replayed.items() <= recorded.items()
    here, there = inspect_local(), inspect_local(root)
    assert there.device_classes == here.device_classes
    private = {"nvidia_driver", "nvidia_gpus", "cuda_driver"}  # NVML knows only the machine that it runs on
    assert {key for key in here.facts if here.facts[key] != there.facts[key]} <= private


@pytest.mark.parametrize("facts", [orin_nano(pid=PID), thor()], ids=["orin", "thor"])
def test_a_jetson_recorded_answers_like_that_jetson(tmp_path, facts):
    """Everything that the Jetson sampler reads is among the recorded paths, with the links between devices."""
    build(tmp_path / "board", facts)
    live = reasons(JetsonSampler(tmp_path / "board", PID))
    record(tmp_path / "board.tar.gz", root=tmp_path / "board", pid=PID, seconds=0.2)
    root = unpack(tmp_path / "board.tar.gz", tmp_path / "unpacked")
    assert reasons(JetsonSampler(root, PID)) == live
    assert None in live.values()
    for path in facts:
        content = (tmp_path / "board" / path).read_text()
        assert not (root / path).exists() or (root / path).read_text() == content or "nvmap" in path


@pytest.mark.parametrize(
    ("call", "code", "reason"),
    [("read", errno.EAGAIN, Reason.OFFLINE), ("open", errno.EACCES, Reason.NO_PERMISSION)],
)
def test_a_file_that_fails_on_the_board_fails_alike_later(tmp_path, board, monkeypatch, call, code, reason):
    """A sensor that is switched off, or a file of root, is replayed with its own error."""
    zone, key = "sys/class/thermal/thermal_zone5/temp", "hw.temperature{hw.id=zone/soc0-thermal}"
    sound = reasons(HostSampler(board, PID))
    with monkeypatch.context() as patched:
        fail(patched, call, board / zone, code)
        record(tmp_path / "board.tar.gz", root=board, pid=PID, seconds=0.2)
    root = unpack(tmp_path / "board.tar.gz", tmp_path / "unpacked")
    with failing_as_recorded(root):
        replayed = reasons(HostSampler(root, PID))
    assert sound[key] is None
    assert replayed == sound | {key: reason.name}


def fail(patched, call, path, code):
    """Let one call fail for one file."""
    real_open, real_read, real_pread = os.open, os.read, os.pread
    fds = set()

    def failing_open(name, *rest, **named):
        is_it = os.path.realpath(name) == os.path.realpath(path)
        if is_it and call == "open":
            raise OSError(code, os.strerror(code))
        fd = real_open(name, *rest, **named)
        fds.discard(fd)
        if is_it:
            fds.add(fd)
        return fd

    def failing(real):
        def read(fd, *rest):
            if fd in fds and call == "read":
                raise OSError(code, os.strerror(code))
            return real(fd, *rest)

        return read

    patched.setattr(os, "open", failing_open)
    patched.setattr(os, "read", failing(real_read))
    patched.setattr(os, "pread", failing(real_pread))


def test_ten_seconds_of_all_channels_are_in_it(tmp_path, board):
    """First each channel with its answer, then a round every 100 ms, all tiers at both ends."""
    shown = []
    record_board(tmp_path / "b.tar.gz", show=shown.append, root=board, pid=PID, clock=ManualClock())
    root = unpack(tmp_path / "b.tar.gz", tmp_path / "unpacked")
    lines = [json.loads(line) for line in (root.parent / SAMPLES).read_text().splitlines()]
    rounds = [line for line in lines if "readings" in line]
    assert [line for line in lines[: -len(rounds)] if "channel" not in line] == []
    assert [line["tier"] for line in rounds if line["tier"] != "fast"] == ["edge", *["slow"] * 9, "edge"]
    assert [line["t_s"] for line in rounds if line["tier"] == "fast"] == pytest.approx(
        [number / 10 for number in range(1, 100)]
    )
    for _, value, reason in (reading for line in rounds for reading in line["readings"]):
        assert (value is None) == (reason in Reason.__members__)
    assert shown[-1]["elapsed_s"] == shown[-1]["total_s"] == 10


def test_what_it_is_stands_in_it(tmp_path, board):
    """Format, date without the time of day, kernel and class: enough to file it, nothing about a person."""
    recorded = record(tmp_path / "b.tar.gz", root=board, pid=PID, seconds=0.1)
    root = unpack(tmp_path / "b.tar.gz", tmp_path / "unpacked")
    info = json.loads((root.parent / INFO).read_text())
    assert info["format"] == "hilrig.board/1"
    assert info["date_utc"] == "2023-11-14"
    assert info["kernel"] == "5.15.148-tegra"
    assert tuple(info["device_classes"]) == device_classes(board) == recorded.device_classes
    assert recorded.n_bytes == (tmp_path / "b.tar.gz").stat().st_size


def test_the_same_board_gives_the_same_bytes(tmp_path, board):
    """Members are sorted, without owner and time: two recordings differ only in what the board answered."""
    for name in ("a", "b"):
        record(tmp_path / f"{name}.tar.gz", root=board, pid=PID, seconds=0.1)
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "a.tar.gz") as archive:
        members = archive.getmembers()
    assert {(m.uid, m.gid, m.mtime, m.mode) for m in members} == {(0, 0, 0, 0o644)}


def test_a_long_file_is_cut_and_said_so(tmp_path, board):
    """A file beyond the limit is kept up to it; the recording names it."""
    (board / "proc/cpuinfo").write_text("x" * (FILE_BYTES_MAX + 1))
    record(tmp_path / "b.tar.gz", root=board, pid=PID, seconds=0.1)
    root = unpack(tmp_path / "b.tar.gz", tmp_path / "unpacked")
    assert json.loads((root.parent / INFO).read_text())["cut"] == ["proc/cpuinfo"]
    assert (root / "proc/cpuinfo").stat().st_size == FILE_BYTES_MAX


def test_a_link_never_leads_out_of_the_root(tmp_path, board):
    """A link to an absolute path, or one that climbs too far, is followed as if the root were `/`."""
    (board / "etc/os-release").symlink_to("../../../../usr/lib/os-release")
    (board / "usr/lib").mkdir(parents=True)
    (board / "usr/lib/os-release").write_text('PRETTY_NAME="Inside"\n')
    (board / "proc/vmstat").symlink_to("/proc/vmstat.real")
    (board / "proc/vmstat.real").write_text("oom_kill 7\n")
    record(tmp_path / "b.tar.gz", root=board, pid=PID, seconds=0.1)
    root = unpack(tmp_path / "b.tar.gz", tmp_path / "unpacked")
    assert (root / "etc/os-release").read_text() == 'PRETTY_NAME="Inside"\n'
    assert (root / "proc/vmstat").read_text() == "oom_kill 7\n"


def test_links_in_a_circle_end(tmp_path, board):
    """Two links that lead to each other are no file."""
    (board / "proc/vmstat").symlink_to("vmstat2")
    (board / "proc/vmstat2").symlink_to("vmstat")
    record(tmp_path / "b.tar.gz", root=board, pid=PID, seconds=0.1)


def test_a_pipe_does_not_hang(tmp_path, board):
    """What is no regular file is not read."""
    (board / "usr/local/cuda").mkdir(parents=True)
    os.mkfifo(board / "usr/local/cuda/version.json")
    record(tmp_path / "b.tar.gz", root=board, pid=PID, seconds=0.1)


def test_an_existing_file_is_not_replaced(tmp_path, board):
    """The recording of another board under the same name stays as it is."""
    (tmp_path / "b.tar.gz").write_text("precious")
    with pytest.raises(UsageError, match="b.tar.gz exists"):
        record(tmp_path / "b.tar.gz", root=board, pid=PID)
    assert (tmp_path / "b.tar.gz").read_text() == "precious"


def test_an_unfinished_recording_leaves_nothing(tmp_path, board):
    """Ctrl-C takes the name and the partial file away."""

    def interrupt(_status):
        raise KeyboardInterrupt

    (tmp_path / "out").mkdir()
    with pytest.raises(KeyboardInterrupt):
        record_board(tmp_path / "out/b.tar.gz", show=interrupt, root=board, pid=PID, clock=ManualClock())
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_that_is_not_there_is_named_before_anything_is_read(tmp_path, board):
    """Nobody waits ten seconds to learn that the file can't be written."""
    with pytest.raises(PreconditionError, match="missing/b.tar.gz: No such file") as caught:
        record(tmp_path / "missing/b.tar.gz", root=board, pid=PID)
    assert caught.value.hint


def test_a_rig_with_a_run_is_left_alone(tmp_path, board):
    """A recording during a run would disturb it, and record the run's load as the board's."""
    with RigLease(lease_folder(), run_id="busy"), pytest.raises(RigBusyError):
        record(tmp_path / "b.tar.gz", root=board, pid=PID)
    assert not (tmp_path / "b.tar.gz").exists()


def hostile(path, *members):
    """Write an archive with members of (name, type, link name)."""
    with tarfile.open(path, "w:gz") as archive:
        for name, kind, link in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            archive.addfile(member, io.BytesIO())
    return path


FILE, LINK = tarfile.REGTYPE, tarfile.SYMTYPE


@pytest.mark.parametrize(
    "members",
    [
        [("../evil", FILE, "")],
        [("root/../../evil", FILE, "")],
        [("/etc/evil", FILE, "")],
        [("root//evil", FILE, "")],
        [("elsewhere/evil", FILE, "")],
        [("root/a", LINK, "/etc/passwd")],
        [("root/a", LINK, "../../etc/passwd")],
        [("root/a", LINK, "../recording.json")],
        [("root/a", LINK, "b/../../..")],
        [("root/a", LINK, "."), ("root/a/b", FILE, "")],
        [("root/a", tarfile.LNKTYPE, "/etc/passwd")],
        [("root/null", tarfile.CHRTYPE, "")],
        [("root/disk", tarfile.BLKTYPE, "")],
        [("root/pipe", tarfile.FIFOTYPE, "")],
        [("root/a", FILE, ""), ("root/a", LINK, "b")],
    ],
    ids=str,
)
def test_a_hostile_archive_writes_nothing(tmp_path, members):
    """Names and links out of the folder, devices, hard links and doubles are refused before the first write."""
    with pytest.raises(HostileRecordingError):
        unpack(hostile(tmp_path / "evil.tar.gz", *members), tmp_path / "unpacked")
    assert list((tmp_path / "unpacked").iterdir()) == []


def test_an_archive_that_blows_up_is_refused(tmp_path):
    """A few kilobytes that unpack to more than a board can hold are not unpacked."""
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("root/proc/stat")
        member.size = 65 << 20
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    with pytest.raises(HostileRecordingError, match="more than a board"):
        unpack(tmp_path / "bomb.tar.gz", tmp_path / "unpacked")
