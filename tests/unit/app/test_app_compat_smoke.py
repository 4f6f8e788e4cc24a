"""The process around a smoke run: what it costs, crashes and swallows stays in it."""

import json
import time
from pathlib import Path

import pytest

from compat_models import endless, hungry, one_node
from hilrig.app.compat.smoke import DEADLINE_S, ENGINE_BUILD_DEADLINE_S, deadline_s, try_here
from hilrig.app.compat.there import ASKED_FILE, tried_in
from hilrig.config.noun_json import from_json, to_json
from hilrig.core.errors import WrongClassError
from hilrig.gate.smoke import Tried
from hilrig.rig.device_class import device_classes
from hilrig.target.smoke_exchange import SmokeAsked

pytestmark = pytest.mark.waiting


def asked(folder, data: bytes, *, memory_mib: int = 4096, providers=("CPUExecutionProvider",)) -> SmokeAsked:
    """Write a model and return the question about it."""
    (folder / "m.onnx").write_bytes(data)
    return SmokeAsked(
        files=("m.onnx",),
        folder=str(folder),
        options={"providers": list(providers)},
        golden=None,
        output_name="",
        memory_mib=memory_mib,
    )


def fake(folder, text: str) -> str:
    """Write a module that takes the place of the run; return its name."""
    (folder / "fake_smoke.py").write_text(f"import sys\nsys.stdin.buffer.readline()\n{text}\n")
    return "fake_smoke"


def test_a_model_is_tried_and_the_machine_is_told(tmp_path):
    """The run's findings with the facts of this machine."""
    tried = try_here(asked(tmp_path, one_node("Identity")))
    assert tried.found is not None
    assert len(tried.found.outputs) == 2
    assert "packages" in tried.facts


def test_a_model_that_wants_more_memory_than_allowed_fails_with_the_bound(tmp_path):
    """2 GiB where 512 MiB are allowed; the machine itself has them."""
    tried = try_here(asked(tmp_path, hungry(1024), memory_mib=512))
    words = tried.trouble if tried.found is None else tried.found.refused
    assert "512 MiB" in words


def test_a_model_that_never_ends_is_ended(tmp_path):
    """A loop of 2^62 rounds, ended at the deadline."""
    begin_s = time.monotonic()
    tried = try_here(asked(tmp_path, endless()), limit_s=3.0)
    assert tried.found is None
    assert not tried.is_ours
    assert "no answer within 3 s" in tried.trouble
    assert time.monotonic() - begin_s < 30


@pytest.mark.parametrize(
    ("text", "expected", "is_ours"),
    [
        ("import os; os.kill(os.getpid(), 11)", "was killed by SIGSEGV", False),
        (
            "print('last word', file=sys.stderr); sys.exit(7)",
            "ended with status 7; its last words: last word",
            False,
        ),
        ("sys.exit(3)", "cannot import onnxruntime", True),
        ("print('{')", "answered nothing that can be read", False),
        ("print('{\"runtime_version\": 1}')", "answered nothing that can be read", False),
        ("", "answered nothing that can be read", False),
    ],
)
def test_whatever_the_process_does_it_is_told_in_words(tmp_path, monkeypatch, text, expected, is_ours):
    """Crash, status, half an answer: a trouble, never an exception."""
    monkeypatch.syspath_prepend(str(tmp_path))
    tried = try_here(asked(tmp_path, b"x"), module=fake(tmp_path, text))
    assert tried.found is None
    assert expected in tried.trouble
    assert tried.is_ours is is_ours


def test_what_the_process_started_ends_with_it(tmp_path, monkeypatch):
    """A library's helper process must not stay behind."""
    monkeypatch.syspath_prepend(str(tmp_path))
    pid_file = tmp_path / "pid"
    text = (
        "import subprocess, time\n"
        f"open({str(pid_file)!r}, 'w').write(str(subprocess.Popen(['sleep', '60']).pid))\n"
        "time.sleep(60)"
    )
    try_here(asked(tmp_path, b"x"), module=fake(tmp_path, text), limit_s=1.5)
    stat = f"/proc/{pid_file.read_text()}/stat"
    until_s = time.monotonic() + 60
    while is_alive(stat) and time.monotonic() < until_s:
        time.sleep(0.02)
    assert not is_alive(stat)


def is_alive(stat: str) -> bool:
    """Return whether the process is there and no zombie."""
    try:
        return Path(stat).read_bytes().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return False


def test_an_engine_that_has_to_be_built_gets_its_time(tmp_path):
    """TensorRT builds for minutes; nothing else does."""
    assert deadline_s(asked(tmp_path, b"")) == DEADLINE_S
    assert deadline_s(asked(tmp_path, b"", providers=["TensorrtExecutionProvider"])) == ENGINE_BUILD_DEADLINE_S


def test_what_a_rig_answers_is_read_back_whole(tmp_path):
    """The answer goes through JSON and gives the same findings."""
    question = asked(tmp_path, one_node("Identity"))
    (tmp_path / ASKED_FILE).parent.mkdir()
    (tmp_path / ASKED_FILE).write_bytes(to_json(question))
    answer = tried_in(tmp_path, device_classes(Path("/"))[0])
    tried = from_json(Tried, json.dumps(answer["tried"]).encode(), what="answer")
    assert tried.found is not None
    assert tried.found.outputs[0].n_values == 4


def test_a_machine_of_another_class_runs_nothing(tmp_path):
    """The matrix names the wrong rig: it says what it is, before it takes minutes for an engine."""
    with pytest.raises(WrongClassError, match="this rig is of the class .* not no-such-class"):
        tried_in(tmp_path, "no-such-class")
