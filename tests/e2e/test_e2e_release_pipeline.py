"""The release pipeline's own shell, this machine as its rig: from a profile to a signed decision, or a reason."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import click
import onnx
import pytest
import typer
import yaml

from foreign_verifiers import ROOT, openssl_says, sigstore_says
from hilrig.cli.main import app
from hilrig.core.canonical import sha256_hex
from matrices import write_simulated_rig
from release_pipelines import POLICY, SCRIPT, STEPS, Pipeline, PipelineDone, write_matrix, write_release_station

pytestmark = pytest.mark.waiting

WORKFLOW = ROOT / ".github" / "workflows" / "edge-ci.yml"
FOREIGN = "-x $(touch pwned); `touch pwned` *"
STUB = """\
#!/bin/sh
printf '%s\\n' "$NAME" "$@" '' >>"$CALLS"
echo '{"error": "a stub ran nothing"}'
"""


@pytest.fixture
def pipeline(bench) -> Pipeline:
    """Return a pipeline over a small station with a golden set, and a gate's key."""
    write_release_station(bench.folder / "station")
    write_matrix(bench.folder / "matrix.yaml", "x86-cpu")
    (bench.folder / "policy.yaml").write_text(POLICY)
    return Pipeline(
        bench,
        {
            "GATE_PROFILE": "station",
            "GATE_ORT": "1.17.3",
            "GATE_MATRIX": "matrix.yaml",
            "GATE_POLICY": "policy.yaml",
            "GATE_VERSION": "1.2",
        },
    )


def ended(*, at: str | None = None) -> dict[str, str]:
    """Return what junit.xml says when the steps before `at` succeeded, that one failed, and none came after."""
    reached = len(STEPS) if at is None else STEPS.index(at)
    known = dict.fromkeys(STEPS[:reached], "ok")
    return (
        known
        | dict.fromkeys(STEPS[reached : reached + 1], "failure")
        | dict.fromkeys(STEPS[reached + 1 :], "skipped")
    )


@pytest.mark.long  # short: the steps below, test_app_gate_check, test_attest_envelope
def test_a_profile_becomes_a_signed_decision(pipeline, tmp_path):
    """Every step for real, the soak on a rig; foreign programs verify the decision, `gate status` says PASSED."""
    made = pipeline.bench.call("keys", "new", "gate")
    assert made.code == 0, made
    keys = pipeline.bench.folder / "home" / "keys"
    summary, outputs = tmp_path / "summary", tmp_path / "outputs"
    write_simulated_rig(pipeline.bench.folder / "rigs", "sim-a", work=pipeline.bench.folder / "work")
    done = pipeline.run_undisturbed(
        HIL_RIGS="sim-a",
        GATE_KEY=str(keys / "gate.pem"),
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(summary),
        GITHUB_OUTPUT=str(outputs),
    )
    assert done.code == 0, done
    assert done.cases() == ended()
    assert outputs.read_text().splitlines()[-1] == "exit_code=0"
    assert "::group::golden" in done.said
    assert "::error" not in done.said
    assert summary.read_text().endswith((done.out / "summary.md").read_text())
    assert ET.parse(done.out / "gate.xml").getroot().tag == "testsuites"
    (sum_file,) = (done.out / "models").glob("*-1.2.onnx.sha256")
    assert subprocess.run(["sha256sum", "-c", sum_file.name], cwd=sum_file.parent, check=False).returncode == 0
    decisions = done.out / "release" / "decisions"
    envelope, bundle = (decisions / f"x86-cpu.{kind}.json" for kind in ("dsse", "sigstore"))
    assert openssl_says(envelope.read_bytes(), keys / "gate.pub", tmp_path / "o")
    assert sigstore_says([bundle.read_bytes()], keys / "gate.pub", tmp_path / "s") == [""]
    (by_rig,) = sigstore_says([bundle.read_bytes()], keys / "rig.pub", tmp_path / "s")
    assert by_rig.startswith("SIGNATURE_ERROR")
    statement = json.loads(base64.b64decode(json.loads(envelope.read_bytes())["payload"]))
    assert statement["predicate"]["verificationResult"] == "PASSED"
    (run_dir,) = (path for path in (done.out / "evidence").iterdir() if path.is_dir())
    assert json.loads((run_dir / "result.json").read_bytes())["rig"] == "sim-a"
    (attestation,) = statement["predicate"]["inputAttestations"]
    assert attestation["digest"]["sha256"] == sha256_hex((run_dir / "attestation.dsse.json").read_bytes())
    status = pipeline.bench.call(
        *("gate", "status", "--model", str(pipeline.bench.folder / "station" / "model.onnx")),
        *("--device-class", "x86-cpu", "--decisions", str(done.out / "release")),
        *("--gate-key", str(keys / "gate.pub")),
    )
    assert status.code == 0, status


