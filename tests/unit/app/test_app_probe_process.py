"""hilrig.app.soak.probe_process: a probe that crashes, hangs or talks nonsense is one clear refusal."""

import os
import time

import onnx
import pytest

from hilrig.app.soak.probe_process import run_probe
from hilrig.core.errors import PreconditionError
from hilrig.target.probe_exchange import ProbeAsked
from small_models import SHAPE, build_model

DEADLINE_S = 20.0

HEAD = "import os, signal, sys\nline = sys.stdin.readline()\n"
GOOD = '{"runtime_version":"1","available":[],"active":[],"n_frames":10,"shares":[]}'


@pytest.fixture
def asked(tmp_path):
    """Return the question about a small model on the CPU."""
    onnx.save(build_model(), str(tmp_path / "model.onnx"))
    return ProbeAsked(
        model=str(tmp_path / "model.onnx"),
        options={"providers": ["CPUExecutionProvider"]},
        input_name="image",
        input_shape=SHAPE,
    )


@pytest.fixture
def scripted(tmp_path, monkeypatch):
    """Return a function that makes a probe of some lines of Python; it gives the module's name."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def write(code, head=HEAD):
        (tmp_path / "scripted_probe.py").write_text(head + code)
        return "scripted_probe"

    return write


def refused(asked, module, deadline_s=DEADLINE_S):
    with pytest.raises(PreconditionError) as caught:
        run_probe(asked, deadline_s=deadline_s, module=module)
    assert caught.value.hint
    return caught.value.message


def test_the_real_probe_answers(asked):
    """All the node time is the CPU's; the witnesses are listed, whatever this machine has."""
    probed = run_probe(asked, deadline_s=DEADLINE_S)
    assert [(share.provider, share.time_share_pct) for share in probed.found.shares] == [
        ("CPUExecutionProvider", 100.0)
    ]
    assert probed.witnesses
    assert probed.complaints == ""


def test_a_model_that_does_not_load_is_refused_in_the_runtimes_words(asked, tmp_path):
    """The runtime's first line is in the message."""
    (tmp_path / "model.onnx").write_bytes(b"\x00" * 64)
    assert "model.onnx" in refused(asked, "hilrig.target.provider_probe")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", ["killed by SIGSEGV"]),
        (
            "print('out of memory on device', file=sys.stderr)\nos._exit(7)",
            ["status 7", "out of memory on device"],
        ),
        ("raise RuntimeError('no such engine')", ["status 1", "RuntimeError: no such engine"]),
        ("print('EP Error, falling back')", ["answered nothing that can be read", "EP Error, falling back"]),
        ("", ["answered nothing that can be read"]),
        ("os.write(1, bytes(range(256)) * 9)", ["answered nothing that can be read"]),
        (f"print('{GOOD}' * 2)", ["answered nothing that can be read"]),
        ("print('{}')", ["answered nothing that can be read"]),
        (f"print('{GOOD}'.replace('10', 'NaN'))", ["answered nothing that can be read"]),
    ],
)
def test_a_probe_that_fails_is_refused_with_its_last_words(asked, scripted, code, words):
    """Killed, gone, raised, talking nonsense: nothing of it is taken for an answer."""
    message = refused(asked, scripted(code))
    assert all(word in message for word in words), message


def test_a_probe_that_ends_before_it_is_asked_is_refused(asked, scripted):
    """A missing library ends it while it loads; the broken pipe is not what is reported."""
    assert "ImportError: libcublas" in refused(asked, scripted("raise ImportError('libcublas.so.12')", head=""))


def test_a_probe_that_hangs_is_ended_at_its_deadline(asked, scripted):
    """Its last words are kept, and no process is left behind."""
    code = "print(os.getpid(), file=sys.stderr, flush=True)\nsignal.pause()"
    begin_s = time.monotonic()
    message = refused(asked, scripted(code), deadline_s=1.0)
    assert time.monotonic() - begin_s < DEADLINE_S
    assert "gave no answer within 1 s" in message
    pid = int(message.rpartition(" ")[2])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_why_a_provider_did_not_come_up_is_kept(asked, scripted):
    """The runtime complains in colour on stderr and goes on without: without heads and colours it can be read."""
    head = "2023-10-05 21:29:53.92 [E:onnxruntime:Default, provider_bridge.cc:1480 Get] "
    complaint = "Failed to load library libonnxruntime_providers_cuda.so: libcublasLt.so.11: cannot open"
    code = f"print('\\x1b[1;31m{head}{complaint}\\x1b[m\\nother', file=sys.stderr)\nprint('{GOOD}')"
    assert run_probe(asked, deadline_s=DEADLINE_S, module=scripted(code)).complaints == complaint
