"""Which rig is reached over ssh, and what is said when none is: a real sshd on loopback."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from hilrig.core.errors import PreconditionError, RigLostError, TrustError
from hilrig.rig.ssh.transport import SshTransport
from printing_processes import write_program
from ssh_ways import output, refused, way_to
from sshd import make_key, running_sshd, silent_port

pytestmark = pytest.mark.waiting


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    """Give a real sshd that no test of this file changes."""
    with running_sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def own_sshd(tmp_path):
    """Give a real sshd that a test may stop and change."""
    with running_sshd(tmp_path / "sshd") as running:
        yield running


def test_a_server_that_is_down_is_said(own_sshd):
    """Connection refused: the machine is there, its ssh server is not."""
    own_sshd.stop()
    error = refused(way_to(own_sshd), RigLostError)
    assert "no ssh server listens" in error.message
    assert "systemctl" in error.hint


def test_a_rig_that_was_never_enrolled_is_not_trusted(sshd):
    """No file with host keys, nothing accepted: nothing is sent there."""
    error = refused(way_to(sshd, known_hosts="none"), TrustError)
    assert "nobody has accepted" in error.message
    assert "hilrig rigs enroll bench" in error.hint
    assert not (sshd.folder / "none").exists()


def test_a_changed_host_key_is_not_trusted(own_sshd):
    """Both fingerprints are in the message, so that somebody can compare."""
    before = fingerprint(own_sshd.host_key)
    own_sshd.change_host_key()
    error = refused(way_to(own_sshd), TrustError)
    assert before in error.message
    assert fingerprint(own_sshd.host_key) in error.message


def test_a_host_key_of_another_kind_is_not_trusted(own_sshd, tmp_path):
    """The rig was known by another key: it is not taken for one that was never enrolled."""
    make_key(tmp_path / "other", "ecdsa")
    key = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    own_sshd.known_hosts.write_text(f"[{own_sshd.host}]:{own_sshd.port} {key}\n")
    error = refused(way_to(own_sshd), TrustError)
    assert "shows another host key" in error.message
    assert fingerprint(tmp_path / "other") in error.message


def fingerprint(path):
    """Return what ssh-keygen says of a key."""
    done = subprocess.run(["ssh-keygen", "-lf", f"{path}.pub"], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def test_a_user_that_the_rig_does_not_know_is_named(sshd):
    """Who was refused with which key."""
    error = refused(way_to(sshd, user="nobody-here"), RigLostError)
    assert "refuses user nobody-here with the key" in error.message


def test_a_key_that_the_rig_does_not_know_is_named(sshd):
    """The file of the key that was refused is in the message."""
    error = refused(way_to(sshd, key_file="host_key"), RigLostError)
    assert str(sshd.host_key) in error.message
    assert "authorized_keys" in error.hint


def test_a_missing_key_file_is_not_passed_over(sshd):
    """Ssh would go on with other keys and say that the rig refuses them."""
    assert "found none" in refused(way_to(sshd, key_file="no-key"), PreconditionError).message


def test_a_key_file_that_others_may_read_is_said(sshd, tmp_path):
    """Ssh does not use it; the hint is the command that repairs it."""
    key = tmp_path / "open_key"
    shutil.copy(sshd.key_file, key)
    key.chmod(0o644)
    error = refused(way_to(sshd, key_file=str(key)), PreconditionError)
    assert error.hint == f"chmod 600 {key}"


def test_a_file_that_is_no_key_is_said(sshd, tmp_path):
    """Somebody named the public key."""
    (tmp_path / "key").write_text(Path(f"{sshd.key_file}.pub").read_text())
    (tmp_path / "key").chmod(0o600)
    assert "not a private key" in refused(way_to(sshd, key_file=str(tmp_path / "key")), PreconditionError).message


def test_a_server_that_says_nothing_is_given_up(sshd):
    """The port is open, nobody speaks: within the time that the rig file gives."""
    with silent_port() as port:
        began_s = time.monotonic()
        error = refused(way_to(sshd, port=port, connect_timeout_s=2.0), RigLostError)
    assert "says nothing for 1 s" in error.message
    assert time.monotonic() - began_s < 30


def test_a_login_that_runs_nothing_is_given_up(tmp_path):
    """An open port and a good login are not yet a rig: a command must have run."""
    shell = write_program(tmp_path / "hangs", "exec sleep 600")
    with running_sshd(tmp_path / "sshd", shell=str(shell)) as running:
        error = refused(way_to(running, connect_timeout_s=2.0), RigLostError)
    assert "no command has run there within 2 s" in error.message


def test_a_login_that_prints_is_refused(tmp_path):
    """What a .bashrc prints would stand among the bytes of every answer."""
    with running_sshd(tmp_path / "sshd", login_text="Welcome to line 3") as running:
        error = refused(way_to(running), PreconditionError)
    assert "'Welcome to line 3'" in error.message
    assert ".bashrc" in error.hint


def test_a_login_that_may_run_nothing_is_said(tmp_path):
    """An account without a shell prints its sentence and ends."""
    shell = write_program(tmp_path / "nologin", "echo This account is currently not available.; exit 1")
    with running_sshd(tmp_path / "sshd", shell=str(shell)) as running:
        assert "not available" in refused(way_to(running), PreconditionError).message


def test_a_name_without_an_address_is_said(sshd):
    """The hint is where the name stands."""
    error = refused(way_to(sshd, host="no-such-rig.invalid"), RigLostError)
    assert "no address for the name" in error.message


def test_a_machine_without_ssh_is_said(sshd, monkeypatch):
    """It is this machine that lacks something, not the rig."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert "no program 'ssh'" in refused(way_to(sshd), PreconditionError).message


