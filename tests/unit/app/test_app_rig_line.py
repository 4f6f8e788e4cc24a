"""hilrig.app.rigs.line: looking at a labgrid rig takes nothing; a real coordinator, exporter and sshd."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hilrig.app.rigs.line import look_at_place, ssh_way
from hilrig.app.rigs.overview import who_holds
from hilrig.app.rigs.reserve import release, reserve
from hilrig.core.errors import UsageError
from hilrig.core.rig import RigSpec
from labgrid_lab import Lab, bench, running_lab
from sshd import Sshd, running_sshd

pytestmark = pytest.mark.waiting


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Lab, Sshd]]:
    """Return a lab with one place, whose rig answers."""
    folder = tmp_path_factory.mktemp("lab")
    with running_sshd(folder / "sshd") as sshd, running_lab(folder / "lab") as running:
        running.start_exporter("rack", {"bench": bench(port=sshd.port, user=sshd.user)})
        running.add_place("bench", "rack/bench/*")
        yield running, sshd


@pytest.fixture
def rig(lab: tuple[Lab, Sshd], tmp_path: Path) -> RigSpec:
    """Return the rig of that place, its host key accepted by its name."""
    running, sshd = lab
    key = sshd.known_hosts.read_text().split(" ", 1)[1]
    (tmp_path / "known_hosts").write_text(f"box {key}")
    return RigSpec(
        name="box",
        transport="labgrid",
        transport_options={"coordinator": running.address, "place": "bench", "key_file": str(sshd.key_file)},
        device_class="x86-cpu",
        work_folder="work",
        python=sys.executable,
        folder=str(tmp_path),
    )


def test_looking_does_not_acquire(rig: RigSpec, lab: tuple[Lab, Sshd], monkeypatch: pytest.MonkeyPatch):
    """The rig is asked and reserved beside labgrid; its place stays free for whoever wants it."""
    monkeypatch.setenv("HILRIG_HOLDER", "ada@desk")
    assert who_holds(rig) is None
    reserve(rig, for_s=600, note="")
    held = who_holds(rig)
    assert held is not None
    assert held.holder == "ada@desk"
    assert lab[0].holder("bench") == "None"
    assert release(rig, force=False) is not None


def test_a_place_that_somebody_holds(rig: RigSpec, lab: tuple[Lab, Sshd]):
    """What labgrid says counts where the rig itself knows of nobody."""
    lab[0].client("-p", "bench", "acquire", who="desk/ada")
    try:
        held = who_holds(rig)
        assert held is not None
        assert (held.holder, held.note) == ("ada@desk", "labgrid place bench")
        assert held.since_utc.startswith("20")
    finally:
        lab[0].client("-p", "bench", "release", who="desk/ada")
    look = look_at_place(rig)
    assert look is not None
    assert look.held is None


def test_the_way_over_ssh(rig: RigSpec, lab: tuple[Lab, Sshd]):
    """As the place publishes it, under the rig's own name; none for a rig that is a folder of this machine."""
    way = ssh_way(rig)
    assert way is not None
    assert (way.port, way.user) == (lab[1].port, lab[1].user)
    assert ssh_way(RigSpec(name="sim", transport="local", device_class="x86-cpu", work_folder="w")) is None


def test_this_machine_has_no_line():
    """The hint says what to do instead."""
    with pytest.raises(UsageError, match="done in place") as caught:
        reserve(RigSpec(name="local", transport="local", device_class="auto"), for_s=600, note="")
    assert "hilrig watch" in caught.value.hint
