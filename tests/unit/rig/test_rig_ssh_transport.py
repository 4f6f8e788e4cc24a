"""A rig reached over ssh, with a real sshd on loopback."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broken_links import cabled_rig
from hilrig.core.errors import RigLostError
from hilrig.rig.ssh.transport import SOCKET_FOLDER_MAX_CHARS
from printing_processes import is_gone, until
from ssh_ways import WAIT_S, opens, output, refused, way_to
from sshd import running_sshd

pytestmark = pytest.mark.waiting
SHELLS = [
    shell for shell in ("dash", "bash", "busybox sh", "ksh", "mksh", "zsh") if shutil.which(shell.split()[0])
]
"""Those of the sh family that are here: sh and bash are on every rig."""


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


@pytest.fixture
def way(sshd):
    """Give an open way to the rig."""
    transport = way_to(sshd)
    transport.open()
    yield transport
    transport.close()


@pytest.fixture(scope="module", params=SHELLS)
def way_through(request, tmp_path_factory):
    """Give an open way to a rig whose login has this shell."""
    with running_sshd(tmp_path_factory.mktemp("sshd"), shell=request.param) as running:
        transport = way_to(running)
        transport.open()
        yield transport
        transport.close()


@pytest.fixture
def runtime_folder(monkeypatch):
    """Give a short runtime folder that is removed afterwards: a client that is killed leaves its own in it."""
    with tempfile.TemporaryDirectory(prefix="hr-", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


ARGUMENTS = st.lists(
    st.one_of(
        st.binary(max_size=30).map(lambda data: data.replace(b"\0", b"")),
        st.text(st.sampled_from(" '\"\\$`!*?[]{}()<>|&;#~=%^\n\t-naeb"), max_size=30).map(str.encode),
    ).map(os.fsdecode),
    max_size=6,
)


@given(arguments=ARGUMENTS)
@settings(
    max_examples=60,  # each is a command on the rig, 10 ms; six shells
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_arguments_arrive_byte_for_byte(way_through, arguments):
    """Whatever the bytes and whatever the shell of the login: a NUL alone cannot pass."""
    out = output(way_through, "printf", r"%s\0", *arguments)
    assert out == b"".join(os.fsencode(argument) + b"\0" for argument in arguments or [""])


def test_a_plain_account_is_reached(tmp_path):
    """No forced command on the other side: the account's own shell, in its own home."""
    with running_sshd(tmp_path, shell=None) as running:
        transport = way_to(running)
        transport.open()
        assert output(transport, "pwd").decode().strip() == str(Path.home())
        transport.close()


def test_the_facts_name_the_key_that_was_checked(sshd, way):
    """A report can say by which key the rig was known."""
    facts = way.open()
    assert facts["address"] == f"{sshd.user}@{sshd.host} port {sshd.port}"
    assert [key.startswith("SHA256:") for key in facts["host_keys"]] == [True]


def test_one_connection_for_all_commands(own_sshd):
    """Commands do not log in anew: that takes twenty times as long, and a server counts logins."""
    transport = way_to(own_sshd)
    transport.open()
    for _ in range(5):
        output(transport, "true")
    transport.close()
    assert own_sshd.log.read_text().count("Accepted publickey") == 1


def test_the_folder_of_the_connection_is_private_and_short(way):
    """Who can reach the socket can run commands on the rig; a socket's path has a limit."""
    private = way._connection._private
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert len(str(private)) < SOCKET_FOLDER_MAX_CHARS + len("/hilrig-12345678") + 1
    way.close()
    assert not private.exists()


@pytest.mark.parametrize("name", ["r" * 90, "with space", "per%cent", "$HOME", "none"])
def test_any_runtime_folder_will_do(sshd, tmp_path, monkeypatch, name):
    """A runtime folder that is too long, not there, or would be misread is not used."""
    folder = tmp_path / name
    if name != "none":
        folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    transport = way_to(sshd)
    transport.open()
    assert output(transport, "echo", "here") == b"here\n"
    transport.close()


def test_the_runtime_folder_is_used_if_it_fits(sshd, runtime_folder):
    """It is gone with the login, and no other user can look into it."""
    transport = way_to(sshd)
    transport.open()
    assert transport._connection._private.parent == runtime_folder
    transport.close()


def test_ctrl_c_in_a_terminal_reaches_neither(way):
    """The connection and its commands are in sessions of their own: hilrig says when they end."""
    process = way.start(["cat"])
    for pid in (process.pid, way._connection._process.pid):
        assert os.getsid(pid) != os.getsid(0)
    process.communicate()


