"""What a virtual rig is made of, without booting one."""

import json
import os
import re
import socket
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from hilrig.core.errors import PreconditionError, RigLostError
from hilrig.core.rig import PowerState
from hilrig.rig.identity import boot_id
from hilrig.rig.virtual import recipe, site_packages
from hilrig.rig.virtual.accelerator import Accelerator, choose_accelerator
from hilrig.rig.virtual.build import Image, find_image
from hilrig.rig.virtual.debian import apt_sources
from hilrig.rig.virtual.machine import free_port, is_free, make_machine, read_machine, write_machine
from hilrig.rig.virtual.programs import require_programs, run_program
from hilrig.rig.virtual.ready import wait_ready
from hilrig.rig.virtual.seed import make_seed
from needed_programs import need


@pytest.fixture
def image(tmp_path):
    """Give an image whose files are only names: nothing boots it."""
    made = Image(folder=tmp_path / "image")
    made.folder.mkdir()
    for file in (made.kernel, made.initramfs, made.disk):
        file.write_bytes(file.name.encode())
        file.chmod(0o444)
    return made


@pytest.fixture
def machine(image, tmp_path):
    """Give a rig with real keys."""
    need("ssh-keygen")
    return make_machine(
        tmp_path / "rigs/virtual-0", name="virtual-0", image=image, accelerator=Accelerator.TCG, port=22110
    )


class Outlet:
    """A power control that only says a state."""

    def __init__(self, state):
        self._state = state

    def state(self):
        return self._state

    def on(self):
        """Not needed."""

    def off(self):
        """Not needed."""


def test_another_script_is_another_image(tmp_path, monkeypatch):
    """The image is named after all that decides what is in it."""
    before = recipe.recipe_sha256()
    assert before == recipe.recipe_sha256()
    monkeypatch.setattr(recipe, "PACKAGES", (*recipe.PACKAGES, "strace"))
    assert recipe.recipe_sha256() != before
    assert find_image(tmp_path) is None


def test_the_image_gets_the_packages_that_are_here():
    """Every requirement of hilrig and of the extra `cpu`, with what they need, in the versions of this machine."""
    asked = {re.split(r"[\[>=<]", text)[0] for text in site_packages.required()}
    assert {"numpy", "pyarrow", "pandas", "onnxruntime", "opencv-python-headless", "securesystemslib"} <= asked
    assert not {"torch", "onnxruntime-gpu", "labgrid", "mcap"} & asked
    pins = dict(pin.split("==") for pin in site_packages.pins())
    assert asked <= pins.keys()
    assert {"cryptography", "pydantic-core"} <= pins.keys()


@pytest.mark.parametrize(
    ("name", "text", "is_taken"),
    [
        (
            "debian.sources",
            "Types: deb\nURIs: http://a/debian\nSuites: bookworm bookworm-updates\nComponents: main\n",
            True,
        ),
        ("own.list", "deb [signed-by=/k] http://a/debian bookworm main\n", True),
        ("docker.list", "deb http://a/linux/debian bookworm stable\n", False),
        ("pgdg.list", "deb http://a/pgdg bookworm-pgdg main\n", False),
        ("off.list", "# deb http://a/debian bookworm main\n", False),
        ("debian.sources.disabled", "Suites: bookworm\nComponents: main\n", False),
        ("new.sources", "Suites: trixie\nComponents: main\n", False),
    ],
)
def test_only_debians_own_archive_is_taken(name, text, is_taken, tmp_path):
    """Other archives of this machine have nothing for a rig, and may need keys that are not there."""
    folder = tmp_path / "sources.list.d"
    folder.mkdir()
    (folder / name).write_text(text)
    assert apt_sources(tmp_path) == ([folder / name] if is_taken else [])


def test_missing_programs_are_named_with_their_packages():
    """All at once, so that one command installs them."""
    with pytest.raises(PreconditionError, match="lacks: no-such-a, no-such-b") as caught:
        require_programs({"no-such-a": "pack-2", "sh": "dash", "no-such-b": "pack-1"}, purpose="try")
    assert caught.value.hint == "sudo apt install pack-1 pack-2"


def test_a_failed_step_has_its_last_words():
    """The message has the program, its exit code and what it said."""
    with pytest.raises(PreconditionError, match="sh failed with exit code 4: no room"):
        run_program(["sh", "-c", "echo no room >&2; exit 4"])


def test_keys_are_the_owners_alone(machine):
    """The folder has private keys; the seed has one, too."""
    assert machine.folder.stat().st_mode & 0o777 == 0o700
    for name in ("id", "host_key", "seed.tar", "disk.img"):
        assert (machine.folder / name).stat().st_mode & 0o077 == 0


def test_every_rig_has_keys_of_its_own(tmp_path):
    """Two rigs from one image share no key."""
    need("ssh-keygen")
    texts = []
    for name in ("virtual-0", "virtual-1"):
        (tmp_path / name).mkdir()
        make_seed(tmp_path / name, name=name)
        texts.append((tmp_path / name / "host_key").read_text())
    assert texts[0] != texts[1]


