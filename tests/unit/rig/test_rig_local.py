import json
import platform
from dataclasses import asdict

import pytest

from hilrig.core.canonical import canonical_json
from hilrig.core.errors import PreconditionError
from hilrig.rig import accelerator_stack, local, machine
from hilrig.rig.identity import boot_id, serial_sha256
from hilrig.rig.local import inspect_local, stack_sha256
from hilrig.rig.nvidia import card_models, driver_version, n_pci_cards

BOOT_ID = "226c9993-ebd8-4b1f-8d3c-5adc71ae755c"
UUID = "4c4c4544-0051-3510-8052-b4c04f4d3233"


def write(root, path, content):
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(content)


@pytest.fixture
def root(tmp_path):
    write(tmp_path, "proc/sys/kernel/random/boot_id", f"{BOOT_ID}\n")
    write(tmp_path, "proc/sys/kernel/osrelease", "5.15.148-tegra\n")
    write(tmp_path, "etc/os-release", 'NAME="Ubuntu"\nPRETTY_NAME="Ubuntu 22.04.5 LTS"\n')
    write(tmp_path, "proc/meminfo", "MemTotal:       16031000 kB\n")
    write(
        tmp_path,
        "proc/cpuinfo",
        "processor : 0\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd42\n",
    )
    write(tmp_path, "proc/device-tree/model", "NVIDIA Jetson Orin NX\0")
    write(tmp_path, "proc/device-tree/compatible", "nvidia,p3767-0000\0nvidia,tegra234\0")
    write(tmp_path, "proc/device-tree/serial-number", "1421821048573\0")
    write(tmp_path, "etc/nv_tegra_release", "# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic\n")
    write(tmp_path, "proc/1/cgroup", "0::/init.scope\n")
    for number, governor in enumerate(["schedutil", "schedutil", "performance"]):
        cpufreq = f"sys/devices/system/cpu/cpu{number}/cpufreq"
        write(tmp_path, f"{cpufreq}/scaling_governor", f"{governor}\n")
        write(tmp_path, f"{cpufreq}/scaling_min_freq", "729600\n")
        write(tmp_path, f"{cpufreq}/scaling_max_freq", f"{1984000 if number < 2 else 1190400}\n")
    write(tmp_path, "sys/class/devfreq/17000000.gpu/min_freq", "306000000\n")
    write(tmp_path, "sys/class/devfreq/17000000.gpu/max_freq", "918000000\n")
    write(tmp_path, "var/lib/nvpmodel/status", "pmode:0002\n")
    write(tmp_path, "etc/nvpmodel.conf", "< POWER_MODEL ID=0 NAME=MAXN >\n< POWER_MODEL ID=2 NAME=MODE_15W >\n")
    write(
        tmp_path,
        "var/lib/dpkg/status",
        "".join(
            f"Package: {name}\nStatus: install ok installed\nArchitecture: arm64\nVersion: {version}\n\n"
            for name, version in (
                ("cuda-cudart-12-6", "12.6.68-1"),
                ("libnvinfer10", "10.3.0.30-1+cuda12.5"),
                ("libcudnn9-cuda-12", "9.3.0.75-1"),
                ("nvidia-jetpack", "6.2+b77"),
                ("nvidia-l4t-core", "36.4.3-20250107174145"),
            )
        ),
    )
    return tmp_path


def test_a_jetson_is_described(root, monkeypatch):
    """Everything that a Jetson's files say is in the facts, as JSON."""
    monkeypatch.setattr(accelerator_stack, "distribution_versions", dict)  # what is installed beside the tests
    info = inspect_local(root, name="bench-1")
    assert info.name == "bench-1"
    assert info.device_classes == ("jetson-orin-nx-16gb", "arm64-cpu")
    assert info.boot_id == BOOT_ID
    known = {
        "os": "Ubuntu 22.04.5 LTS",
        "kernel": "5.15.148-tegra",
        "architecture": "aarch64",
        "board": "NVIDIA Jetson Orin NX",
        "cpu_model": "implementer 0x41 part 0xd42",
        "cpus_logical": 3,
        "memory_bytes": 16031000 * 1024,
        "governors": ["performance", "schedutil"],
        "container": False,
        "virtualised": None,
        "nvidia_cards": [],
        "nvidia_driver": None,
        "l4t": "36.4.3",
        "jetpack": "6.2+b77",
        "cuda": {"cuda-cudart-12-6": "12.6.68-1"},
        "tensorrt": {"libnvinfer10": "10.3.0.30-1+cuda12.5"},
        "cudnn": {"libcudnn9-cuda-12": "9.3.0.75-1"},
        "power_mode": "MODE_15W (2)",
        "cpu_clock_min_hz": [729_600_000],
        "cpu_clock_max_hz": [1_190_400_000, 1_984_000_000],
        "gpu_clock_min_hz": 306_000_000,
        "gpu_clock_max_hz": 918_000_000,
        "nvidia_gpus": None,
        "python": platform.python_version(),
    }
    assert {key: info.facts[key] for key in known} == known
    assert json.loads(canonical_json(asdict(info)))["facts"] == dict(info.facts)


