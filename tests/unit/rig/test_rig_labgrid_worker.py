"""The process that imports labgrid, as its owner sees it."""

import json
import os
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import hilrig
from labgrid_lab import running_lab

pytestmark = pytest.mark.waiting

WAIT_S = 60
PACKAGE = Path(hilrig.__file__).parent


def started(python: str = sys.executable, address: str = "127.0.0.1:1", **environment: str):
    return subprocess.Popen(
        [python, "-m", "hilrig.rig.labgrid.worker", address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
    )


def asked(**question) -> bytes:
    return json.dumps({"deadline_s": 20.0, **question}).encode() + b"\n"


def test_without_labgrid(tmp_path):
    """An installation without the extra says which one to install."""
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    (tmp_path / "only").mkdir()
    (tmp_path / "only/hilrig").symlink_to(PACKAGE)  # an installed one has labgrid beside it
    worker = started(str(tmp_path / "bare/bin/python"), PYTHONPATH=str(tmp_path / "only"))
    out, _ = worker.communicate(asked(verb="look"), timeout=WAIT_S)
    error = json.loads(out)["error"]
    assert error["type"] == "UsageError"
    assert error["hint"] == "pip install 'hilrig[labgrid]'"


def test_it_ends_with_its_owner():
    """Nothing is left behind when whoever started it is gone, however that was."""
    worker = started()
    worker.stdin.close()
    assert worker.wait(WAIT_S) == 0
    worker.stdout.close()
    worker.stderr.close()


def test_the_kernel_ends_a_call_without_an_end(tmp_path):
    """The deadline holds without the owner's help: a coordinator that hangs does not keep the worker."""
    with running_lab(tmp_path / "lab") as lab:
        worker = started(address=lab.address)
        worker.stdin.write(asked(verb="look"))
        worker.stdin.flush()
        assert "places" in json.loads(worker.stdout.readline())
        lab.hang_coordinator()
        out, _ = worker.communicate(asked(verb="look", deadline_s=0.5), timeout=WAIT_S)
    assert (out, worker.returncode) == (b"", -signal.SIGALRM)


def test_nothing_but_answers_on_stdout(tmp_path):
    """What labgrid prints and logs is not among the answers."""
    with running_lab(tmp_path / "lab") as lab:
        worker = started(address=lab.address)
        lines = asked(verb="look") + asked(verb="acquire", place="nowhere") + asked(verb="queue", token="NONE")
        out, _ = worker.communicate(lines, timeout=WAIT_S)
    first, second, third = (json.loads(line) for line in out.splitlines())
    assert first["places"] == []
    assert second["error"]["type"] == "PreconditionError"
    assert third["error"]["type"] == "RigLostError"  # a reservation is forgotten when the coordinator restarts
