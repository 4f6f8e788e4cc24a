import json

import pytest

from hilrig.rig import accelerator_stack as module
from hilrig.rig.accelerator_stack import CUDA_TOOLKIT_FILE, accelerator_stack


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """Return the Python distributions that the test says are installed."""
    found = {}
    monkeypatch.setattr(module, "distribution_versions", lambda: found)
    return found


def test_nothing_found_is_unknown(tmp_path):
    """A machine without NVIDIA's libraries has no versions of them, not empty ones."""
    assert accelerator_stack(tmp_path, {"libc6": "2.36"}) == {"cuda": None, "tensorrt": None, "cudnn": None}


def test_versions_beside_each_other_are_all_named(tmp_path, installed):
    """Which of several versions a runtime loads is not guessed: all are there, each by its package."""
    installed |= {"nvidia-cuda-runtime-cu12": "12.9.79", "nvidia-cudnn-cu12": "9.10.2.21", "numpy": "2.0"}
    write_toolkit(tmp_path, json.dumps({"cuda": {"name": "CUDA SDK", "version": "12.6.11"}}))
    packages = {"cuda-cudart-11-8": "11.8.89-1", "cuda-cudart-12-6": "12.6.68-1", "libnvinfer10": "10.3.0.30-1"}
    assert accelerator_stack(tmp_path, packages) == {
        "cuda": {
            "cuda-cudart-11-8": "11.8.89-1",
            "cuda-cudart-12-6": "12.6.68-1",
            "nvidia-cuda-runtime-cu12": "12.9.79",
            "/usr/local/cuda": "12.6.11",
        },
        "tensorrt": {"libnvinfer10": "10.3.0.30-1"},
        "cudnn": {"nvidia-cudnn-cu12": "9.10.2.21"},
    }


@pytest.mark.parametrize(
    "name",
    [
        "cuda-cudart-dev-12-6",
        "libnvinfer-dev",
        "libnvinfer-lean10",
        "libnvinfer-plugin10",
        "libcudnn9-dev-cuda-12",
    ],
)
def test_development_files_and_neighbours_are_no_library(tmp_path, name):
    """Headers may be of another version than what is loaded."""
    assert set(accelerator_stack(tmp_path, {name: "1"}).values()) == {None}


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("tensorrt", "tensorrt"),
        ("tensorrt-cu12-libs", "tensorrt"),
        ("nvidia-cuda-runtime", "cuda"),
        ("nvidia-cudnn-cu13", "cudnn"),
    ],
)
def test_libraries_from_pip_count(tmp_path, installed, name, library):
    """The names that NVIDIA publishes its libraries under for Python are known, old and new."""
    installed[name] = "1.2"
    assert accelerator_stack(tmp_path, {})[library] == {name: "1.2"}


@pytest.mark.parametrize(
    "name", ["tensorrt-llm", "tensorrt-lean", "nvidia-cuda-runtime-x", "nvidia-cudnn-frontend"]
)
def test_other_distributions_do_not(tmp_path, installed, name):
    """What only sounds alike is something else."""
    installed[name] = "1.2"
    assert set(accelerator_stack(tmp_path, {}).values()) == {None}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"cuda": 12}', '{"cuda": {}}', '{"cuda": {"version": 12.6}}']
)
def test_a_toolkit_file_of_another_form_is_unknown(tmp_path, text):
    """Only the form that NVIDIA documents is understood."""
    write_toolkit(tmp_path, text)
    assert accelerator_stack(tmp_path, {})["cuda"] is None


def write_toolkit(root, text):
    (root / CUDA_TOOLKIT_FILE).parent.mkdir(parents=True)
    (root / CUDA_TOOLKIT_FILE).write_text(text)
