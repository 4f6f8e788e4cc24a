"""Reading the device matrix: what it states, and every way of writing it wrong."""

from pathlib import Path

import pytest

from hilrig.config.device_matrix import load_device_matrix
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import ConfigError

ROOT = Path(__file__).parents[3]
GOOD = """\
format: 1
device_classes:
  x86-cpu:
    os: Debian 12
    stack: {onnxruntime: "1.31.1"}
    providers: [CPUExecutionProvider]
  jetson-orin-nx-8gb:
    os: JetPack 6.0
    stack: {jetpack: "6.0", cuda: "12.2", tensorrt: "8.6", onnxruntime: 1.17.3}
    providers: [TensorrtExecutionProvider, CUDAExecutionProvider]
    rig: orin-lab-1
"""


def write(folder: Path, text: str) -> Path:
    """Return the file that holds a text."""
    path = folder / "matrix.yaml"
    path.write_text(text)
    return path


def mistakes(folder: Path, text: str) -> list[str]:
    """Return every mistake of a file as `line: message (hint)`."""
    with pytest.raises(ConfigError) as caught:
        load_device_matrix(write(folder, text))
    return [f"{one.line}: {one.message} ({one.hint})" for one in caught.value.problems]


def test_every_class_is_read_with_its_place_and_the_file_with_its_digest(tmp_path):
    """Rows come in the order of the file, each with where it is written."""
    matrix = load_device_matrix(write(tmp_path, GOOD))
    cpu, orin = matrix.rows
    assert (cpu.name, cpu.stack, cpu.rig, cpu.blocked) == ("x86-cpu", {"onnxruntime": "1.31.1"}, "", "")
    assert orin.rig == "orin-lab-1"
    assert orin.providers[0] == "TensorrtExecutionProvider"
    assert orin.stack["onnxruntime"] == "1.17.3"  # three parts are text without quotes, too
    assert orin.source == f"{tmp_path / 'matrix.yaml'}:7:3"
    assert matrix.sha256 == sha256_hex(GOOD.encode())


def test_the_example_in_the_repository_is_sound():
    """The file that CI uses holds this machine's class, the seed's two, and a blocked one."""
    rows = {row.name: row for row in load_device_matrix(ROOT / "config/device_compatibility_matrix.yaml").rows}
    assert {"x86-cpu", "arm64-cpu", "jetson-orin-nx-8gb", "x86-rtx4000-ada"} <= set(rows)
    assert rows["jetson-orin-nx-8gb"].stack["jetpack"] == "6.0"
    assert rows["x86-rtx4000-ada"].stack == {
        "cuda": "12.2",
        "tensorrt": "8.6",
        "cudnn": "8.9",
        "onnxruntime": "1.17.3",
    }
    assert rows["jetson-xavier-nx-8gb"].blocked


def test_the_example_asks_for_the_runtime_that_the_lock_file_pins():
    """Class x86-cpu is what `make` sets up: another version there would fail every smoke run in CI."""
    row = next(
        row
        for row in load_device_matrix(ROOT / "config/device_compatibility_matrix.yaml").rows
        if row.name == "x86-cpu"
    )
    assert f"onnxruntime=={row.stack['onnxruntime']} " in (ROOT / "requirements.lock").read_text()


@pytest.mark.parametrize("written", ["1.17", "1.20", "12"])
def test_a_version_that_yaml_reads_as_a_number_is_refused_with_the_quoted_form(tmp_path, written):
    """1.20 would be 1.2: the message says to use quotes."""
    (message,) = mistakes(tmp_path, GOOD.replace('"1.31.1"', written))
    assert message.startswith("5: the version of onnxruntime is read as the number")
    assert 'put it in quotes: onnxruntime: "' in message


def test_a_release_of_onnxruntime_needs_all_three_parts(tmp_path):
    """`"1.17"` in quotes names no release that anybody could have measured."""
    (message,) = mistakes(tmp_path, GOOD.replace('"1.31.1"', '"1.17"'))
    assert "5: " in message
    assert "onnxruntime" in message


def test_nan_and_duplicate_keys_and_unknown_keys_are_named_all_at_once(tmp_path):
    """Three mistakes in three lines give three messages, each at its place."""
    text = GOOD.replace('"1.31.1"', ".nan").replace("    os: JetPack 6.0\n", "    os: JetPack\n    os: Other\n")
    found = mistakes(tmp_path, text.replace("rig: orin-lab-1", "rigg: orin-lab-1"))
    assert [one.partition(":")[0] for one in found] == ["5", "9", "12"]
    assert "not a number" in found[0]
    assert "given twice" in found[1]
    assert "rig" in found[2]


def test_a_class_given_twice_is_refused(tmp_path):
    """Two blocks of one name: nobody could tell which one counts."""
    (message,) = mistakes(tmp_path, GOOD.replace("jetson-orin-nx-8gb", "x86-cpu"))
    assert "key 'x86-cpu' is given twice" in message


def test_a_list_of_rows_is_refused_with_the_form_that_is_read(tmp_path):
    """The seed does not define a form; only the mapping is one."""
    (message,) = mistakes(tmp_path, "format: 1\ndevice_classes:\n  - {device_class: x86-cpu, ort: 1.17.3}\n")
    assert "expected one block for each device class" in message


@pytest.mark.parametrize(
    ("providers", "expected"),
    [
        ("[]", "providers"),
        ("[CPUExecutionProvider, CUDAExecutionProvider]", "what stands behind it is never used"),
        ("[CPUExecutionProvider, CPUExecutionProvider]", "named twice"),
        ("[TensorrtExecutionProvider]", "needs tensorrt"),
        ("[CUDA]", "providers"),
    ],
)
def test_providers_that_cannot_do_the_work_are_refused(tmp_path, providers, expected):
    """An empty list, one behind the CPU, one twice, one without its library in the stack, one that is no name."""
    found = mistakes(tmp_path, GOOD.replace("[CPUExecutionProvider]", providers))
    assert expected in " ".join(found)


def test_no_class_at_all_is_refused(tmp_path):
    """A matrix without classes would pass every model."""
    assert mistakes(tmp_path, "format: 1\ndevice_classes: {}\n")


def test_a_missing_file_names_what_stands_beside_it(tmp_path):
    """A typing mistake in the file's name."""
    write(tmp_path, GOOD)
    with pytest.raises(ConfigError, match="no such device matrix.*matrix.yaml"):
        load_device_matrix(tmp_path / "matrx.yaml")