def test_a_client_that_is_killed_leaves_no_connection(sshd, runtime_folder):
    """After SIGKILL nobody is left to close it: it ends by itself, here and on the rig."""
    script = (
        "import os, sys; from pathlib import Path; from hilrig.rig.ssh.transport import SshTransport\n"
        f"way = SshTransport(SshTransport.Options(**{sshd.options()!r}), 'bench', Path({str(sshd.folder)!r}))\n"
        "way.open(); print(way._connection._process.pid, way.start(['cat']).pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        pids = [int(word) for word in client.stdout.readline().split()]
        assert [is_gone(pid) for pid in pids] == [False, False]
        client.kill()
    # Orphans are reaped by the first process of the machine, which may take its time: a zombie is gone as well.
    assert until(lambda: all(is_ended(pid) for pid in pids), timeout_s=WAIT_S)


def is_ended(pid):
    """Return whether a process runs no more."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_command_sees_the_end_of_input_when_its_line_goes(own_sshd):
    """A cut connection is the end of input on the rig; what the command then does is its own affair."""
    transport = way_to(own_sshd)
    transport.open()
    process = transport.start(["sh", "-c", "echo there; cat > /dev/null; echo saw it > saw"])
    assert process.stdout.readline() == b"there\n"
    process.kill()
    process.communicate()
    assert until((own_sshd.home / "saw").exists, timeout_s=WAIT_S)
    transport.close()


def test_a_broken_line_is_said_by_the_next_start(own_sshd):
    """No command starts on a line that is gone, and the error says that it broke."""
    transport = way_to(own_sshd)
    transport.open()
    own_sshd.stop()
    until(lambda: not transport._connection.is_alive())
    with pytest.raises(RigLostError, match="the line broke"):
        transport.start(["true"])
    transport.close()


def test_a_line_that_has_just_broken_is_not_made_anew(own_sshd):
    """A command that finds the socket gone fails: it must not log in by a way that nobody has checked."""
    transport = way_to(own_sshd)
    transport.open()
    own_sshd.cut()
    until(lambda: not transport._connection.is_alive())
    process = transport._connection.start("true")
    process.communicate(timeout=WAIT_S)
    assert process.returncode == 255
    assert own_sshd.log.read_text().count("Accepted publickey") == 1
    transport.close()


def test_the_line_is_taken_up_again(own_sshd):
    """After the rig is back, the same object opens a new line."""
    transport = way_to(own_sshd)
    transport.open()
    own_sshd.stop()
    own_sshd.start()
    transport.open()
    assert output(transport, "echo", "back") == b"back\n"
    transport.close()


def test_a_connection_that_does_not_end_is_killed(way):
    """A stopped ssh does not keep anybody from closing."""
    pid = way._connection._process.pid
    os.kill(pid, signal.SIGSTOP)
    way.close()
    assert is_gone(pid)


def test_a_short_cut_of_the_cable_loses_nothing(tmp_path):
    """A command's output waits on the rig and arrives whole: TCP sends it again."""
    with cabled_rig(tmp_path / "sshd") as rig:
        transport = way_to(rig.sshd)
        transport.open()
        process = transport.start(["sh", "-c", "while read line; do echo got $line; done"])
        process.stdin.write(b"1\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"got 1\n"
        rig.pull()
        process.stdin.write(b"2\n3\n")
        process.stdin.close()
        time.sleep(1.5)  # a cut has a length: TCP must have sent in vain
        rig.plug()
        assert process.stdout.read() == b"got 2\ngot 3\n"
        assert process.wait(WAIT_S) == 0
        process.stdout.close()
        process.stderr.close()
        transport.close()


def test_a_dead_line_is_noticed(tmp_path):
    """A cable that stays out: the connection ends by itself within 25 s, and the next start says why."""
    with cabled_rig(tmp_path / "sshd") as rig:
        transport = way_to(rig.sshd)
        transport.open()
        process = transport.start(["cat"])
        rig.pull()
        process.stdin.write(b"into the dark")
        process.stdin.flush()
        assert process.wait(25) == 255
        process.communicate()
        with pytest.raises(RigLostError, match="line broke, or was dead for 15 s"):
            transport.start(["true"])
        error = refused(way_to(rig.sshd, connect_timeout_s=3.0), RigLostError)
        assert "nothing answers within 2 s" in error.message or "no way to it" in error.message
        rig.plug()
        until(lambda: opens(transport), timeout_s=WAIT_S)  # this machine must first find the rig's network card
        assert output(transport, "echo", "back") == b"back\n"
        transport.close()