def test_unknown_is_none(tmp_path):
    """Where nothing can be read, facts are None, never a default."""
    write(tmp_path, "proc/sys/kernel/random/boot_id", f"{BOOT_ID}\n")
    info = inspect_local(tmp_path)
    unknown = {key for key, value in info.facts.items() if value is None}
    assert unknown >= {"os", "kernel", "architecture", "cpu_model", "cpus_logical", "memory_bytes", "governors"}
    assert unknown >= {"container", "virtualised", "l4t", "nvidia_driver", "board", "jetpack", "power_mode"}
    assert unknown >= {"cpu_clock_min_hz", "cpu_clock_max_hz", "gpu_clock_min_hz", "gpu_clock_max_hz"}
    assert info.device_classes == ()
    assert info.serial_sha256 is None


def test_without_a_boot_id_nothing_starts(tmp_path):
    """A machine whose reboot would go unnoticed is refused; the message names the file."""
    with pytest.raises(PreconditionError, match=r"random/boot_id: expected .* found nothing") as caught:
        inspect_local(tmp_path)
    assert caught.value.hint


def test_this_machine_is_described():
    """The real machine has a class, a boot and its own Python."""
    info = inspect_local()
    assert info.device_classes[-1] in {"x86-cpu", "arm64-cpu"}
    assert info.facts["python"] == platform.python_version()
    assert "numpy" in info.facts["packages"]


def test_the_stack_changes_with_the_software_and_not_with_the_clocks(root):
    """A new driver is a new stack; another governor, bound of a clock, free memory or boot is the same one."""
    before = inspect_local(root).stack_sha256
    write(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n")
    write(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_min_freq", "1984000\n")
    write(root, "sys/class/devfreq/17000000.gpu/min_freq", "918000000\n")
    write(root, "proc/meminfo", "MemTotal:       16030000 kB\n")
    write(root, "proc/sys/kernel/random/boot_id", "another\n")
    assert inspect_local(root).stack_sha256 == before
    write(root, "etc/nv_tegra_release", "# R36 (release), REVISION: 4.4, GCID: 1\n")
    assert inspect_local(root).stack_sha256 != before


def test_another_power_mode_is_another_stack(root):
    """The mode switches CPUs off and caps clocks over reboots: what was measured in another one says little."""
    before = inspect_local(root).stack_sha256
    write(root, "var/lib/nvpmodel/status", "pmode:0000\n")
    assert inspect_local(root).stack_sha256 != before


@pytest.mark.parametrize("key", local._STACK_FACTS)
def test_every_fact_of_the_stack_counts(root, key):
    """Changing any one of them changes the digest."""
    facts = dict(inspect_local(root).facts)
    assert stack_sha256(facts | {key: "changed"}) != stack_sha256(facts)


def test_the_serial_is_hashed_and_never_shown(root):
    """The machine's serial appears nowhere in what is recorded."""
    write(root, "sys/class/dmi/id/product_uuid", f"{UUID.upper()}\n")
    info = inspect_local(root)
    assert len(info.serial_sha256) == 64
    assert UUID not in json.dumps(asdict(info)).lower()


def test_serials_of_different_kinds_never_meet(tmp_path):
    """The same text as a DMI and as a machine id is two different machines."""
    write(tmp_path, "etc/machine-id", UUID)
    as_machine_id = serial_sha256(tmp_path)
    write(tmp_path, "sys/class/dmi/id/product_uuid", UUID)
    assert serial_sha256(tmp_path) not in {None, as_machine_id}


@pytest.mark.parametrize(
    "placeholder",
    [
        "00000000-0000-0000-0000-000000000000",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "03000200-0400-0500-0006-000700080009",
        "",
    ],
)
def test_a_serial_that_many_boards_share_is_unknown(tmp_path, placeholder):
    """A vendor's placeholder identifies nothing; the next source is asked."""
    write(tmp_path, "sys/class/dmi/id/product_uuid", f"{placeholder}\n")
    assert serial_sha256(tmp_path) is None
    write(tmp_path, "etc/machine-id", "b08dfa6083e7567a1921a715000001fb\n")
    assert serial_sha256(tmp_path) is not None


def test_boot_id_is_stripped(root):
    """The identifier is compared as text, so it carries no newline."""
    assert boot_id(root) == BOOT_ID


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n", "550.54.15"),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.10  Release\nGCC version: 12.3.0\n",
            "570.86.10",
        ),
        ("GCC version:  gcc version 12.3.0 (Ubuntu)\n", None),
        ("", None),
    ],
)
def test_the_driver_version_is_the_modules_not_the_compilers(tmp_path, text, version):
    """Both forms of the driver's line are read; the compiler's version next to it is not taken for it."""
    write(tmp_path, "proc/driver/nvidia/version", text)
    assert driver_version(tmp_path) == version


