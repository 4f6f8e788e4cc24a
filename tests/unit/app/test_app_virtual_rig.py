"""Virtual rigs as a use case: names, files, places; what needs no boot."""

import json
import socket
import threading
import urllib.error
import urllib.request
from dataclasses import replace

import pytest
import yaml

from hilrig.app.rigs import virtual_rig
from hilrig.app.rigs.files import find_rig
from hilrig.app.rigs.virtual_place import exporter_text, power_port
from hilrig.core.errors import PreconditionError, RigLostError, UsageError
from hilrig.core.rig import PowerState
from hilrig.rig.ssh.options import SshOptions
from hilrig.rig.virtual.accelerator import Accelerator
from hilrig.rig.virtual.build import Image
from hilrig.rig.virtual.machine import make_machine, read_machine
from hilrig.rig.virtual.programs import TO_RUN
from needed_programs import need

pytestmark = pytest.mark.waiting


@pytest.fixture
def machine(tmp_path):
    """Give a virtual rig of this user's that nothing can boot."""
    need("ssh-keygen")
    image = Image(folder=tmp_path / "image")
    image.folder.mkdir()
    for file in (image.kernel, image.initramfs, image.disk):
        file.write_bytes(b"")
    folder = virtual_rig.machines_folder() / "virtual-0"
    return make_machine(folder, name="virtual-0", image=image, accelerator=Accelerator.TCG, port=22110)


class Outlet:
    """A power control in memory; off fails when it is `stuck`."""

    def __init__(self, *, stuck=False):
        self.is_on, self._stuck = True, stuck

    def on(self):
        """Give power."""
        self.is_on = True

    def off(self):
        """Cut it."""
        if self._stuck:
            raise RigLostError("QEMU can't be killed")
        self.is_on = False

    def state(self):
        """Return what it is."""
        return PowerState.ON if self.is_on else PowerState.OFF


@pytest.fixture
def served():
    """Give a function that serves an outlet and returns the URL of its port."""
    ends = []

    def serve(outlet):
        context = power_port(outlet)
        url, server = context.__enter__()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        ends.append((context, server, thread))
        return url

    yield serve
    for context, server, thread in ends:
        server.shutdown()
        thread.join()
        context.__exit__(None, None, None)


def test_the_rig_file_is_one_like_any_other(machine, tmp_path):
    """What `up` writes is read by the same strict reader, options and all."""
    path = tmp_path / "rigs/virtual-0.yaml"
    virtual_rig._write_rig_file(machine, path)
    spec, found = find_rig("virtual-0", path.parent)
    assert found == path
    assert (spec.transport, spec.power, spec.device_class) == ("ssh", "qemu", "x86-cpu")
    assert SshOptions(**spec.transport_options) == machine.ssh
    assert spec.power_options == {"folder": str(machine.folder)}


def test_another_rigs_file_is_never_overwritten(tmp_path):
    """A lab may have called a real rig virtual-0."""
    need(*TO_RUN)
    path = tmp_path / "virtual-0.yaml"
    path.write_text("format: 1\nname: virtual-0\n")
    with pytest.raises(UsageError, match="is there already, and is not the file of this virtual rig"):
        virtual_rig.up("virtual-0", tmp_path, tell=lambda *_: None)
    assert path.read_text() == "format: 1\nname: virtual-0\n"


@pytest.mark.parametrize("name", ["", "..", "a/b", "-x", "A", "x" * 65, "a\n", "lock "])
def test_a_name_that_leads_elsewhere_is_refused(name, tmp_path):
    """`remove` deletes a folder: its name must be a name."""
    for act in (lambda: virtual_rig.remove(name, tmp_path), lambda: virtual_rig.down(name)):
        with pytest.raises(UsageError, match="cannot be a rig's name"):
            act()


