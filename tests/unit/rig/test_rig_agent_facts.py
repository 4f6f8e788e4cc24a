import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import hilrig
from agent_files import asked, run_folder, work_folder
from hilrig.core.rig import RigLeaseRecord
from hilrig.rig.agent.facts import MODULES, PACKAGES, facts, power_mode, temperatures
from hilrig.rig.agent.gpu_users import gpu_users
from hilrig.rig.agent.keeper_file import boot_id
from other_users import as_nobody, open_to_all

pytestmark = pytest.mark.waiting


@pytest.fixture
def work(tmp_path):
    return work_folder(tmp_path / "work")


@pytest.fixture
def root(tmp_path):
    """A machine's files, as far as a test writes them."""
    made = tmp_path / "root"
    made.mkdir()
    return made


def put(root, **texts):
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


def process(root, pid, name, *devices):
    fd = root / "proc" / str(pid) / "fd"
    fd.mkdir(parents=True)
    (fd.parent / "comm").write_text(f"{name}\n")
    for number, device in enumerate(["/dev/null", *devices]):
        (fd / str(number)).symlink_to(device)


def lease_of(seconds):
    return RigLeaseRecord(
        holder="ann@lab",
        run_id="",
        note="",
        boot_id=boot_id(),
        since_utc="2026-11-21T05:33:12Z",
        expires_boottime_ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME) + seconds * 10**9,
    )


def test_the_facts_of_this_machine_are_json_with_every_key(work):
    """What is not known is null; nothing is left out, and both clocks are read now."""
    before_ns = time.time_ns()
    found = json.loads(json.dumps(asked(facts, work)[-1]))
    assert set(found) == {
        *("boot_id", "realtime_ns", "boottime_ns", "free_mib", "temperatures", "power_mode", "gpu_processes"),
        *("gpu_processes_complete", "packages", "modules", "user", "hostname", "lease", "lock_folder"),
    }
    assert before_ns <= found["realtime_ns"] <= time.time_ns()
    assert found["free_mib"] > 0
    assert found["hostname"] == os.uname().nodename
    assert found["lease"] is None
    assert set(found["packages"]) == set(PACKAGES)
    assert found["packages"]["numpy"].count(".") >= 1
    assert set(found["modules"]) == set(MODULES)


def test_a_bare_python_has_no_packages(tmp_path):
    """Null for what is absent: the rig is asked, not this machine's idea of it."""
    code = "from hilrig.rig.agent.facts import _version; print(_version('numpy'))"
    (tmp_path / "hilrig").symlink_to(Path(hilrig.__file__).parent)  # an installed one has numpy beside it
    environment = {"PYTHONPATH": str(tmp_path)}
    called = subprocess.run(
        [sys.executable, "-S", "-s", "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert called.stdout == "None\n"


def test_temperatures_are_named_as_in_the_telemetry(root):
    """Chips by label, zones unless the kernel mirrors them as a chip; a sensor that is off has no value."""
    put(
        root,
        **{
            "sys/class/hwmon/hwmon2/name": "coretemp\n",
            "sys/class/hwmon/hwmon2/temp1_input": "45500\n",
            "sys/class/hwmon/hwmon2/temp1_label": "Package id 0\n",
            "sys/class/hwmon/hwmon2/temp10_input": "-3000\n",
            "sys/class/hwmon/hwmon2/temp2_input": "\n",
            "sys/class/hwmon/hwmon3/name": "cpu_thermal\n",
            "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
            "sys/class/thermal/thermal_zone0/temp": "1\n",
            "sys/class/thermal/thermal_zone1/type": "gpu-thermal\n",
            "sys/class/thermal/thermal_zone1/temp": "-256000\n",
            "sys/class/thermal/thermal_zone2/type": "tj-thermal\n",
        },
    )
    assert temperatures(root) == [
        {"name": "coretemp/Package id 0", "cel": 45.5},
        {"name": "coretemp/temp2", "cel": None},
        {"name": "coretemp/temp10", "cel": -3.0},
        {"name": "zone/gpu-thermal", "cel": None},
        {"name": "zone/tj-thermal", "cel": None},
    ]


def test_the_power_mode_has_the_name_that_the_board_gives_it(root):
    """As `hilrig doctor` shows it; without the board's table the number alone, without nvpmodel nothing."""
    assert power_mode(root) is None
    put(root, **{"var/lib/nvpmodel/status": "pmode:0002\n"})
    assert power_mode(root) == "mode (2)"
    put(root, **{"etc/nvpmodel.conf": "< POWER_MODEL ID=0 NAME=MAXN >\n < POWER_MODEL ID=2 NAME=15W >\n"})
    assert power_mode(root) == "15W (2)"
    put(root, **{"var/lib/nvpmodel/status": "pmode:\n"})
    assert power_mode(root) is None


def test_whoever_holds_a_gpu_device_open_is_named(root):
    """Desktop, Jetson and render nodes; not our own processes, not NVIDIA's daemon that only holds it open."""
    put(root, **{"dev/nvidia0": ""})
    process(root, 40, "python3", "/dev/nvidia0", "/dev/nvidiactl")
    process(root, 9, "Xorg", "/dev/dri/renderD128")
    process(root, 100, "trtexec", "/dev/nvhost-ctrl-gpu")
    process(root, 101, "agx", "/dev/nvgpu/igpu0/ctrl")
    process(root, 102, "nvidia-persiste", "/dev/nvidia0")
    process(root, 103, "ours", "/dev/nvidia0")
    process(root, 104, "smi", "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/dri/card0")
    found, is_complete = gpu_users(root, ours=frozenset({103}))
    names = {item["pid"]: item["name"] for item in found}
    assert names == {9: "Xorg", 40: "python3", 100: "trtexec", 101: "agx"}
    assert is_complete


def test_without_a_gpu_there_is_nobody_to_miss(root):
    """No device file: complete, also where other users' processes can't be looked into."""
    put(root, **{"dev/null": "", "dev/dri/card0": ""})
    process(root, 7, "systemd", "/dev/nvidia0")
    assert gpu_users(root, ours=frozenset()) == ([], True)


def test_without_proc_nothing_is_known(root):
    """None, not an empty list: missing is not zero."""
    put(root, **{"dev/nvidia0": ""})
    assert gpu_users(root, ours=frozenset()) == (None, False)


def test_what_one_may_not_see_is_said_to_be_missing(root):
    """As another user than the one who owns the processes: some are closed, so the list is not complete."""
    put(root, **{"dev/nvidia0": ""})
    process(root, 40, "root-only", "/dev/nvidia0")
    (root / "proc/40/fd").chmod(0o700)
    process(root, 41, "open", "/dev/nvidia0")
    open_to_all(root)
    found = as_nobody(lambda: repr(gpu_users(root, ours=frozenset())))
    assert found == "([{'pid': 41, 'name': 'open'}], False)"


def test_a_lease_is_told_while_it_counts(work):
    """One past its time, or of another boot, or of a run without a keeper, holds nobody up."""
    lease = lease_of(60)
    run_folder(work, "gone")
    for held, expected in (
        (lease, asdict(lease)),
        (lease_of(-1), None),
        (replace(lease, boot_id="0" * 36), None),
        (replace(lease, run_id="gone"), None),
    ):
        work.lease.write_text(json.dumps(asdict(held)))
        assert asked(facts, work)[-1]["lease"] == expected


def test_a_damaged_lease_is_not_a_free_rig(work):
    """Somebody may hold it: a record that says so, not null."""
    work.lease.write_text("{")
    found = asked(facts, work)[-1]["lease"]
    assert found["holder"] == ""
    assert "cannot be read" in found["note"]
