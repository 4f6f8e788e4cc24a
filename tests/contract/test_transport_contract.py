"""What every way to a rig promises. A new one joins in `WAYS`; `HILRIG_CONTRACT_RIG` names a rig file of yours."""

import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from asked_plugins import asked_rig
from hilrig.core.errors import RigLostError, UsageError
from hilrig.core.rig import RigSpec
from hilrig.core.rig_ports import RigTransport
from hilrig.rig.transport import open_transport
from labgrid_lab import bench, running_lab
from printing_processes import is_gone, until
from sshd import running_sshd

pytestmark = pytest.mark.waiting

WAIT_S = 60.0
BULK_BYTES = 8 << 20  # many times what pipes and ssh's windows hold


@contextmanager
def local_way(folder: Path) -> Iterator[tuple[RigSpec, Path]]:
    """Give this machine as a rig, and the home on it."""
    home = folder / "home"
    home.mkdir()
    yield (
        RigSpec(name="desk", transport="local", transport_options={"home": str(home)}, device_class="x86-cpu"),
        home,
    )


@contextmanager
def ssh_way(folder: Path) -> Iterator[tuple[RigSpec, Path]]:
    """Give a rig behind a real sshd, and the home on it."""
    with running_sshd(folder) as sshd:
        yield (
            RigSpec(name="bench", transport="ssh", transport_options=sshd.options(), device_class="x86-cpu"),
            sshd.home,
        )


@contextmanager
def labgrid_way(folder: Path) -> Iterator[tuple[RigSpec, Path]]:
    """Give a rig behind a real sshd that is a place of a real labgrid lab, and the home on it."""
    with running_sshd(folder / "sshd") as sshd, running_lab(folder / "lab") as lab:
        sshd.known_hosts.write_text("place " + Path(f"{sshd.host_key}.pub").read_text())
        lab.start_exporter("rack", {"bench": bench(port=sshd.port, user=sshd.user)})
        lab.add_place("bench", "rack/bench/*")
        keys = {"key_file": str(sshd.key_file), "known_hosts": str(sshd.known_hosts)}
        options = {"coordinator": lab.address, "place": "bench", **keys}
        yield (
            RigSpec(name="place", transport="labgrid", transport_options=options, device_class="x86-cpu"),
            sshd.home,
        )


@contextmanager
def asked_way(_: Path) -> Iterator[tuple[RigSpec, Path]]:
    """Give the rig that its author names, and the home that it says its login has; on this machine too."""
    transport = open_transport(ASKED)
    transport.open()
    home = asked(transport, "sh", "-c", 'echo "$HOME"').stdout.decode().strip()
    transport.close()
    yield ASKED, Path(home)


ASKED = asked_rig()
WAYS = {
    "local": local_way,
    "ssh": ssh_way,
    "labgrid": labgrid_way,
    **({ASKED.transport: asked_way} if ASKED else {}),
}
"""Transport -> what gives a rig that it reaches and the home of its login on this machine."""


@pytest.fixture(scope="module", params=WAYS)
def way(request, tmp_path_factory):
    """Give a rig and its home; one for all tests of this file, which leave nothing behind."""
    with WAYS[request.param](tmp_path_factory.mktemp(request.param)) as found:
        yield found


@pytest.fixture(scope="module")
def open_way(way) -> Iterator[RigTransport]:
    """Give an open way to the rig."""
    transport = open_transport(way[0])
    transport.open()
    yield transport
    transport.close()


