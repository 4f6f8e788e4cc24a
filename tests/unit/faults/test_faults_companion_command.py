import os
import sys
from pathlib import Path

from hilrig.core.companion import CompanionSpec, ProbeSpec
from hilrig.faults.companion_command import missing_programs, program


def executable(path):
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_python3_is_the_one_that_runs_hilrig(tmp_path, monkeypatch):
    """The shipped examples are modules of this very installation."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert program("python3", tmp_path) == str(Path(sys.executable).parent / "python3")


def test_a_name_with_a_slash_starts_at_the_profile(tmp_path):
    """The profile's folder goes to a rig with what it needs."""
    tool = executable(tmp_path / "agent")
    assert program("./agent", tmp_path) == str(tool)
    assert program("agent", tmp_path) is None


def test_a_file_that_nobody_may_run_is_no_program(tmp_path):
    """Found out before the run, not in it."""
    (tmp_path / "agent").write_text("text")
    assert program("./agent", tmp_path) is None


def test_what_is_missing_is_said_with_its_package(tmp_path, monkeypatch):
    """stress-ng is a package of its own name; for the rest the command is named."""
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    companions = [
        CompanionSpec(name="hog", argv=("stress-ng", "--cpu", "1")),
        CompanionSpec(name="agent", argv=("./agent",), probe=ProbeSpec(argv=("ask-agent",))),
        CompanionSpec(name="there", probe=ProbeSpec(url="http://127.0.0.1/")),
    ]
    hog, agent, probe = missing_programs(companions, tmp_path)
    assert hog == (
        "companion hog: its command needs 'stress-ng', which is not on PATH: install the package stress-ng"
    )
    assert agent == f"companion agent: its command needs './agent', which is no program in {tmp_path}"
    assert "its probe needs 'ask-agent'" in probe