def test_a_key_without_a_value_does_not_take_the_next_line(tmp_path):
    """An empty line of /proc/cpuinfo is an empty value."""
    write(tmp_path, "proc/cpuinfo", "model name\t:\nflags\t: fpu lm\n")
    assert machine.cpu_model(tmp_path) is None


def test_a_card_without_a_model_is_left_out(tmp_path):
    """A card that is not up yet has no model to name."""
    write(tmp_path, "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t \nIRQ: 5\n")
    write(tmp_path, "proc/driver/nvidia/gpus/0000:02:00.0/information", "Model: \t\t Tesla T4\n")
    assert card_models(tmp_path) == ("Tesla T4",)


def test_cards_are_counted_without_a_driver(tmp_path):
    """A GPU of NVIDIA is seen on the bus, with or without outputs; its sound device and other vendors are not."""
    for number, (vendor, kind) in enumerate(
        [("0x10de", "0x030000"), ("0x10de", "0x030200"), ("0x10de", "0x040300"), ("0x8086", "0x030000")]
    ):
        write(tmp_path, f"sys/bus/pci/devices/0000:0{number}:00.0/vendor", f"{vendor}\n")
        write(tmp_path, f"sys/bus/pci/devices/0000:0{number}:00.0/class", f"{kind}\n")
    assert n_pci_cards(tmp_path) == 2


def test_the_device_tree_is_read_where_it_really_is(root):
    """/proc/device-tree is a link with an absolute target: under another root only the tree itself is there."""
    (root / "sys/firmware/devicetree").mkdir(parents=True)
    (root / "proc/device-tree").rename(root / "sys/firmware/devicetree/base")
    (root / "proc/device-tree").symlink_to("/sys/firmware/devicetree/base")
    info = inspect_local(root)
    assert info.facts["board"] == "NVIDIA Jetson Orin NX"
    assert info.device_classes == ("jetson-orin-nx-16gb", "arm64-cpu")
    assert info.serial_sha256 is not None


def test_a_hypervisor_shows_in_the_flags(tmp_path):
    """x86 says yes or no; ARM only yes, when the firmware names the hypervisor."""
    write(tmp_path, "proc/cpuinfo", "flags\t: fpu lm hypervisor\n")
    assert machine.virtualised(tmp_path) is True
    write(tmp_path, "proc/cpuinfo", "flags\t: fpu lm\n")
    assert machine.virtualised(tmp_path) is False
    write(tmp_path, "proc/cpuinfo", "CPU architecture: 8\n")
    assert machine.virtualised(tmp_path) is None
    write(tmp_path, "proc/device-tree/hypervisor/compatible", "linux,kvm")
    assert machine.virtualised(tmp_path) is True


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        (".dockerenv", "", True),
        ("run/.containerenv", "", True),
        ("proc/1/cgroup", "0::/system.slice/docker-abc.scope\n", True),
        ("proc/1/cgroup", "12:cpu:/docker/abc\n", True),
        ("proc/1/cgroup", "0::/kubepods/burstable/pod1\n", True),
        ("proc/1/cgroup", "0::/init.scope\n", False),
        ("proc/1/cgroup", "0::/\n", None),
        ("proc/2/cgroup", "", None),
    ],
)
def test_a_container_is_noticed(tmp_path, path, content, expected):
    """Marker files and the first process's group tell; without either nobody knows."""
    write(tmp_path, path, content)
    assert machine.in_container(tmp_path) is expected


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"', "Debian GNU/Linux 12 (bookworm)"),
        ("PRETTY_NAME='Yocto'", "Yocto"),
        ('PRETTY_NAME="broken', None),
        ("PRETTY_NAME=", None),
    ],
)
def test_the_os_name_is_unquoted(tmp_path, line, name):
    """Quotes as in a shell are taken off; a broken line is unknown."""
    write(tmp_path, "etc/os-release", f"ID=x\n{line}\n")
    assert machine.os_name(tmp_path) == name


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("model name\t: QEMU TCG CPU version 2.5+\nflags\t\t: lm hypervisor\n", "QEMU TCG"),
        ("model name\t: AMD EPYC 7763 64-Core Processor\nflags\t\t: lm hypervisor\n", None),
        ("model name\t: QEMU Virtual CPU version 2.5+\nflags\t\t: lm hypervisor\n", None),  # KVM has it, too
        ("CPU implementer\t: 0x00\nCPU part\t: 0x051\n", "QEMU TCG"),
        ("CPU implementer\t: 0x41\nCPU part\t: 0xd42\n", None),
        ("", None),
    ],
)
def test_an_emulated_cpu_is_known_by_its_own_name(cpuinfo, expected, tmp_path):
    """A virtual machine on real hardware is not emulated; nothing is guessed where nothing is said."""
    write(tmp_path, "proc/cpuinfo", cpuinfo)
    assert machine.emulated(tmp_path) == expected