def test_the_seed_says_which_rig_it_is(machine):
    """Name, host key and the one who may log in, with modes that sshd accepts; whole sectors, as a disk has."""
    with tarfile.open(machine.folder / "seed.tar") as archive:
        modes = {entry.name: entry.mode for entry in archive}
        key = archive.extractfile("etc/ssh/ssh_host_ed25519_key").read()
        login = archive.extractfile("home/hilrig/.ssh/authorized_keys").read()
        name = archive.extractfile("etc/hostname").read()
    assert modes["etc/ssh/ssh_host_ed25519_key"] == 0o600
    assert key == (machine.folder / "host_key").read_bytes()
    assert login == (machine.folder / "id.pub").read_bytes()
    assert name == b"virtual-0\n"
    assert (machine.folder / "seed.tar").stat().st_size % 512 == 0


def test_the_host_key_is_known_before_the_first_connection(machine):
    """Nothing is trusted on first use."""
    host, kind, key = (machine.folder / "known_hosts").read_text().split()
    assert host == "[127.0.0.1]:22110"
    assert [kind, key] == (machine.folder / "host_key.pub").read_text().split()[:2]


def test_the_guest_reaches_nobody(machine):
    """One way in, on loopback; no way out; what it flushes is on the disk."""
    argv = json.loads((machine.folder / "qemu.json").read_text())["argv"]
    assert "user,model=virtio-net-pci,restrict=on,hostfwd=tcp:127.0.0.1:22110-:22" in argv
    assert "file=disk.img,format=raw,if=virtio,cache=none" in argv


def test_a_rig_is_read_as_it_was_made(machine):
    """Also with another port, which known_hosts then has, too."""
    assert read_machine(machine.folder) == machine
    moved = replace(machine, port=22111)
    write_machine(moved)
    assert read_machine(machine.folder) == moved
    assert "[127.0.0.1]:22111 " in (machine.folder / "known_hosts").read_text()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"name": "x", "port": 1}', '{"name": "x", "port": 1, "accelerator": "x"}']
)
def test_a_damaged_description_is_told(text, machine):
    """With the file's name and what to do."""
    (machine.folder / "qemu.json").write_text(text)
    with pytest.raises(PreconditionError, match="qemu.json: expected the description"):
        read_machine(machine.folder)


def test_a_half_made_rig_is_not_there(image, tmp_path):
    """A step that fails leaves no folder that looks like a rig."""
    image.disk.unlink()
    with pytest.raises(PreconditionError, match="cp failed"):
        make_machine(tmp_path / "rigs/v", name="v", image=image, accelerator=Accelerator.TCG, port=1)
    assert list((tmp_path / "rigs").iterdir()) == []


def test_a_port_that_somebody_listens_at_is_not_free():
    """A port of another virtual rig that is off is not given out again either."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)
    assert free_port({port}) != port


def test_without_kvm_the_cpu_is_emulated(image, tmp_path):
    """No device, no boot: and the answer is kept for this boot."""
    memory = tmp_path / "accelerator.json"
    assert choose_accelerator(image, memory_file=memory, device=tmp_path / "kvm") is Accelerator.TCG
    assert json.loads(memory.read_text()) == {"boot_id": boot_id(Path("/")), "accelerator": "tcg"}


def test_a_device_that_opens_proves_nothing(image, tmp_path, monkeypatch):
    """Only a guest that says its word counts: one that ends without is emulated."""
    for name, says, found in (("dead", "exit 1", Accelerator.TCG), ("alive", "echo RIG: probe", Accelerator.KVM)):
        folder = tmp_path / name
        folder.mkdir()
        program = folder / "qemu-system-x86_64"
        program.write_text(f"#!/bin/sh\n{says}\n")
        program.chmod(0o755)
        with monkeypatch.context() as patched:
            patched.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
            memory = folder / "accelerator.json"
            assert choose_accelerator(image, memory_file=memory, device=Path("/dev/null")) is found


@pytest.mark.parametrize(
    ("kept", "found"),
    [
        ({"accelerator": "kvm"}, Accelerator.KVM),
        ({"accelerator": "kvm", "boot_id": "another"}, Accelerator.TCG),
        ({"accelerator": "fast"}, Accelerator.TCG),
    ],
)
def test_what_was_found_counts_for_one_boot(kept, found, image, tmp_path):
    """After a reboot, or when the note is damaged, it is tried again."""
    memory = tmp_path / "accelerator.json"
    memory.write_text(json.dumps({"boot_id": boot_id(Path("/"))} | kept))
    assert choose_accelerator(image, memory_file=memory, device=tmp_path / "kvm") is found


def test_a_rig_that_ends_itself_is_not_waited_for(machine):
    """Its last words are shown, without control characters."""
    (machine.folder / "serial.log").write_bytes(b"\x1b[2Jone\r\nRIG: the disk cannot be mounted\r\n")
    with pytest.raises(RigLostError, match="switched itself off; .*cannot be mounted") as caught:
        wait_ready(machine, Outlet(PowerState.OFF))
    assert caught.value.message.isprintable()


def test_a_rig_that_never_answers_is_given_up(machine):
    """After the limit, with where to look."""
    with pytest.raises(RigLostError, match=r"no answer within 0 s; its last words: none") as caught:
        wait_ready(machine, Outlet(PowerState.ON), limit_s=0)
    assert "serial.log" in caught.value.hint
