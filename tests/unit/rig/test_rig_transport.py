"""A way to a rig from the rig's declaration."""

import pytest

from hilrig.core.errors import UsageError
from hilrig.core.rig import RigSpec
from hilrig.rig.local_transport import LocalTransport
from hilrig.rig.ssh.transport import SshTransport
from hilrig.rig.transport import open_transport


def rig(transport, **options):
    """Return a rig that is reached in this way."""
    return RigSpec(name="bench", transport=transport, transport_options=options, device_class="x86-cpu")


def test_each_name_gives_its_way():
    """The registry's names lead to the classes; nothing is reached by that."""
    assert isinstance(open_transport(rig("local")), LocalTransport)
    assert isinstance(open_transport(rig("ssh", host="192.0.2.1")), SshTransport)


def test_an_unknown_way_is_refused():
    """The message lists those that there are."""
    with pytest.raises(UsageError, match="telepathy") as caught:
        open_transport(rig("telepathy"))
    assert "ssh" in caught.value.hint
