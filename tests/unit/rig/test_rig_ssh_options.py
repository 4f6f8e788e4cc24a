"""What a rig file says about a way over ssh, and the arguments that OpenSSH gets for it."""

import subprocess
from pathlib import Path

import pytest

from hilrig.core.errors import PreconditionError
from hilrig.rig.ssh.options import SshOptions, known_hosts_path, reaching, ssh_program
from needed_programs import need

pytestmark = pytest.mark.waiting

HOSTILE = """
Host *
  ForwardAgent yes
  ForwardX11 yes
  ControlPersist yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  GlobalKnownHostsFile /etc/passwd
  UpdateHostKeys yes
  VerifyHostKeyDNS yes
  PermitLocalCommand yes
  LocalCommand touch /tmp/never
  RemoteCommand touch /tmp/never
  RequestTTY force
  BatchMode no
  LocalForward 1 localhost:2
  ServerAliveInterval 0
  LogLevel DEBUG3
"""


def resolved(options, folder):
    """Return what ssh itself makes of the arguments: keyword -> value."""
    need("ssh")
    command = ["ssh", *reaching(options, folder), "-G", "--", options.host]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


@pytest.mark.parametrize("bad", ["-oProxyCommand=x", "a b", "a\tb", "a\nb", "\x1b[2J", "a\x00"])
@pytest.mark.parametrize("field", ["host", "user", "host_key_alias"])
def test_names_that_ssh_would_misread_are_refused(field, bad):
    """A name can be neither an option of ssh, nor two words, nor a control sequence."""
    with pytest.raises(ValueError, match=field):
        SshOptions(**{"host": "rig", field: bad})


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": ""},
        {"known_hosts": ""},
        {"port": 0},
        {"port": 65536},
        {"connect_timeout_s": 0.0},
        {"connect_timeout_s": float("nan")},
        {"connect_timeout_s": float("inf")},
        {"key_file": "${HOME}/key"},
        {"config_file": "a\nb"},
    ],
)
def test_values_that_cannot_be_meant_are_refused(wrong):
    """Each is refused when the rig file is read, not when the rig is asked for."""
    with pytest.raises(ValueError, match=next(iter(wrong)) if "file" not in next(iter(wrong)) else "path"):
        SshOptions(**{"host": "rig", **wrong})


def test_relative_paths_start_at_the_rig_file(tmp_path):
    """A home sign is the caller's home, an absolute path stays."""
    for text, path in (("k", tmp_path / "k"), ("/k", Path("/k")), ("~/k", Path.home() / "k")):
        assert known_hosts_path(SshOptions(host="rig", known_hosts=text), tmp_path) == path


@pytest.mark.parametrize("folder", ["a b", 'quo"te', "per%cent %h", "back\\slash", "it's", "#", "ä"])
def test_any_folder_arrives_in_ssh(tmp_path, folder):
    """Ssh splits values at spaces and replaces what follows a percent sign: not in these paths."""
    said = resolved(SshOptions(host="rig"), tmp_path / folder)
    assert said["userknownhostsfile"] == str(tmp_path / folder / "known_hosts")


def test_a_hostile_configuration_changes_nothing(tmp_path):
    """Whatever the user's own configuration says: only accepted keys, no forwarding, no question, no command."""
    (tmp_path / "config").write_text(HOSTILE)
    said = resolved(SshOptions(host="rig", config_file="config"), tmp_path)
    assert said["stricthostkeychecking"] == "true"
    assert said["userknownhostsfile"] == str(tmp_path / "known_hosts")
    assert said["globalknownhostsfile"] == "/dev/null"
    assert said["serveraliveinterval"] == "5"
    assert said["loglevel"] == "ERROR"
    assert said["requesttty"] == "false"
    off = (
        "forwardagent",
        "forwardx11",
        "controlpersist",
        "updatehostkeys",
        "verifyhostkeydns",
        "permitlocalcommand",
    )
    assert [name for name in off if said[name] not in ("no", "false")] == []
    assert said.get("remotecommand", "none") == "none"
    assert said["batchmode"] == "yes"
    assert said["clearallforwardings"] == "yes"


def test_aliases_of_the_configuration_work(tmp_path):
    """What the rig file leaves open is the configuration's; what it states wins."""
    (tmp_path / "config").write_text("Host line3\n  HostName 192.0.2.7\n  Port 2207\n  User tester\n")
    open_ones = resolved(SshOptions(host="line3", config_file="config"), tmp_path)
    assert (open_ones["hostname"], open_ones["port"], open_ones["user"]) == ("192.0.2.7", "2207", "tester")
    stated = resolved(SshOptions(host="line3", port=22, user="me", config_file="config"), tmp_path)
    assert (stated["hostname"], stated["port"], stated["user"]) == ("192.0.2.7", "22", "me")


def test_only_the_key_that_is_named_is_offered(tmp_path):
    """Other keys of an agent would use up the tries that a server allows."""
    said = resolved(SshOptions(host="rig", key_file="my key"), tmp_path)
    assert said["identityfile"] == str(tmp_path / "my key")
    assert said["identitiesonly"] == "yes"


def test_a_machine_without_ssh_says_what_to_install(monkeypatch):
    """The next step is in the hint."""
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(PreconditionError, match="no program 'ssh'") as caught:
        ssh_program("ssh")
    assert "openssh-client" in caught.value.hint


@pytest.mark.parametrize(
    ("options", "address"),
    [
        ({"host": "rig"}, "rig"),
        ({"host": "rig", "user": "u"}, "u@rig"),
        ({"host": "::1", "port": 22}, "::1 port 22"),
    ],
)
def test_the_address_says_what_the_file_says(options, address):
    """An address for people, without guesses about what is not stated."""
    assert SshOptions(**options).address == address
