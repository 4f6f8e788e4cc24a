"""What is refused before anything is served, and what the page is called."""

import ipaddress
from dataclasses import replace

import pytest

from hilrig.app.web.serve import ServeRequest, _addresses, serve
from hilrig.core.errors import PreconditionError, TrustError, UsageError
from stations import write_station


@pytest.fixture
def request_(tmp_path):
    write_station(tmp_path / "profiles" / "weld")
    (tmp_path / "rig.pem").write_text("key")
    return ServeRequest(
        bind="127.0.0.1",
        port=1,
        profiles=tmp_path / "profiles",
        reports=tmp_path / "reports",
        key=tmp_path / "rig.pem",
        passphrase_file=None,
        rig_file=None,
        token_file=None,
        allowed_hosts=(),
    )


def never(addresses):
    raise AssertionError(addresses)


def test_missing_folders_and_keys_are_refused(request_, tmp_path):
    """A page that could start nothing is no page."""
    with pytest.raises(UsageError, match="folder of profiles"):
        serve(replace(request_, profiles=tmp_path / "gone"), on_ready=never)
    with pytest.raises(PreconditionError, match="key"):
        serve(replace(request_, key=tmp_path / "gone.pem"), on_ready=never)
    (tmp_path / "file").touch()
    with pytest.raises(PreconditionError, match="reports folder"):
        serve(replace(request_, reports=tmp_path / "file" / "reports"), on_ready=never)


def test_a_token_that_others_can_read_is_refused(request_, tmp_path):
    """Before the port is opened."""
    (tmp_path / "token").write_text("t" * 43)
    (tmp_path / "token").chmod(0o644)
    with pytest.raises(TrustError, match="0644"):
        serve(replace(request_, token_file=tmp_path / "token"), on_ready=never)


def test_an_address_of_another_machine_is_refused(request_):
    """192.0.2.0/24 is nobody's (RFC 5737)."""
    with pytest.raises(UsageError, match="cannot be had"):
        serve(replace(request_, bind="192.0.2.1", port=8787), on_ready=never)


def test_the_queue_is_free_again_after_a_refusal(request_):
    """The next try does not meet the lock of the last one."""
    for _ in range(2):
        with pytest.raises(UsageError, match="cannot be had"):
            serve(replace(request_, bind="192.0.2.1", port=8787), on_ready=never)


def test_only_loopback_is_for_this_machine(request_):
    """Everything else is warned of."""
    for bind, is_for_others in (("127.0.0.1", False), ("127.0.0.9", False), ("::1", False), ("0.0.0.0", True)):
        assert replace(request_, bind=bind).is_for_others is is_for_others


def test_an_address_holds_the_token_in_its_fragment():
    """A fragment is never sent to a server, nor written into its log."""
    assert _addresses("127.0.0.1", 8787, "t") == ["http://127.0.0.1:8787/#token=t"]
    assert _addresses("::1", 8787, "t") == ["http://[::1]:8787/#token=t"]


def test_every_address_of_the_machine_is_told():
    """0.0.0.0 itself opens nothing."""
    addresses = _addresses("0.0.0.0", 8787, "t")
    assert "http://127.0.0.1:8787/#token=t" in addresses
    for address in addresses:
        assert not ipaddress.ip_address(address.removeprefix("http://").partition(":")[0]).is_unspecified