def asked(transport: RigTransport, *argv: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command to its end."""
    process = transport.start(argv)
    out, errors = process.communicate(given, timeout=WAIT_S)
    return subprocess.CompletedProcess(argv, process.returncode, out, errors)


def test_opening_gives_the_address(way):
    """A person can be told where the rig is."""
    transport = open_transport(way[0])
    try:
        assert transport.open()["address"]
    finally:
        transport.close()


@pytest.mark.parametrize(
    "argument",
    [
        "",
        " ",
        "a b",
        "'",
        '"',
        "$HOME",
        "`id`",
        "\\",
        "\\n",
        "\n",
        "a\nb\n",
        "*",
        "~",
        "-n",
        "!x",
        "#",
        ";",
        "ä€🙂",
    ],
)
def test_an_argument_arrives_as_it_is(open_way, argument):
    """No shell on the way takes an argument for anything else."""
    done = asked(open_way, "printf", "%s", argument)
    assert (done.returncode, done.stdout, done.stderr) == (0, argument.encode(), b"")


def test_a_nul_is_refused(open_way):
    """No system can pass a NUL in an argument: it would end there in silence."""
    with pytest.raises(UsageError, match="NUL"):
        open_way.start(["echo", "a\0b"])


def test_an_empty_command_is_refused(open_way):
    """A command without a program cannot be meant; over ssh it would be a login shell that waits."""
    with pytest.raises(UsageError, match="empty"):
        open_way.start([])


def test_a_command_begins_in_the_home(way, open_way):
    """Relative paths start in the login's home, and HOME says the same."""
    done = asked(open_way, "sh", "-c", 'pwd; echo "$HOME"')
    assert done.stdout.decode().split() == [str(way[1])] * 2


def test_bytes_pass_unchanged_both_ways(open_way):
    """Stdin and stdout are binary: every byte value in 8 MiB comes back."""
    sent = bytes(range(256)) + secrets.token_bytes(BULK_BYTES)
    done = asked(open_way, "cat", given=sent)
    assert done.stdout == sent


def test_stderr_is_apart(open_way):
    """What goes to stderr is not among the answers, and the other way round."""
    done = asked(open_way, "sh", "-c", "echo answer; echo complaint >&2")
    assert (done.stdout, done.stderr) == (b"answer\n", b"complaint\n")


@pytest.mark.parametrize("status", [0, 1, 3, 254])
def test_the_exit_status_arrives(open_way, status):
    """The command's own exit status is the local process's."""
    assert asked(open_way, "sh", "-c", f"exit {status}").returncode == status


def test_a_missing_program_is_127(open_way):
    """A rig without the program says so as every shell does."""
    assert asked(open_way, "no-such-program").returncode == 127


def test_two_commands_at_a_time(open_way):
    """A second command runs while the first one waits, and each has its own pipes."""
    first = open_way.start(["cat"])
    second = asked(open_way, "tr", "ab", "ba", given=b"abba")
    assert second.stdout == b"baab"
    out, _ = first.communicate(b"still here", timeout=WAIT_S)
    assert out == b"still here"


def test_five_threads_at_a_time(open_way):
    """Five callers side by side each get their own bytes; the agent's verbs run so."""
    sent = [secrets.token_bytes(1 << 20) for _ in range(5)]
    came: dict[int, bytes] = {}

    def pass_on(index):
        came[index] = asked(open_way, "cat", given=sent[index]).stdout

    threads = [threading.Thread(target=pass_on, args=(index,)) for index in range(len(sent))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert [came[index] for index in range(len(sent))] == sent


def test_closing_stdin_is_the_end_of_input(open_way):
    """A command that reads to the end ends when stdin is closed."""
    process = open_way.start(["sh", "-c", "cat > /dev/null; echo read it all"])
    process.stdin.close()
    assert process.stdout.read() == b"read it all\n"
    assert process.wait(WAIT_S) == 0
    process.stdout.close()
    process.stderr.close()


def test_killing_the_local_end_leaves_no_reader_there(open_way):
    """What reads its stdin on the rig is gone soon after the local end was killed."""
    process = open_way.start(["sh", "-c", "echo $$; exec cat"])
    pid = int(process.stdout.readline())
    process.kill()
    process.communicate()
    assert until(lambda: is_gone(pid), timeout_s=WAIT_S)


def test_a_session_of_its_own_survives_the_local_end(way, open_way):
    """What has put itself into a session of its own goes on without the line."""
    mark = way[1] / "went-on"
    script = (
        f"setsid sh -c 'read line < {way[1]}/go; echo \"$line\" > {mark}' > /dev/null 2>&1 < /dev/null & echo off"
    )
    done = asked(open_way, "sh", "-c", f"mkfifo {way[1]}/go; {script}")
    assert done.stdout == b"off\n"
    (way[1] / "go").write_text("on\n")
    assert until(lambda: mark.exists() and mark.read_text() == "on\n", timeout_s=WAIT_S)
    mark.unlink()
    (way[1] / "go").unlink()


def test_an_open_rig_is_not_lost(open_way):
    """Nothing is said while the rig is ours."""
    assert open_way.lost() == ""


def test_nothing_starts_before_open(way):
    """A way that was not opened starts nothing."""
    with pytest.raises(RigLostError, match="not open"):
        open_transport(way[0]).start(["true"])


def test_nothing_starts_after_close(way):
    """A closed way starts nothing, and closing twice is no mistake."""
    transport = open_transport(way[0])
    transport.open()
    transport.close()
    transport.close()
    with pytest.raises(RigLostError, match="not open"):
        transport.start(["true"])


def test_open_again_after_close(way):
    """A line is taken up again with the same object."""
    transport = open_transport(way[0])
    try:
        transport.open()
        transport.close()
        transport.open()
        assert asked(transport, "echo", "back").stdout == b"back\n"
    finally:
        transport.close()
