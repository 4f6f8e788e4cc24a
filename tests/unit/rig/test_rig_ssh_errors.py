"""What OpenSSH says when it fails, in one clear sentence with the next step; its words are those of 9.2."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.errors import HilrigError, PreconditionError, RigLostError, TrustError
from hilrig.rig.ssh.errors import broken, explain
from hilrig.rig.ssh.options import SshOptions

pytestmark = pytest.mark.waiting

OPTIONS = SshOptions(host="192.0.2.7", user="hilrig", port=22, key_file="key")
FOLDER = Path("/rigs")
FOUND = "SHA256:FWOE6vdy/eSE1xuQOnnrWTDLPyxDb1n53rvtTbsSYLs"
KNOWN = "ssh-ed25519 SHA256:+yDgHKfTvGSYaYmt5l04X80VqJXl5r8dbd+Y1BDX4+s"
CHANGED = f"""@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
The fingerprint for the ED25519 key sent by the remote host is
{FOUND}.
Host key verification failed.\r
"""
UNKNOWN = """No ED25519 host key is known for 192.0.2.7 and you have requested strict checking.\r
Host key verification failed.\r
"""


def told(stderr, **more) -> HilrigError:
    """Return the error for what ssh said."""
    return explain(stderr, name="line3", options=OPTIONS, folder=FOLDER, **more)


@pytest.mark.parametrize(
    ("said", "kind", "words", "hint"),
    [
        ("ssh: connect to host h port 22: Connection refused", RigLostError, "no ssh server listens", "systemctl"),
        ("ssh: connect to host h port 22: Connection timed out", RigLostError, "within 10 s", "switched on"),
        ("ssh: connect to host h port 22: No route to host", RigLostError, "no way to it", "cable"),
        ("ssh: connect to host h port 22: Network is unreachable", RigLostError, "no way to it", "VPN"),
        (
            "ssh: Could not resolve hostname h: Name or service not known",
            RigLostError,
            "no address for the name 192.0.2.7",
            "transport_options.host",
        ),
        (
            "Connection timed out during banner exchange\r\nConnection to h port 22 timed out",
            RigLostError,
            "says nothing for 10 s",
            "booting",
        ),
        ("hilrig@h: Permission denied (publickey).", RigLostError, "refuses user hilrig with", "authorized_keys"),
        (
            "Permissions 0644 for 'k' are too open.\nWARNING: UNPROTECTED PRIVATE KEY FILE!\nPermission denied",
            *(PreconditionError, "may be read by others", "chmod 600 /rigs/key"),
        ),
        (
            'Load key "k": error in libcrypto\r\nu@h: Permission denied (publickey).',
            *(PreconditionError, "not a private key", "ssh-keygen"),
        ),
        (
            "Received disconnect from h port 22:2: Too many authentication failures",
            *(RigLostError, "too many keys", "key_file"),
        ),
        (
            "kex_exchange_identification: Connection closed by remote host",
            RigLostError,
            "before a first command",
            "-v",
        ),
        (
            "kex_exchange_identification: banner line contains invalid characters",
            *(RigLostError, "before a first command", "ssh server"),
        ),
        (
            "Unable to negotiate with h port 22: no matching host key type found.",
            *(RigLostError, "no common method", "up to date"),
        ),
        ("client_loop: send disconnect: Broken pipe", RigLostError, "before a first command", "-v"),
        ("/c: line 1: Bad configuration option: x", PreconditionError, "has a mistake", "ssh -G"),
        ("something that nobody has seen before", RigLostError, "nobody has seen before", "ssh -v"),
        ("", RigLostError, "said nothing", "ssh -v"),
    ],
)
def test_each_cause_has_its_own_words(said, kind, words, hint):
    """A person reads what is wrong with which rig, and what to do."""
    error = told(said)
    assert type(error) is kind
    assert "rig 'line3' at hilrig@192.0.2.7" in error.message
    assert words in error.message
    assert hint in error.hint


def test_a_changed_key_names_both_fingerprints():
    """Somebody can compare them with what is written on the rig."""
    error = told(CHANGED, accepted=[KNOWN])
    assert isinstance(error, TrustError)
    assert FOUND in error.message
    assert KNOWN in error.message
    assert "hilrig rigs enroll line3" in error.hint


def test_an_unknown_key_leads_to_enrolling():
    """Nobody has accepted one: the next step is to compare and accept."""
    error = told(UNKNOWN)
    assert isinstance(error, TrustError)
    assert "nobody has accepted its host key" in error.message
    assert "hilrig rigs enroll line3" in error.hint


def test_another_kind_of_key_is_not_an_unknown_rig():
    """A rig that was enrolled and shows a key of another kind may be another machine."""
    error = told(UNKNOWN, accepted=[KNOWN])
    assert isinstance(error, TrustError)
    assert f"found one of another kind, accepted {KNOWN}" in error.message


def test_a_line_that_fell_silent_is_said_though_ssh_says_nothing():
    """The time is that after which ssh gives up."""
    error = broken("", name="line3", options=OPTIONS)
    assert "the line broke, or was dead for 15 s" in error.message
    assert error.hint == "is the rig still on? Try: ping 192.0.2.7"


def test_a_key_of_a_machine_on_the_way_is_not_the_rigs():
    """The rig itself is not blamed for what a jump host shows."""
    error = told("Host key verification failed.\r\n", accepted=[KNOWN])
    assert isinstance(error, TrustError)
    assert "on the way" in error.message


def test_a_trust_error_is_never_hidden_by_another_cause():
    """Whatever else ssh says, a host key that does not hold comes first."""
    assert isinstance(told(f"{CHANGED}Permission denied\nConnection refused"), TrustError)


@given(said=st.text(max_size=400))
def test_any_words_give_one_printable_sentence(said):
    """What a rig sends as ssh's words can neither break the message nor reach a terminal as a command."""
    error = told(said)
    assert error.message.isprintable()
    assert error.hint
