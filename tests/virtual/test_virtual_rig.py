"""The virtual rig under QEMU: it boots, it can run hilrig, and a cut of its power is a hard one."""

import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hilrig.core.rig import PowerState
from hilrig.rig import machine as facts
from hilrig.rig.device_class import device_classes
from hilrig.rig.ssh.options import reaching
from hilrig.rig.virtual.accelerator import Accelerator

# A boot has its own limit, a busy machine none.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
N_CUTS = 3
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
READY_LIMIT_CPU_S = 15.0
"""Half of what two cores have in the 15 s that a boot may take. A clock would show who else uses them."""
COUNT = "i=$(cat n || echo 0); while :; do i=$((i+1)); echo $i >new; sync new; mv new n; done"
MODULES = (
    "pandas, pyarrow, matplotlib, onnxruntime, cv2, onnx, pydantic, yaml, securesystemslib, cryptography, typer"
)


@pytest.fixture
def proc(rig, tmp_path):
    """Give a root folder with what the guest's kernel says of its CPU."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text(rig.run("cat /proc/cpuinfo"))
    return tmp_path


def test_a_cut_loses_what_was_not_flushed_and_keeps_what_was(rig):
    """It is a hard cut: another boot, the flushed file whole, the other one empty or gone."""
    before = rig.run(BOOT_ID)
    rig.run("rm -f kept lost; head -c 1000000 /dev/zero >kept; sync kept; sync .; head -c 1000000 /dev/zero >lost")
    rig.power.off()
    assert rig.power.state() is PowerState.OFF
    rig.start()
    assert rig.run(BOOT_ID) != before
    assert rig.run("wc -c <kept") == "1000000"
    assert rig.run("cat lost 2>/dev/null | wc -c") == "0"


def test_cuts_in_the_middle_of_writes_leave_a_disk_that_mounts(rig):
    """Cuts while it writes: what was confirmed is still there. Three of them; the power-loss test cuts oftener."""
    rig.run("rm -f n; sync .")
    for _ in range(N_CUTS):
        rig.run(f"nohup sh -c '{COUNT}' >/dev/null 2>&1 &")
        confirmed = int(rig.run("while ! [ -s n ]; do :; done; read -r i <n; sync n .; echo $i"))
        rig.power.off()
        rig.start()
        assert int(rig.run("cat n")) >= confirmed
        assert rig.run("touch still-writable; echo yes") == "yes"


def test_it_can_run_hilrig(rig):
    """Python and every dependency are there, for a user that is not root."""
    said = rig.run(f"python3 -c 'import os, sys, {MODULES}; print(sys.version_info >= (3, 10), os.getuid() > 0)'")
    assert said == "True True"


def test_its_cpu_says_what_it_is(rig, proc):
    """An emulated CPU is told as one; under KVM it is virtualised and not emulated."""
    is_emulated = rig.machine.accelerator is Accelerator.TCG
    assert facts.emulated(proc) == ("QEMU TCG" if is_emulated else None)
    assert facts.virtualised(proc) is True
    assert device_classes(proc) == ("x86-cpu",)


def test_it_has_no_way_out(rig):
    """Not even to a port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as here:
        port = here.getsockname()[1]
        said = rig.run(
            "python3 -c 'import socket; s = socket.socket(); s.settimeout(3); "
            f'print(s.connect_ex(("10.0.2.2", {port})))\''
        )
    assert said != "0"


def test_only_its_own_key_opens_it(rig, tmp_path):
    """No other key, and no root."""
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    ssh = rig.machine.ssh
    for options in (replace(ssh, key_file=str(other)), replace(ssh, user="root")):
        argv = ["ssh", *reaching(options, rig.machine.folder), options.host, "true"]
        ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 255
        assert "Permission denied" in ended.stderr


def test_another_host_key_is_not_the_rig(rig):
    """Known before the first connection: a rig with another key is refused."""
    known = Path(rig.machine.ssh.known_hosts)
    right = known.read_text()
    host, kind, _ = right.split()
    other = (rig.machine.folder / "id.pub").read_text().split()[1]
    known.write_text(f"{host} {kind} {other}\n")
    try:
        ended = subprocess.run([*rig.ssh(), "true"], capture_output=True, text=True, timeout=60, check=False)
    finally:
        known.write_text(right)
    assert ended.returncode == 255
    assert "Host key verification failed" in ended.stderr


def test_it_is_ready_in_time(rig):
    """From power to the first command over ssh: the best of the boots that the tests above needed."""
    assert min(rig.boots_cpu_s) < READY_LIMIT_CPU_S, rig.boots_cpu_s
