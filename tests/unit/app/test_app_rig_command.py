"""A command on a rig, followed."""

import subprocess
import sys

import pytest

from hilrig.app.rigs import command as rig_command
from hilrig.app.rigs.command import event_name, follow
from hilrig.core.errors import RigLostError, RunAbortedError


def started(script: str) -> "subprocess.Popen[bytes]":
    """Start a Python program with pipes, as a transport does."""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-u", "-c", script], stdin=pipe, stdout=pipe, stderr=pipe)


def test_a_command_is_followed_to_its_end():
    """Exit code, every line (the last without its end too), what it wrote to stderr, what it was given."""
    ended = follow(
        started("import sys; print(sys.stdin.read()); sys.stderr.write('oh'); sys.stdout.write('x'); sys.exit(3)"),
        what="it",
        stdin=b"given",
    )
    assert (ended.returncode, ended.lines, ended.stderr) == (3, ("given", "x"), "oh")


def test_it_is_left_at_the_event_that_was_waited_for():
    """The third piece, not the second, not the end; other lines are no events."""
    script = "import time\nfor n in range(9): print('{\"event\": \"piece\"}')\nprint('{}')\ntime.sleep(60)"
    seen: list[str] = []
    ended = follow(started(script), what="it", on_event=lambda name: seen.append(name) or len(seen) == 3)
    assert ended.returncode is None
    assert seen == ["piece"] * 3


def test_much_on_stderr_blocks_nothing():
    """A pipe holds 64 KiB: whoever reads only stdout waits for ever."""
    ended = follow(started("import sys; sys.stderr.write('e' * 300_000); print('done')"), what="it")
    assert ended.lines == ("done",)
    assert len(ended.stderr) == rig_command.STDERR_KEPT


def test_silence_is_a_lost_rig(monkeypatch):
    """A rig that says nothing for minutes is not waited for until the morning."""
    monkeypatch.setattr(rig_command, "SILENCE_S", 0.2)
    with pytest.raises(RigLostError, match="it: nothing for"):
        follow(started("import time; time.sleep(60)"), what="it")


def test_whoever_waits_can_end_it():
    """Ctrl-C and `stop` are looked at ten times a second; the command's line is ended too."""

    def stop() -> None:
        raise RunAbortedError("stopped")

    process = started("import time; time.sleep(60)")
    with pytest.raises(RunAbortedError):
        follow(process, what="it", on_wait=stop)
    assert process.returncode is not None


@pytest.mark.parametrize("line", ["", "x", "[1]", '{"event": 3}', "{" * 5000, '{"event"', '"event"'])
def test_a_line_that_is_no_event_has_no_name(line):
    """Whatever a foreign command prints."""
    assert event_name(line) == ""