def test_remove_takes_the_rig_and_its_file_only(machine, tmp_path):
    """Rig files of other rigs stay."""
    rigs = tmp_path / "rigs"
    virtual_rig._write_rig_file(machine, rigs / "virtual-0.yaml")
    (rigs / "other.yaml").write_text("format: 1\n")
    virtual_rig.remove("virtual-0", rigs)
    assert not machine.folder.exists()
    assert [path.name for path in rigs.iterdir()] == ["other.yaml"]
    assert virtual_rig.all_machines() == ()


def test_remove_leaves_a_file_that_is_another_rigs(machine, tmp_path):
    """The name alone does not make it ours."""
    (tmp_path / "virtual-0.yaml").write_text("format: 1\nname: virtual-0\n")
    virtual_rig.remove("virtual-0", tmp_path)
    assert (tmp_path / "virtual-0.yaml").exists()


def test_a_rig_that_was_never_made_is_told(tmp_path):
    """With the command that makes it."""
    with pytest.raises(PreconditionError, match="there is no virtual rig virtual-7") as caught:
        virtual_rig.down("virtual-7")
    assert caught.value.hint == "hilrig rigs virtual up virtual-7"
    with pytest.raises(PreconditionError, match="there is no virtual rig virtual-7"):
        virtual_rig.remove("virtual-7", tmp_path)


def test_a_damaged_rig_is_left_out_of_the_list_and_can_be_removed(machine, tmp_path):
    """One broken folder does not hide the others, nor stay for ever."""
    (machine.folder / "qemu.json").write_text(json.dumps({"argv": ["qemu"]}))
    assert virtual_rig.all_machines() == ()
    virtual_rig.remove("virtual-0", tmp_path)
    assert not machine.folder.exists()


def test_a_rig_whose_port_was_taken_moves(machine):
    """While it is off another program may listen there."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        taken = replace(machine, port=port)
        moved = virtual_rig._with_own_port(taken)
        assert moved.port != port
        assert read_machine(machine.folder) == moved
    assert virtual_rig._with_own_port(moved) == moved


def test_labgrids_own_driver_switches_the_port(served):
    """The model `simplerest` of labgrid sets and reads the power through the URL that the exporter's file has."""
    simplerest = pytest.importorskip("labgrid.driver.power.simplerest", reason="labgrid is not installed")
    outlet = Outlet()
    url = served(outlet)
    simplerest.power_set(url, None, "0", False)
    assert not outlet.is_on
    assert simplerest.power_get(url, None, "0") is False
    simplerest.power_set(url, None, "0", True)
    assert simplerest.power_get(url, None, "0") is True


def test_nobody_else_finds_the_power_port(served):
    """A page in a browser can ask a port on loopback: without the token it gets nothing."""
    outlet = Outlet()
    begin = "/".join(served(outlet).split("/")[:3])
    for path in ("/0", "/", "/0/0", "/guess/0"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(begin + path, timeout=60)
    assert outlet.is_on


@pytest.mark.parametrize("value", ["2", "on", "0/0", "?on=0"])
def test_an_unknown_order_switches_nothing(value, served):
    """Neither on nor off is guessed."""
    outlet = Outlet()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(served(outlet).format(value=value), timeout=60)
    assert outlet.is_on


def test_a_cut_that_fails_is_an_error_for_labgrid(served):
    """An answer of 200 would make labgrid believe that the rig is off."""
    with pytest.raises(urllib.error.HTTPError, match="500"):
        urllib.request.urlopen(served(Outlet(stuck=True)).format(value="0"), timeout=60)


def test_the_exporters_file_is_what_labgrid_reads(machine):
    """Address, port and user of ssh; the power port; comments that its template engine takes for comments."""
    text = exporter_text(machine, url="http://127.0.0.1:5/t/{value}")
    group = yaml.safe_load(text)["virtual-0"]
    assert group["NetworkService"] == {"address": "127.0.0.1", "port": 22110, "username": "hilrig"}
    assert group["NetworkPowerPort"] == {"model": "simplerest", "host": "http://127.0.0.1:5/t/{value}", "index": 0}
    assert all(line.startswith("##") for line in text.splitlines() if line.startswith("#"))
