"""The house rules that no linter knows."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "hilrig").rglob("*.py"))
LINES_MAX = 400
FUNCTION_LINES_MAX = 60
DRAWERS = {"util", "utils", "helper", "helpers", "common", "misc", "base", "manager"}
HEAVY = ("pandas", "matplotlib", "pyarrow", "cv2", "onnxruntime", "onnx", "numpy", "securesystemslib")


def test_a_file_is_one_idea():
    """At most 400 lines, a docstring whose first line needs no "and", functions of at most 60 lines, no drawer."""
    for path in MODULES:  # one test, not one for each: a thousand that take a millisecond cost ten
        text = path.read_text()
        tree = ast.parse(text)
        assert len(text.splitlines()) <= LINES_MAX, path
        assert path.stem not in DRAWERS, path
        docstring = ast.get_docstring(tree)
        assert docstring, f"{path}: a module says what it is for"
        assert not re.search(r"\band\b", docstring.splitlines()[0], re.IGNORECASE), f"{path}: one idea, one file"
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
                assert node.end_lineno - node.lineno < FUNCTION_LINES_MAX, (path, node.name)


def test_folders_are_two_deep():
    """A module's path is its address: package, part, file."""
    assert all(len(path.relative_to(ROOT / "hilrig").parts) <= 3 for path in MODULES)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["keys", "--help"], ["list"]])
def test_help_and_list_import_nothing_heavy(arguments, tmp_path):
    """The command line answers at once: none of the large libraries is loaded for a look."""
    code = (
        "import sys\nfrom hilrig.cli.main import main\n"
        f"sys.argv = ['hilrig', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    (tmp_path / "reports").mkdir()
    called = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert called.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize("module", ["app.gate.status", "node.trust", "node.store"])
def test_a_node_asks_and_updates_without_numpy(module):
    """A quarter of what such a command takes on a small board would be the import of what it never uses."""
    code = f"import sys, hilrig.{module}; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_process_of_a_run_imports_nothing_of_reports():
    """A small run has ten processes: what only verdicts, views or plug-ins need took a fifth of their start."""
    needless = ("hilrig.core.verdict", "hilrig.core.document", "importlib.metadata", "email", "pydantic")
    code = (
        "import sys, hilrig.run.feeder, hilrig.run.worker, hilrig.run.sampler_loop, hilrig.run.stall_sentinel\n"
        f"print([name for name in {needless!r} if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_tests_mirror_the_package():
    """Every part of the package has its folder of unit tests."""
    parts = {path.name for path in (ROOT / "hilrig").iterdir() if path.is_dir() and not path.name.startswith("__")}
    mirrored = {path.parent.name for path in (ROOT / "tests" / "unit").glob("*/test_*.py")}
    assert parts - {"bundled"} == mirrored


def test_a_file_of_tests_is_one_idea():
    """At most 400 lines, what tests share included."""
    for path in (ROOT / "tests").rglob("*.py"):
        assert len(path.read_text().splitlines()) <= LINES_MAX, path


def test_every_test_says_what_it_holds():
    """One sentence for each test."""
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                assert ast.get_docstring(node), f"{path.name}: {node.name}"


def test_the_lock_names_no_registry():
    """Dependencies are pinned with hashes, wherever they are fetched from."""
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert "--hash=sha256:" in lock
    assert all("==" in line for line in lock.splitlines() if line and not line.startswith((" ", "#", "-")))
