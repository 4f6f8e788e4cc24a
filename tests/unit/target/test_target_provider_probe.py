"""hilrig.target.provider_probe: real ONNX Runtime, in this process and in one of its own."""

import json
import subprocess
import sys
from dataclasses import asdict
from types import SimpleNamespace

import onnxruntime as ort
import pytest

from hilrig.target.probe_exchange import ProbeAsked
from hilrig.target.provider_probe import N_FRAMES, assigned_nodes, probe
from small_models import SHAPE

CPU, AZURE = "CPUExecutionProvider", "AzureExecutionProvider"
WINDOWS = "DmlExecutionProvider"  # known to every ONNX Runtime, part of none on Linux


def asked_of(folder, *providers, model="model.onnx"):
    return ProbeAsked(
        model=str(folder / model), options={"providers": list(providers)}, input_name="image", input_shape=SHAPE
    )


def call(folder, line):
    """Run the probe as a process with one line on stdin."""
    command = [sys.executable, "-m", "hilrig.target.provider_probe"]
    return subprocess.run(command, input=line, capture_output=True, cwd=folder, check=False)


def test_the_work_of_the_cpu_is_the_cpus(model_folder):
    """All nodes, all executions, all time; without the warm-up."""
    found = probe(asked_of(model_folder, CPU), model_folder)
    (share,) = found.shares
    assert (share.provider, share.time_share_pct) == (CPU, 100.0)
    assert share.n_executed == N_FRAMES * 2  # ReduceMean and Mul; a cast to the same type is optimised away
    assert share.n_assigned in {None, 2}
    assert (found.runtime_version, found.active, found.n_frames) == (ort.__version__, (CPU,), N_FRAMES)


def test_a_provider_that_takes_no_node_is_found_out(model_folder):
    """First in the runtime's list of active ones, and not a microsecond of the work."""
    found = probe(asked_of(model_folder, AZURE, CPU), model_folder)
    assert found.active[0] == AZURE
    assert [share.provider for share in found.shares if share.time_share_pct > 0] == [CPU]


@pytest.mark.filterwarnings("ignore:Specified provider")
@pytest.mark.parametrize("missing", ["ImaginaryExecutionProvider", WINDOWS])
def test_it_shows_what_would_really_happen_without_the_provider(model_folder, missing):
    """It is not strict: a list without the CPU, of which nothing is there, ends on the CPU."""
    found = probe(asked_of(model_folder, missing), model_folder)
    assert missing not in found.available
    assert found.active == (CPU,)


def test_an_older_runtime_that_does_not_tell_assignments_is_no_obstacle():
    """None, not 0: JetPack 6 has ONNX Runtime 1.23."""
    assert assigned_nodes(SimpleNamespace()) is None


def test_assigned_nodes_are_summed_over_subgraphs():
    """One provider may have been given several pieces of the graph."""

    def piece(name, n_nodes):
        return SimpleNamespace(ep_name=name, get_nodes=lambda: [None] * n_nodes)

    session = SimpleNamespace(
        get_provider_graph_assignment_info=lambda: [piece(CPU, 1), piece(AZURE, 5), piece(CPU, 2)]
    )
    assert assigned_nodes(session) == {CPU: 3, AZURE: 5}


def test_the_process_answers_one_line_and_ends(model_folder):
    """The answer is alone on stdout, whatever the runtime prints; stderr has no warning of a missing provider."""
    done = call(model_folder, json.dumps(asdict(asked_of(model_folder, WINDOWS, CPU))).encode() + b"\n")
    assert done.returncode == 0, done
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["active"] == [CPU]
    assert b"warn" not in done.stderr.lower()


@pytest.mark.parametrize(
    ("line", "words"),
    [(b"", b"nothing was asked"), (b"{}\n", b"missing"), (b"not json\n", b"Expecting value")],
)
def test_the_process_says_what_it_cannot_do(tmp_path, line, words):
    """A status and one line, no traceback."""
    done = call(tmp_path, line)
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stdout == b""
    assert b"Traceback" not in done.stderr


def test_a_model_that_does_not_load_is_said_in_the_runtimes_words(tmp_path):
    """The last line names the file."""
    (tmp_path / "broken.onnx").write_bytes(b"\x00" * 64)
    done = call(tmp_path, json.dumps(asdict(asked_of(tmp_path, CPU, model="broken.onnx"))).encode())
    assert done.returncode == 1
    assert b"broken.onnx" in done.stderr.splitlines()[-1]
