"""Ways over ssh to an sshd of a test."""

import pytest

from hilrig.core.errors import RigLostError
from hilrig.rig.ssh.transport import SshTransport
from sshd import running_sshd

WAIT_S = 60.0


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    """Give a real sshd that no test of this file changes."""
    with running_sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


def way_to(sshd, **changed):
    """Return a way to it, not opened."""
    return SshTransport(SshTransport.Options(**sshd.options(**changed)), "bench", sshd.folder)


def output(transport, *argv):
    """Run a command to its end and return what it printed."""
    out, errors = transport.start(argv).communicate(timeout=WAIT_S)
    assert errors == b""
    return out


def opens(transport):
    """Return whether the rig is reached now."""
    try:
        transport.open()
    except RigLostError:
        return False
    return True


def refused(transport, kind):
    """Open a way that cannot be opened; return the error. Nothing of it stays."""
    with pytest.raises(kind) as caught:
        transport.open()
    assert transport._connection is None
    return caught.value
