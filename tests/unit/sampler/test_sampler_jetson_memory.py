import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from board_parts import HOST_PIDS, NVMAP, PID, nvmap
from boards import build
from hilrig.core.telemetry import Channel, ChannelKind, Reason, Tier
from hilrig.sampler.jetson.memory import NvmapSource, memory_sources
from hilrig.sampler.kept_file import KeptFile

HEADER = "CLIENT                        PROCESS      PID        SIZE\n"
CHANNEL = Channel(name="c", unit="By", kind=ChannelKind.GAUGE, tier=Tier.FAST, source="s")


def read(root, pid=PID):
    (source,) = memory_sources(root, pid)
    (value,) = source.read()
    source.close()
    return value, source.detail(), source.channels[0]


def parsed(folder, content):
    (folder / "table").write_bytes(content)
    source = NvmapSource(CHANNEL, KeptFile(folder / "table"), PID)
    (value,) = source.read()
    source.close()
    return value, source.detail()


@pytest.mark.parametrize(("file_name", "tier"), [("clients", Tier.FAST), ("maps", Tier.SLOW)])
def test_the_clients_of_a_process_are_added_up(tmp_path, file_name, tier):
    """Two clients of one process, whose name holds a blank, are 400 MiB; the long table is read less often."""
    value, _, channel = read(build(tmp_path, nvmap(file_name, PID)).root)
    assert (value, channel.tier) == (400 * 2**20, tier)
    assert channel.attributes == (("hw.id", "gpu0"), ("hilrig.memory", "unified"))


def test_a_process_without_gpu_memory_is_offline(tmp_path):
    """Not in the books: the reason says so, and it is no zero."""
    value, detail, _ = read(build(tmp_path, nvmap("clients", PID)).root, pid=77)
    assert (value, detail) == (Reason.OFFLINE, "process 77 has no GPU memory")


def test_a_pid_is_not_found_inside_another(tmp_path):
    """432 is not 4321, and a size that equals the pid is no pid."""
    assert parsed(tmp_path, f"{HEADER}user  a  432  4321K\nuser  b  14321  7K\n".encode())[0] is Reason.OFFLINE


def test_without_permission_the_reason_is_that(tmp_path, monkeypatch):
    """An unprivileged user gets NO_PERMISSION, not "no GPU memory"."""

    def deny(target, *rest):
        if NVMAP in str(target):
            raise PermissionError(errno.EACCES, "Permission denied", str(target))
        return real_open(target, *rest)

    real_open = os.open
    root = build(tmp_path, nvmap("clients", PID)).root
    monkeypatch.setattr(os, "open", deny)
    value, detail, _ = read(root)
    assert value is Reason.NO_PERMISSION
    assert "Permission denied" in detail


def test_in_a_container_pids_are_not_compared(tmp_path):
    """The books have the host's pids: another process of that number must not be taken for the target."""
    root = build(tmp_path, nvmap("clients", PID)).root
    assert (root / "proc/self/ns/pid").readlink() == Path(HOST_PIDS)
    (root / "proc/self/ns/pid").unlink()
    assert read(root)[0] == 400 * 2**20  # a kernel without pid namespaces has one set of pids
    (root / "proc/self/ns/pid").symlink_to("pid:[4026532512]")
    value, detail, _ = read(root)
    assert value is Reason.NOT_SUPPORTED
    assert "--pid=host" in detail


def test_a_board_without_nvmap_says_so(tmp_path):
    """Thor's driver keeps no such books."""
    assert read(tmp_path)[0] is Reason.ABSENT


@pytest.mark.parametrize(
    "rows",
    [f"user  a  {PID}  7M\n", f"user  a  {PID}  7\n", f"user  a  {PID}  -7K\n", f"user  a  {PID}  K\n"],
)
def test_a_size_in_another_unit_is_an_error(tmp_path, rows):
    """Only KiB are documented."""
    value, detail = parsed(tmp_path, (HEADER + rows).encode())
    assert value is Reason.ERROR
    assert "unexpected content" in detail


def test_another_table_is_an_error_not_an_absence(tmp_path):
    """Without the known header nobody can say that the process is not in it."""
    assert parsed(tmp_path, b"")[0] is Reason.ERROR
    assert parsed(tmp_path, b"PID SIZE\n1 5K\n")[0] is Reason.ERROR


@given(content=st.binary(max_size=300))
def test_any_rows_give_a_number_or_a_reason(tmp_path_factory, content):
    """Whatever stands below the header, nothing raises, and what is no reason is a whole number of KiB."""
    value, _ = parsed(tmp_path_factory.mktemp("nvmap"), HEADER.encode() + content)
    assert isinstance(value, Reason) or (value >= 0 and value % 1024 == 0)