def test_a_mistake_in_the_ssh_configuration_is_said(sshd, tmp_path):
    """It is this machine's own file; the rig is not asked."""
    (tmp_path / "config").write_text("Host *\n  Colour blue\n")
    error = refused(way_to(sshd, config_file=str(tmp_path / "config")), PreconditionError)
    assert "ssh configuration of this machine has a mistake" in error.message


def test_paths_with_odd_names_work(sshd, tmp_path):
    """Keys and known hosts in a folder with spaces, quotes and percent signs."""
    folder = tmp_path / 'our "lab" 100% it\'s'
    folder.mkdir()
    shutil.copy(sshd.key_file, folder / "key")
    shutil.copy(sshd.known_hosts, folder / "known hosts")
    options = SshTransport.Options(**sshd.options(key_file="key", known_hosts="known hosts"))
    transport = SshTransport(options, "bench", folder)
    transport.open()
    assert output(transport, "echo", "here") == b"here\n"
    transport.close()


def test_a_rig_behind_another_machine(sshd, own_sshd):
    """An alias of the ssh configuration with a machine on the way (ProxyJump) is all that is needed."""
    (own_sshd.folder / "config").write_text(
        f"Host jump\n  HostName {sshd.host}\n  Port {sshd.port}\n  IdentityFile {sshd.key_file}\n"
        f"  UserKnownHostsFile {sshd.known_hosts}\n"
        f"Host inner\n  HostName {own_sshd.host}\n  Port {own_sshd.port}\n  ProxyJump jump\n"
    )
    transport = way_to(own_sshd, host="inner", port=None, config_file="config")
    transport.open()
    assert output(transport, "pwd").decode().strip() == str(own_sshd.home)
    transport.close()


def test_an_alias_names_the_host_key(own_sshd):
    """A rig whose address changes is known by its own name."""
    key = own_sshd.known_hosts.read_text().split(" ", 1)[1]
    own_sshd.known_hosts.write_text(f"line3-orin {key}")
    refused(way_to(own_sshd), TrustError)
    transport = way_to(own_sshd, host_key_alias="line3-orin")
    assert transport.open()["host_keys"]
    transport.close()
