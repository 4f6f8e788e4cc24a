"""The power of a virtual rig, with a program in the place of QEMU that goes into the background as QEMU does."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from hilrig.core.errors import PreconditionError, RigLostError
from hilrig.core.rig import PowerState
from hilrig.rig import qemu_power
from hilrig.rig.agent.keeper_file import process_of
from hilrig.rig.qemu_power import QemuPower, QemuPowerOptions
from hilrig.rig.qemu_process import kill, read_process, write_process

DAEMON = """
import os, sys, time
os.chdir(sys.argv[1])
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
"""
STAYS = """
starts = open("starts", "a+")
starts.write("x")
starts.flush()
starts.seek(0)
if len(starts.read()) > HANGS:
    open("serial.log", "w").write("RIG: kernel")
open("qemu.pid", "w").write(str(os.getpid()))
for fd in (0, 1, 2):
    os.close(fd)
time.sleep(60)
"""


def write_machine(folder, *, hangs=0):
    """Write a machine that is a sleeping process; its kernel hangs in its first `hangs` starts."""
    folder.mkdir()
    stays = f"HANGS = {hangs}{STAYS}"
    # The real QEMU returns once the pid file is written: so does this one.
    wait = "import os,time\nwhile not os.path.exists('qemu.pid'): time.sleep(0.01)"
    script = f"import subprocess,sys\nsubprocess.run([sys.executable,'-c',{DAEMON + stays!r},'.'])\n{wait}"
    (folder / "qemu.json").write_text(json.dumps({"argv": [sys.executable, "-c", script]}))


@pytest.fixture
def power(tmp_path):
    """Give the control of a machine that is a sleeping process; it is cut at the end."""
    write_machine(tmp_path / "virtual-0")
    made = QemuPower(QemuPowerOptions(folder="virtual-0"), "virtual-0", tmp_path)
    yield made
    made.off()


def test_power_is_a_process_and_a_cut_is_its_end(power, tmp_path):
    """On starts it in the background, off ends it at once; both twice over change nothing."""
    assert power.state() is PowerState.OFF
    power.on()
    power.on()
    assert power.state() is PowerState.ON
    assert (tmp_path / "virtual-0/starts").read_text() == "x"
    power.off()
    power.off()
    assert power.state() is PowerState.OFF


def test_a_kernel_that_hangs_is_started_anew(tmp_path, monkeypatch):
    """An emulator that hangs before anything was read from the disk is not the node's fault."""
    monkeypatch.setattr(qemu_power, "KERNEL_LIMIT_S", 0.5)  # a start takes 0.1 s
    write_machine(tmp_path / "virtual-0", hangs=2)
    power = QemuPower(QemuPowerOptions(folder="virtual-0"), "virtual-0", tmp_path)
    power.on()
    assert (tmp_path / "virtual-0/starts").read_text() == "xxx"
    assert power.state() is PowerState.ON
    power.off()


def test_a_kernel_that_always_hangs_is_an_error_and_no_machine_stays(tmp_path, monkeypatch):
    """Whoever waits for the rig is told what it was that never came."""
    monkeypatch.setattr(qemu_power, "KERNEL_LIMIT_S", 0.2)
    write_machine(tmp_path / "virtual-0", hangs=9)
    power = QemuPower(QemuPowerOptions(folder="virtual-0"), "virtual-0", tmp_path)
    with pytest.raises(RigLostError, match="virtual-0 does not start: its kernel never came up, in 3 starts"):
        power.on()
    assert (tmp_path / "virtual-0/starts").read_text() == "xxx"
    assert power.state() is PowerState.OFF


def test_the_machine_outlives_who_switched_it_on(power, tmp_path):
    """Its parent is not the process that asked, so the end of a client is no power cut."""
    power.on()
    process = read_process(tmp_path / "virtual-0/process.json")
    status = (f"/proc/{process.pid}/status", "PPid:")
    parent = next(line.split()[1] for line in open(status[0]) if line.startswith(status[1]))  # noqa: PTH123, SIM115 - one line
    assert int(parent) != os.getpid()


def test_a_foreign_process_with_the_same_pid_is_never_killed(power, tmp_path):
    """The pid of a machine that is gone may be somebody else's by now: its start time says so."""
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            stale = replace(process_of(other.pid), start_ticks=1)
            write_process(tmp_path / "virtual-0/process.json", stale)
            assert power.state() is PowerState.OFF
            power.off()
            kill(stale)
            assert other.poll() is None
        finally:
            other.kill()


def test_a_process_of_another_boot_is_gone(tmp_path):
    """Pid and start time may both come again after a reboot."""
    mine = process_of(os.getpid())
    assert mine.lives
    assert not replace(mine, boot_id="another").lives


def test_a_zombie_does_not_live():
    """A killed process whose parent has not looked yet has no power."""
    with subprocess.Popen(["sleep", "60"]) as child:
        process = process_of(child.pid)
        kill(process)  # this process is the parent, and has not waited
        assert not process.lives
        assert process_of(child.pid) is None


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"argv": []}', '{"argv": "qemu"}'])
def test_without_a_machine_the_next_step_is_named(content, tmp_path):
    """A folder that is missing or damaged is no rig that is off."""
    if content is not None:
        (tmp_path / "qemu.json").write_text(content)
    power = QemuPower(QemuPowerOptions(folder=str(tmp_path)), "virtual-9", tmp_path)
    for act in (power.on, power.off, power.state):
        with pytest.raises(PreconditionError, match="expected the description of a virtual rig") as caught:
            act()
        assert caught.value.hint == "hilrig rigs virtual up virtual-9"


@pytest.mark.parametrize("content", ["", "{}", '{"pid": "1"}', '{"pid": 1, "start_ticks": 1, "boot_id": "x"}'])
def test_a_damaged_process_file_means_off(content, tmp_path):
    """Nothing is killed on its word."""
    (tmp_path / "process.json").write_text(content)
    assert read_process(tmp_path / "process.json") is None


def test_a_machine_that_does_not_start_says_why(tmp_path):
    """What QEMU says goes into the message."""
    argv = ["sh", "-c", "echo 'Could not set up host forwarding rule' >&2; exit 1"]
    (tmp_path / "qemu.json").write_text(json.dumps({"argv": argv}))
    power = QemuPower(QemuPowerOptions(folder="."), "virtual-0", tmp_path)
    with pytest.raises(RigLostError, match="does not start: Could not set up host forwarding rule"):
        power.on()


def test_without_qemu_the_package_is_named(tmp_path):
    """QEMU may have been removed since the rig was made."""
    (tmp_path / "qemu.json").write_text(json.dumps({"argv": ["no-such-qemu"]}))
    with pytest.raises(PreconditionError, match="no-such-qemu can't be started") as caught:
        QemuPower(QemuPowerOptions(folder="."), "virtual-0", tmp_path).on()
    assert "apt install qemu-system-x86" in caught.value.hint
