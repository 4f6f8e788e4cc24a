"""The way to a labgrid place that several files of tests go."""

from pathlib import Path

import pytest

from hilrig.rig.labgrid.transport import LabgridOptions, LabgridTransport
from labgrid_ways import Clock
from sshd import running_sshd


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    """Give the rig behind every place; its host key is known by the rig's name only."""
    with running_sshd(tmp_path_factory.mktemp("sshd")) as running:
        key = Path(f"{running.host_key}.pub").read_text()
        running.known_hosts.write_text(f"line3 {key}")
        yield running


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def to(sshd, tmp_path, clock):
    """Give a function that makes a way to a place, closed when the test ends."""
    made = []

    def make(lab, place="", **changed):
        options = {
            "coordinator": lab.address,
            "key_file": str(sshd.key_file),
            "known_hosts": str(sshd.known_hosts),
        }
        way = LabgridTransport(
            LabgridOptions(**{**options, "place": place, **changed}), "line3", tmp_path, clock=clock
        )
        made.append(way)
        return way

    yield make
    for way in made:
        way.close()
