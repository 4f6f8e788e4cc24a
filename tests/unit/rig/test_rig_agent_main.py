"""hilrig.rig.agent.__main__: one call, its answer, its errors."""

import io
import json
import subprocess
import sys
from contextlib import closing

import pytest

from hilrig.rig.agent import __main__ as subject
from hilrig.rig.agent import follow as follow_module
from rig_agents import Rig

pytestmark = pytest.mark.waiting


@pytest.fixture
def rig(tmp_path):
    """Return a work folder with the agent's calls."""
    with closing(Rig(tmp_path / "work")) as made:
        yield made


def serve(monkeypatch, verb, *, line=b"{}\n"):
    """Return whether a call of `verb` came to a good end, and what was written."""
    monkeypatch.setattr(follow_module, "follow", verb)
    out = io.BytesIO()
    return subject.serve(["follow"], io.BytesIO(line), out), out.getvalue()


def test_the_last_object_is_the_last_line(monkeypatch):
    """What came before is told as it is; the end is told by its ok."""

    def verb(arguments, stream):
        yield {"a": 1}
        yield b"raw\n"
        yield {"b": 2}

    assert serve(monkeypatch, verb) == (True, b'{"a":1}\nraw\n{"ok":true,"b":2}\n')


def test_an_answer_of_bytes_alone_ends_with_ok(monkeypatch):
    """No last line would look like a broken link."""

    def verb(arguments, stream):
        yield b"raw\n"

    assert serve(monkeypatch, verb) == (True, b'raw\n{"ok":true}\n')


def test_what_is_yielded_as_bytes_is_written_at_once(monkeypatch):
    """An event is seen when it happens, not when the next one comes."""
    out = io.BytesIO()
    seen = []

    def verb(arguments, stream):
        yield b"event\n"
        seen.append(out.getvalue())

    monkeypatch.setattr(follow_module, "follow", verb)
    subject.serve(["follow"], io.BytesIO(b"{}\n"), out)
    assert seen == [b"event\n"]


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        (b"", "UsageError", "broke off"),
        (b'{"work_folder"', "UsageError", "broke off"),
        (b"[]\n", "RecordError", "JSON object"),
        (b"{\xff}\n", "RecordError", "JSON"),
        (b"{}\n", "UsageError", "work_folder"),
        (b'{"work_folder":"rel"}\n', "UsageError", "absolute"),
        (b'{"work_folder":"/nowhere/at/all"}\n', "RigLostError", "not there"),
        (b'{"x":"' + b"a" * (5 << 20) + b'"}\n', "RecordError", "at most"),
    ],
)
def test_a_line_that_cannot_be_meant_is_the_last_one(line, kind, words):
    """Every mistake is told as an error of the tree, never as a crash."""
    out = io.BytesIO()
    assert not subject.serve(["follow"], io.BytesIO(line), out)
    error = json.loads(out.getvalue())["error"]
    assert (error["type"], words in error["message"]) == (kind, True), error


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (OSError(28, "No space left on device", "/w/x"), "PreconditionError", "/w/x on the rig: No space left"),
        (KeyError("x"), "PreconditionError", "the agent on the rig failed: KeyError"),
    ],
)
def test_what_nobody_foresaw_is_told_too(monkeypatch, raised, kind, words):
    """A fault without a last line would be tried again and again as a broken link."""

    def verb(arguments, stream):
        yield {"a": 1}
        raise raised

    is_ok, written = serve(monkeypatch, verb)
    error = json.loads(written.splitlines()[-1])["error"]
    assert not is_ok
    assert error["type"] == kind
    assert error["message"].startswith(words)


def test_an_unknown_verb_names_those_that_there_are(rig):
    """Exit status 1, one line."""
    done = subprocess.run(rig.command("format"), input=b"{}\n", capture_output=True, check=False)
    assert done.returncode == 1
    assert "found 'format'" in json.loads(done.stdout)["error"]["message"]


def test_nobody_listening_ends_it_quietly(rig):
    """The client was killed: the agent goes, its last words are no traceback, and the run is not touched."""
    rig.start("r1", "start()\ntime.sleep(60)")
    process = subprocess.Popen(
        rig.command("follow"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdin.write(rig.line(run_id="r1", after=0))
    process.stdin.flush()
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(10) == 1
    assert process.stderr.read() == b""
    assert rig.await_event("r1", "started")


def test_every_verb_is_there():
    """The table names functions that exist."""
    for verb in subject.VERBS:
        assert callable(subject._verb([verb]))


def test_a_call_imports_nothing_heavy():
    """It is started for every call, on a board with an SD card."""
    heavy = ("numpy", "pydantic", "psutil", "yaml", "hilrig.record", "hilrig.app")
    program = (
        "import sys, hilrig.rig.agent.__main__ as m, hilrig.rig.agent.keeper\n"
        "for verb in m.VERBS: m._verb([verb])\n"
        f"print([name for name in sys.modules if name.startswith({heavy!r})])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"
