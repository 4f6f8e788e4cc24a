"""A virtual rig that is booted once for all tests here; each test cuts its power as it likes."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hilrig.app.rigs.virtual_rig import images_folder
from hilrig.core.errors import PreconditionError
from hilrig.core.rig import PowerState
from hilrig.rig.qemu_power import PID_FILE, QemuPower, QemuPowerOptions
from hilrig.rig.ssh.options import reaching
from hilrig.rig.virtual.accelerator import choose_accelerator
from hilrig.rig.virtual.build import Image, find_image, get_image
from hilrig.rig.virtual.machine import VirtualMachine, free_port, make_machine
from hilrig.rig.virtual.programs import TO_BUILD, TO_RUN, require_programs
from hilrig.rig.virtual.ready import wait_ready

COMMAND_LIMIT_S = 300
BY_LENGTH = ("test_virtual_power_loss", "test_virtual_rig", "test_virtual_commands", "test_virtual_run")
"""So each of two workers has half: one the cuts with the commands, the other the rig, then the runs."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files: a worker that has one test only is given another file at once, and keeps it."""
    items.sort(key=lambda item: BY_LENGTH.index(item.path.stem))


class Rig:
    """A booted virtual rig: its machine, its power, a way to run something in it.

    `boots_cpu_s` has a number for each boot: the seconds of CPU that QEMU used from power to the first command.
    """

    def __init__(self, machine: VirtualMachine, power: QemuPower) -> None:
        self.machine = machine
        self.power = power
        self.boots_cpu_s: list[float] = []

    def start(self) -> None:
        """Give it power if it has none, wait until it answers."""
        was_off = self.power.state() is PowerState.OFF
        self.power.on()
        wait_ready(self.machine, self.power)
        if was_off:
            self.boots_cpu_s.append(self._cpu_s())

    def _cpu_s(self) -> float:
        pid = (self.machine.folder / PID_FILE).read_text().strip()
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        user_ticks, system_ticks = after_name[11:13]  # fields 14 and 15 of proc(5)
        return (int(user_ticks) + int(system_ticks)) / os.sysconf("SC_CLK_TCK")

    def ssh(self) -> list[str]:
        """Return the arguments that reach it."""
        ssh = self.machine.ssh
        return ["ssh", *reaching(ssh, self.machine.folder), ssh.host]

    def run(self, command: str) -> str:
        """Return what a command prints in the guest; it must succeed."""
        return subprocess.run(
            [*self.ssh(), command], check=True, capture_output=True, text=True, timeout=COMMAND_LIMIT_S
        ).stdout.strip()


@pytest.fixture(scope="session")
def image() -> Image:
    """Give the image of this recipe, built if need be."""
    try:
        require_programs({**TO_RUN, **TO_BUILD}, purpose="run these tests")
    except PreconditionError as error:
        pytest.skip(f"{error.message}; {error.hint}")
    if find_image(images_folder()) is None and os.geteuid() != 0:
        pytest.skip("hardware: root, to build the image of a virtual rig")
    return get_image(images_folder(), tell=lambda *_: None)


@pytest.fixture(scope="session")
def _session_rig(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder: Path = tmp_path_factory.mktemp("machines") / "virtual-test"
    accelerator = choose_accelerator(image, memory_file=images_folder() / "accelerator.json")
    machine = make_machine(folder, name="virtual-test", image=image, accelerator=accelerator, port=free_port())
    power = QemuPower(QemuPowerOptions(folder=str(folder)), machine.name, folder)
    yield Rig(machine, power)
    power.off()


@pytest.fixture
def rig(_session_rig: Rig) -> Rig:
    """Give the rig, up."""
    _session_rig.start()
    return _session_rig
