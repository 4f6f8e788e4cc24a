import json

import pytest
from typer.testing import CliRunner

from golden_stations import write_color_station
from hilrig.app.golden.pipeline import GoldenPipeline
from hilrig.cli import output
from hilrig.cli.gate import golden_commands
from hilrig.core.errors import RunAbortedError

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def _own_printing(monkeypatch):
    """`main` sets how stdout is used; here nobody does."""
    monkeypatch.setattr(output.state, "wants_json", False)
    monkeypatch.setenv("NO_COLOR", "1")


def run(*args):
    return RUNNER.invoke(golden_commands.app, [str(arg) for arg in args])


def test_a_pass_is_0_and_every_label_is_shown(tmp_path):
    """With its shares, their intervals and what they rest on; the report is written."""
    done = run("run", write_color_station(tmp_path / "s"), "--out", tmp_path / "golden.json")
    assert done.exit_code == 0
    assert "red    precision 100.0 % (83.9 to 100.0, n = 20)" in done.stdout
    assert "golden set: PASS" in done.stdout
    assert json.loads((tmp_path / "golden.json").read_bytes())["status"] == "PASS"


def test_a_fail_is_10(tmp_path):
    """Swapped planes: the label that was lost is named."""
    done = run("run", write_color_station(tmp_path / "s", ("color_order: rgb", "color_order: bgr")))
    assert done.exit_code == 10
    assert "FAIL          red: recall 0.0 %" in done.stdout


def test_a_label_without_a_frame_is_11(tmp_path):
    """Not measured is not passed."""
    done = run("run", write_color_station(tmp_path / "s", forgotten="blue"))
    assert done.exit_code == 11
    assert "NOT_MEASURED  blue: recall unknown: no frame has it." in done.stdout


def test_json_is_the_report(tmp_path):
    """One object on stdout, the same as the file."""
    done = run("run", write_color_station(tmp_path / "s"), "--json", "--out", tmp_path / "golden.json")
    assert json.loads(done.stdout) == json.loads((tmp_path / "golden.json").read_bytes())


def test_a_bundle_is_made_and_checked(tmp_path):
    """0 where it was made; 10 with another pipeline, with the frames and what differs."""
    station, file = write_color_station(tmp_path / "s"), tmp_path / "b.zip"
    assert "5 frames" in run("bundle", station, "--out", file, "--n", 5).stdout
    same = run("check", file, "--profile", station)
    assert (same.exit_code, "bundle: PASS" in same.stdout) == (0, True)
    other = run(
        "check", file, "--profile", write_color_station(tmp_path / "o", ("color_order: rgb", "color_order: bgr"))
    )
    assert other.exit_code == 10
    assert "FAIL  inputs/000.png (red" in other.stdout
    assert "differs: pipeline: " in other.stdout


def test_both_have_a_json_form(tmp_path):
    """For scripts: the file's digest, each frame's status."""
    station, file = write_color_station(tmp_path / "s"), tmp_path / "b.zip"
    assert len(json.loads(run("bundle", station, "--out", file, "--json").stdout)["frames"]) == 12
    assert json.loads(run("check", file, "--profile", station, "--json").stdout)["status"] == "PASS"


def test_ctrl_c_is_12_and_writes_nothing(tmp_path, monkeypatch):
    """An operator who gives up half way gets no half report."""
    station = write_color_station(tmp_path / "s")
    monkeypatch.setattr(GoldenPipeline, "ask", interrupted)
    for args in (("run", station), ("bundle", station)):
        done = run(*args, "--out", tmp_path / "out")
        assert isinstance(done.exception, RunAbortedError)
        assert done.exception.exit_code == 12
    assert not (tmp_path / "out").exists()


def interrupted(*_):
    raise KeyboardInterrupt