def test_a_model_too_new_ends_it_before_anything_is_run(pipeline, tmp_path):
    """Exit 10, the fix in the log, in the annotation and in the red test case; no rig was asked for."""
    path = pipeline.bench.folder / "station" / "model.onnx"
    model = onnx.load(path)
    model.ir_version = 14
    path.write_bytes(model.SerializeToString())
    done = pipeline.run(GITHUB_ACTIONS="true", GITHUB_OUTPUT=str(tmp_path / "outputs"))
    assert done.code == 10, done
    assert done.cases() == ended(at="opset")
    assert "ir_version" in done.said
    assert "::error title=release gate::opset: exit code 10" in done.said
    assert (tmp_path / "outputs").read_text() == "exit_code=10\n"
    assert "**exit code 10**" in (done.out / "summary.md").read_text()
    assert list((done.out / "evidence").iterdir()) == []


@pytest.mark.long  # short: test_app_golden_run
def test_a_class_that_the_golden_set_does_not_show_ends_it(pipeline):
    """Recall that the frames cannot prove: the golden step's exit code, and no run on a rig."""
    profile = pipeline.bench.folder / "station" / "profile.yaml"
    profile.write_text(profile.read_text().replace("min_recall: 0.2", "min_recall: 0.99"))
    done = pipeline.run()
    assert done.code in {10, 11}, done
    assert done.cases() == ended(at="golden")
    assert not (done.out / "hil").exists()


def test_a_cancelled_job_ends_in_order(pipeline):
    """SIGTERM goes on to the step that runs, which ends as it likes; nothing starts after it."""
    slow = "#!/bin/sh\ntrap 'exit 12' TERM\ntouch \"$READY\"\nwhile :; do sleep 0.05; done\n"
    ready = pipeline.bench.folder / "ready"
    process = pipeline.start(PYTHON=pipeline.stub("slow", slow), READY=str(ready))
    limit = time.monotonic() + 60
    while not ready.exists() and time.monotonic() < limit:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    done = PipelineDone(process.returncode, out, err, pipeline.out)
    assert done.code == 12, done
    assert done.cases() == ended(at="opset")


@pytest.mark.parametrize("missing", ["GATE_PROFILE", "GATE_ORT"])
def test_what_it_needs_is_said(pipeline, missing):
    """Without a profile or a target: exit 2, the variable's name, nothing written."""
    done = pipeline.run(**{missing: ""})
    assert done.code == 2, done
    assert missing in done.err
    assert not done.out.exists()


def test_evidence_of_another_run_is_not_mixed_in(pipeline):
    """A folder that is there already is refused and left as it is."""
    pipeline.out.mkdir()
    done = pipeline.run()
    assert done.code == 2, done
    assert list(pipeline.out.iterdir()) == []


def recorded(pipeline: Pipeline) -> Iterator[tuple[str, list[str]]]:
    """Run the pipeline with every variable set and stubs that write down how they are called."""
    calls = pipeline.bench.folder / "calls"
    named = set(re.findall(r"^#   (GATE_[A-Z_]+)", SCRIPT.read_text(), re.MULTILINE))
    given = dict.fromkeys(named - pipeline.variables.keys() - {"GATE_OUT", "GATE_EVIDENCE", "GATE_MODEL"}, FOREIGN)
    hilrig = pipeline.stub("stub", STUB.replace("$NAME", "hilrig"))
    python = pipeline.stub("python", STUB.replace("$NAME", "python"))
    done = pipeline.run(**given, HILRIG=hilrig, PYTHON=python, HIL_RIGS_FOLDER="rigs", CALLS=str(calls))
    assert done.code == 0, done
    for call in calls.read_text().removesuffix("\n\n").split("\n\n"):
        name, *words = call.split("\n")
        yield name, words


