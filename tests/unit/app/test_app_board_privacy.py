import getpass
import json
import re
import socket
from pathlib import Path

import pytest

from boards import build, orin_nano
from hilrig.app.machine.board_recording import record_board
from hilrig.core.clock import ManualClock
from hilrig.sampler.fact_file import read_fact
from hilrig.sampler.jetson.memory import memory_sources
from recorded_boards import unpack

PID = 4321
BOOT = "226c9993-ebd8-4b1f-8d3c-5adc71ae755c"
CONTAINER = "3f4a9c0be12d77aa3f4a9c0be12d77aa3f4a9c0be12d77aa3f4a9c0be12d77aa"
UUID = "GPU-8d4ee2a0-7c1b-3f57-9a51-0f2b6c1d9e77"
SECRETS = {
    "etc/machine-id": "b08dfa6083e7567a1921a715000001fb",
    "etc/hostname": "press-shop-7",
    "proc/sys/kernel/hostname": "press-shop-7",
    "proc/cmdline": "console=ttyTCU0 androidboot.serialno=1421821048573",
    "sys/class/dmi/id/product_uuid": "4c4c4544-0051-3510-8052-b4c04f4d3233",
    "sys/class/dmi/id/board_serial": "PF3X9K21",
    "sys/class/net/eth0/address": "48:b0:2d:aa:bb:cc",
    "sys/firmware/devicetree/base/serial-number": "1421821048573\0",
    "proc/sys/kernel/random/boot_id": BOOT,
    f"proc/{PID}/environ": "HOME=/home/anna\0USER=anna\0",
    f"proc/{PID}/cmdline": "python\0/home/anna/run.py\0",
}
"""Files that tell this machine or its user from others, where they are on real machines."""

LEAKS = {
    "proc/1/cgroup": f"0::/docker/{CONTAINER}\n",
    f"proc/{PID}/cgroup": f"4:memory:/docker/{CONTAINER}\n0::/user.slice/anna.scope\n",
    "sys/fs/cgroup/user.slice/anna.scope/memory.events": "oom_kill 0\n",
    "proc/driver/nvidia/gpus/0000:01:00.0/information": f"Model: \t NVIDIA RTX 4000\nGPU UUID: \t {UUID}\n",
    "run/.containerenv": 'name="press-shop-7"\n',
    "var/lib/dpkg/status": "Package: nvidia-jetpack\nStatus: install ok installed\n"
    "Maintainer: Anna <anna@example.org>\nVersion: 6.2\n\n"
    "Package: secret-tool\nStatus: install ok installed\nVersion: 1\n\n",
    "etc/nvpmodel.conf": "# written on press board PF3X9K21\n< POWER_MODEL ID=2 NAME=MAXN_SUPER >\n",
}
"""Files that a recording keeps, with what must not be kept of them."""

WORDS = [
    "b08dfa6083e7567a1921a715000001fb",
    "press-shop-7",
    "1421821048573",
    "4c4c4544",
    "PF3X9K21",
    "48:b0:2d",
    BOOT,
    "anna",
    CONTAINER[:12],
    UUID,
    "secret-tool",
    "gnome-shell",
]


@pytest.fixture
def recorded(tmp_path):
    """Record a board full of identifiers; return the unpacked folder."""
    board = tmp_path / "board"
    build(board, orin_nano(pid=PID))
    for path, content in (SECRETS | LEAKS).items():
        (board / path).parent.mkdir(parents=True, exist_ok=True)
        (board / path).write_text(content)
    maps = board / "sys/kernel/debug/nvmap/iovmm/maps"
    maps.write_text(maps.read_text() + f"user gnome-shell {PID} 13620K\n")
    record(tmp_path / "b.tar.gz", root=board, pid=PID)
    unpack(tmp_path / "b.tar.gz", tmp_path / "unpacked")
    return tmp_path / "unpacked"


def record(path, **changes):
    record_board(path, show=lambda _: None, seconds=0.2, clock=ManualClock(), **changes)


def everything(folder):
    """Return all names, link targets and contents below a folder as one text."""
    paths = sorted(folder.rglob("*"))
    links = [str(path.readlink()) for path in paths if path.is_symlink()]
    contents = [path.read_text() for path in paths if path.is_file() and not path.is_symlink()]
    return "\n".join([*(str(path.relative_to(folder)) for path in paths), *links, *contents])


@pytest.mark.parametrize("word", WORDS)
def test_no_identifier_is_in_a_recording(recorded, word):
    """Serial numbers, addresses, names of machines, people, programs and containers are nowhere in it."""
    assert word.lower() not in everything(recorded).lower()


def test_what_samplers_need_is_still_there(recorded):
    """Only the identifiers are gone: control group, power modes, memory of the process and card can be read."""
    root = recorded / "root"
    assert read_fact(root / f"proc/{PID}/cgroup").endswith("0::/recorded")
    assert read_fact(root / "sys/fs/cgroup/recorded/memory.events") == "oom_kill 0"
    assert "NAME=MAXN_SUPER" in read_fact(root / "etc/nvpmodel.conf")
    assert re.search(
        r"^Model:.*RTX 4000$", read_fact(root / "proc/driver/nvidia/gpus/0000:01:00.0/information"), re.MULTILINE
    )
    assert "docker" in read_fact(root / "proc/1/cgroup")
    (source,) = memory_sources(root, PID)
    assert source.read()[0] > 13620 * 1024
    source.close()


def test_this_machine_is_not_in_its_own_recording(tmp_path):
    """What identifies the machine that runs this test is not in a recording of it."""
    record(tmp_path / "b.tar.gz")
    unpack(tmp_path / "b.tar.gz", tmp_path / "unpacked")
    text = everything(tmp_path / "unpacked")
    addresses = [read_fact(path) for path in Path("/sys/class/net").glob("*/address")]
    secrets = [read_fact(Path("/etc/machine-id")), read_fact(Path("/proc/sys/kernel/random/boot_id")), *addresses]
    assert [secret for secret in secrets if secret and secret.strip("0:") and secret in text] == []
    names = {socket.gethostname(), getpass.getuser(), Path.home().name} - {"root"}  # here: the folder of the tree
    assert [
        name for name in names if len(name) > 2 and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)
    ] == []


def test_words_that_look_like_serials_are_no_reason_to_rewrite(tmp_path):
    """A maker's placeholder where a serial should be leaves the other files as they are."""
    board = tmp_path / "board"
    build(board, orin_nano(pid=PID))
    (board / "sys/class/dmi/id").mkdir(parents=True)
    (board / "sys/class/dmi/id/board_serial").write_text("nvidia\n")
    (board / "sys/class/dmi/id/product_serial").write_text("0\n")
    record(tmp_path / "b.tar.gz", root=board, pid=PID)
    root = unpack(tmp_path / "b.tar.gz", tmp_path / "unpacked")
    compatible = "sys/firmware/devicetree/base/compatible"
    assert (root / compatible).read_bytes() == (board / compatible).read_bytes()
    assert json.loads((root.parent / "recording.json").read_text())["failures"] == {}
