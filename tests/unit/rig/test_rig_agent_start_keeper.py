"""hilrig.rig.agent.start_keeper: a keeper that outlives the login."""

import os
import pwd
import shutil
import subprocess

import pytest

from hilrig.rig.agent.layout import WorkFolder
from hilrig.rig.agent.start_keeper import SYSTEMD, outlives_login, unit_command

pytestmark = pytest.mark.waiting


@pytest.fixture
def run(tmp_path):
    """Return the folder of a run."""
    return WorkFolder(tmp_path / "100% work").run("r1")


def test_without_systemd_there_is_no_unit(tmp_path):
    """Then the keeper gets a session of its own."""
    assert not outlives_login(tmp_path / "absent", tmp_path)


def test_a_users_unit_needs_lingering(tmp_path, monkeypatch):
    """Without it systemd ends the user's units with the last login: the soak would go with the ssh line."""
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() or pwd.getpwnam("nobody").pw_uid)
    assert not outlives_login(tmp_path, tmp_path)
    (tmp_path / pwd.getpwuid(os.geteuid()).pw_name).touch()
    assert outlives_login(tmp_path, tmp_path)


def test_root_has_units_without_it(tmp_path, monkeypatch):
    """The system's own manager does not end."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert outlives_login(tmp_path, tmp_path / "none")


def test_the_command_bounds_the_unit(run):
    """The keeper is told first, then the whole group goes; nothing runs for ever; no secret is handed on."""
    command = unit_command(["python3", "-m", "x"], run, environment={"PYTHONPATH": "/w"})
    assert command[0] == "systemd-run"
    assert ("--user" in command) is (os.geteuid() != 0)
    assert "--unit=hilrig-r1" in command
    assert "--collect" in command
    assert "--property=KillMode=mixed" in command
    assert any(part.startswith("--property=RuntimeMaxSec=") for part in command)
    assert any(part.endswith("100%% work/runs/r1/log") for part in command)
    assert [part for part in command if part.startswith("--setenv")] == ["--setenv=PYTHONPATH=/w"]
    assert command[-3:] == ["python3", "-m", "x"]


def test_systemd_takes_the_command(run, tmp_path):
    """A real unit, on a machine that was booted with systemd."""
    if not outlives_login(SYSTEMD, SYSTEMD) or shutil.which("systemd-run") is None:
        pytest.skip("hardware: units need a machine that was booted with systemd, and root")
    run.path.mkdir(parents=True)
    command = unit_command(["/bin/sh", "-c", "echo done"], run, environment={})
    subprocess.run([command[0], "--wait", *command[1:]], check=True, timeout=30)
    assert run.log.read_text() == "done\n"
