"""The release gate as CI calls it: manifest, check, approve, status, publish, revoke, by keys of a trust root."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gate_folders import CLASS, POLICY, GateFolder, make_gate_folder

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_app_gate_check


class Line:
    """A release with a real run, and hilrig called beside it."""

    def __init__(self, gate: GateFolder) -> None:
        self.gate = gate
        self.check_words = ("gate", "check", "release", "--evidence", "evidence", "--profile", "source/station",
                            "--policy", "policy.yaml", "--trust", "trust.json")  # fmt: skip

    def call(self, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Call hilrig in the folder."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")}
        return subprocess.run(
            [sys.executable, "-m", "hilrig", *words],
            cwd=self.gate.folder,
            env=kept | {"HILRIG_HOME": str(self.gate.folder / "home"), "NO_COLOR": "1"} | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def key(self, name: str) -> str:
        """Return the file of a private key."""
        return str(self.gate.key(name).with_suffix(".pem"))

    def decide(self, *more: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Call `gate check` with the gate's key."""
        return self.call(*self.check_words, "--key", self.key("gate"), *more, **environment)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> GateFolder:
    """Return a release with a real run and a trust root."""
    gate = make_gate_folder(tmp_path_factory.mktemp("gate") / "made")
    line = Line(gate)
    done = line.call(
        "trust", "init", "trust.json", "--root-key", line.key("bob"), "--rig", str(gate.key("rig")),
        "--gate", str(gate.key("gate")), "--approver", f"{gate.key('ann')}:quality",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return gate


@pytest.fixture
def line(made: GateFolder, tmp_path: Path) -> Line:
    """Return a copy to change."""
    return Line(made.copy(tmp_path / "copy"))


def test_from_a_run_to_what_a_deployment_agent_asks(line: Line) -> None:
    """Checked, signed, asked for by the model's file; another class is not decided; a revocation takes it back."""
    done = line.decide("--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["undecided"] == ["arm64-cpu"]
    asked = ("gate", "status", "--model", "source/station/model.onnx", "--decisions", "release/decisions",
             "--trust", "trust.json", "--device-class")  # fmt: skip
    assert line.call(*asked, CLASS).returncode == 0
    assert line.call(*asked, "arm64-cpu").returncode == 33
    envelope = f"release/decisions/{CLASS}.dsse.json"
    assert line.call("gate", "revoke", envelope, "--reason", "wrong", "--key", line.key("gate")).returncode == 0
    assert line.call(*asked, CLASS).returncode == 10
    again = line.decide()
    assert again.returncode == 10
    assert "revoked" in again.stdout


def test_missing_evidence_a_waiver_and_what_ci_shows(line: Line) -> None:
    """11 and red where evidence is missing; a waiver of the right role lets it through, and the table says so."""
    line.gate.document.unlink()
    assert (
        line.call("gate", "manifest", "source/station", "--evidence", "evidence", "--out", "release").returncode
        == 0
    )
    summary = line.gate.folder / "summary.md"
    done = line.decide("--junit", "gate.xml", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 11, done.stdout + done.stderr
    assert "NOT_MEASURED support" in done.stdout
    assert "::error title=support (support)%2C x86-cpu::there is no document" in done.stderr
    assert "FAILED" in summary.read_text()
    suite = ET.fromstring((line.gate.folder / "gate.xml").read_bytes()).find("testsuite")
    assert (suite.get("errors"), suite.get("failures")) == ("1", "0")
    done = line.call(
        "gate", "approve", "release", "--role", "quality", "--reason", "hired on Monday", "--waive", "support",
        "--key", line.key("ann"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = line.decide()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WAIVED       support" in done.stdout


def test_a_looser_policy_waits_for_people(line: Line) -> None:
    """34 with the command that helps, and nothing but the approval is missing."""
    assert line.decide().returncode == 0
    (line.gate.folder / "release").rename(line.gate.folder / "first")
    (line.gate.folder / "old.yaml").write_text(POLICY)
    made = line.call(
        "gate", "manifest", "source/station", "--evidence", "evidence", "--out", "release", "--previous", "first"
    )
    assert made.returncode == 0, made.stderr
    line.gate.policy.write_text(POLICY.replace("max_age_days: 90", "max_age_days: 900"))
    done = line.decide("--previous", "first", "--previous-policy", "old.yaml")
    assert done.returncode == 34, done.stdout + done.stderr
    assert "hilrig gate approve release --role quality" in done.stdout


def test_a_key_that_is_no_gates_signs_no_decision(line: Line) -> None:
    """The rig's key is in the trust root, and not as a gate."""
    done = line.call(*line.check_words, "--key", line.key("rig"))
    assert done.returncode == 30
    assert "no key of the role gate" in done.stderr
    assert not (line.gate.release / "decisions").exists()


def test_mistakes_in_a_policy_are_named_with_their_place(line: Line) -> None:
    """A look-alike key is refused before anything is decided."""
    line.gate.policy.write_text(POLICY.replace("max_age_days", "max_age_dais"))
    done = line.decide()
    assert done.returncode == 2
    assert "policy.yaml:21:47" in done.stderr
    assert "max_age_days" in done.stderr
