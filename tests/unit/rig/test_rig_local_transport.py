"""The machine that one sits at, reached as if it were a rig elsewhere."""

import os
from pathlib import Path

import pytest

from hilrig.core.errors import RigLostError
from hilrig.rig.local_transport import LocalTransport


def way(folder, **options):
    """Return a way to this machine."""
    return LocalTransport(LocalTransport.Options(**options), "desk", folder)


def test_a_missing_home_is_a_lost_rig(tmp_path):
    """A disk that is not mounted is said by name, before anything starts."""
    with pytest.raises(RigLostError, match="rig 'desk'.*nowhere"):
        way(tmp_path, home="nowhere").open()


def test_a_relative_home_starts_at_the_rig_file(tmp_path):
    """The home in the facts is absolute."""
    (tmp_path / "home").mkdir()
    assert way(tmp_path, home="home").open()["home"] == str(tmp_path / "home")


def test_the_home_is_yours_if_none_is_stated(tmp_path):
    """Without an option it is the login's own."""
    assert way(tmp_path).open()["home"] == str(Path.home())


def test_a_command_has_a_session_of_its_own(tmp_path):
    """Ctrl-C in the terminal of hilrig does not reach it."""
    transport = way(tmp_path, home=".")
    transport.open()
    process = transport.start(["cat"])
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    process.communicate()


def test_close_ends_nothing(tmp_path):
    """What runs goes on, as on a rig whose line is let go of."""
    transport = way(tmp_path, home=".")
    transport.open()
    process = transport.start(["cat"])
    transport.close()
    assert process.communicate(b"on")[0] == b"on"
