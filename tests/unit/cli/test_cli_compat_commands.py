"""The commands compat check and compat table, as a person or a CI job types them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from compat_models import one_node, write_matrix
from hilrig.app.compat.smoke import MEMORY_MIB
from hilrig.cli.gate import compat_commands
from hilrig.cli.main import app
from hilrig.config.noun_json import from_json
from hilrig.core.compat import CompatReport
from hilrig.rig.device_class import device_classes

pytestmark = pytest.mark.waiting

OWN = device_classes(Path("/"))[0]


@pytest.fixture
def model(tmp_path):
    """Write a model that every runtime takes."""
    path = tmp_path / "m.onnx"
    path.write_bytes(one_node("Identity"))
    return path


def invoke(*arguments: object):
    """Return what the command line gives."""
    return CliRunner().invoke(app, ["compat", *map(str, arguments)])


def test_a_check_that_passes_ends_with_0_and_writes_the_report(tmp_path, model):
    """Every finding in a line with its class and step, the report where --out says, the next command."""
    out = tmp_path / "compatibility.json"
    done = invoke("check", model, "--device-matrix", write_matrix(tmp_path, name=OWN), "--out", out)
    assert done.exit_code == 0, done.output
    assert f"PASS         {OWN}, table:" in done.stdout
    assert f"PASS         {OWN}, smoke: this machine: runs on CPUExecutionProvider" in done.stdout
    assert "next: hilrig gate manifest" in done.stdout
    assert f"{OWN} (1 of 1): a smoke run here" in done.stderr
    assert from_json(CompatReport, out.read_bytes(), what="report").classes == (OWN,)


def test_a_model_too_new_ends_with_10_and_the_fix(tmp_path, model):
    """The seed's case: a model exported with today's defaults for ONNX Runtime 1.17.3."""
    model.write_bytes(one_node("Identity", opset=28, ir_version=14))
    done = invoke("check", model, "--device-matrix", write_matrix(tmp_path, name=OWN))
    assert done.exit_code == 10
    assert "onnx.version_converter.convert_version(model, 2" in done.stdout


def test_a_class_nobody_could_try_ends_with_11(tmp_path, model):
    """Not measured is not passed."""
    done = invoke("check", model, "--device-matrix", write_matrix(tmp_path, name="no-such-board"))
    assert done.exit_code == 11
    assert "NOT_MEASURED no-such-board, smoke" in done.stdout


def test_json_is_one_object_on_stdout(tmp_path, model):
    """For a CI job: the report itself, nothing beside it."""
    done = invoke("check", model, "--device-matrix", write_matrix(tmp_path, name=OWN), "--json")
    assert json.loads(done.stdout)["schema"] == "hilrig.compat/1"


def test_the_table_shows_every_row_with_how_it_is_known():
    """The seed's release is in it, measured."""
    done = invoke("table")
    assert done.exit_code == 0
    assert any(
        line.split()[:4] == ["1.17.3", "20", "4", "9"] and "measured" in line for line in done.stdout.splitlines()
    )
    assert "JetPack 6.0" in done.stdout
    rows = json.loads(invoke("table", "--json").stdout)
    assert {"onnxruntime", "stacks"} == set(rows)


def test_the_help_names_the_exit_codes_and_the_default_bound_is_the_one_that_is_used():
    """The module of the command must not import what it starts, so it repeats one number."""
    done = invoke("check", "--help")
    assert "Exit codes: 0 every class PASS, 10 a class FAILs, 11 a class could not be tried" in " ".join(
        done.stdout.split()
    )
    assert compat_commands.MEMORY_MIB == MEMORY_MIB