def test_it_calls_only_commands_and_options_that_exist(pipeline):
    """Each verb, script and option that the shell types is one that hilrig or the script knows."""
    called = list(recorded(pipeline))
    assert len(called) == len(STEPS) - 1  # signing the model is sha256sum
    for name, words in called:
        options = {word for word in words if word.startswith("--")}
        if name == "python":
            script, *_ = words
            text = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True)
            more = _command(["compat", "check"])[1] if script.endswith("smoke_test_compat.py") else set()
            assert options <= set(re.findall(r"--[a-z-]+", text.stdout)) | more, script
        else:
            command, known = _command(words)
            assert command is not None, words
            assert options <= known, words


def _command(words: list[str]) -> tuple[click.Command | None, set[str]]:
    """Return the command that these words call, and the options that it knows."""
    command = typer.main.get_command(app)
    for word in words:
        if not hasattr(command, "commands"):
            break
        if word not in command.commands:
            return None, set()
        command = command.commands[word]
    return command, {name for one in command.params for name in [*one.opts, *one.secondary_opts]}


def test_foreign_words_do_not_get_into_the_shell(pipeline):
    """Inputs come from whoever starts a workflow: they are arguments, never code, and arrive as they are."""
    words = [word for _, called in recorded(pipeline) for word in called]
    assert FOREIGN in words
    assert not (pipeline.bench.folder / "pwned").exists()


def test_the_workflow_calls_that_script_and_its_variables():
    """Inputs reach it by name, artifacts are always kept, jobs do not race, actions are pinned by digest."""
    workflow = yaml.safe_load(WORKFLOW.read_text())
    job = workflow["jobs"]["gate"]
    (step,) = [one for one in job["steps"] if one.get("id") == "gate"]
    assert step["run"] == "exec bash .ci/release-gate"
    assert {"timeout-minutes", "concurrency", "permissions"} <= job.keys()
    known = set(re.findall(r"^#   (GATE_[A-Z_]+)", SCRIPT.read_text(), re.MULTILINE))
    known |= set(re.findall(r"^#   (HIL_[A-Z_]+)", (ROOT / ".ci" / "hil-job").read_text(), re.MULTILINE))
    assert {name for name in step["env"] if not name.startswith("HILRIG_")} <= known
    asked = {value[len("${{ inputs.") : -len(" }}")] for value in step["env"].values() if "inputs." in value}
    inputs = workflow[True]["workflow_call"]["inputs"].keys()  # YAML 1.1 reads `on` as true
    assert asked | {"runner", "timeout_minutes"} == inputs
    (upload,) = [one for one in job["steps"] if "upload-artifact" in one.get("uses", "")]
    assert upload["if"] == "always()"
    assert upload["with"]["path"] == "gate-out/"
    used = [one["uses"] for one in job["steps"] if "uses" in one]
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one) for one in used)


def test_every_variable_at_the_top_is_one_that_it_reads():
    """The list of variables is the script's interface: no more, no fewer."""
    top, _, body = SCRIPT.read_text().partition("set -euo pipefail")
    listed = set(re.findall(r"^#   (GATE_[A-Z_]+)", top, re.MULTILINE))
    assert listed == set(re.findall(r"\bGATE_[A-Z_]+\b", body))


def test_the_steps_are_those_that_it_lists():
    """In the comment at the top, in the report, and in the order in which they run."""
    top, _, body = SCRIPT.read_text().partition("set -euo pipefail")
    assert re.findall(r"^#   ([a-z]+) ", top, re.MULTILINE) == STEPS
    assert re.findall(r"^step ([a-z]+) ", body, re.MULTILINE) == STEPS
    assert re.search(r'^steps="(.*)"$', body, re.MULTILINE)[1].split() == STEPS
    assert subprocess.run(["bash", "-n", str(SCRIPT)], check=False).returncode == 0
    assert os.access(SCRIPT, os.X_OK)
