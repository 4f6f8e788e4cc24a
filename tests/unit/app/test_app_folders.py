"""hilrig.app.folders: where keys and lock are."""

from pathlib import Path

import pytest

from hilrig.app import folders
from hilrig.core.errors import PreconditionError


def test_hilrig_home_moves_keys_and_lock(own_home: Path):
    """One variable keeps a test, or a second user, apart from the machine's own."""
    assert folders.keys_folder() == own_home / "keys"
    assert folders.baselines_folder() == own_home / "baselines"
    assert folders.lease_folder() == own_home


def test_a_relative_home_holds_in_every_process(monkeypatch, tmp_path):
    """The run's process works in another folder: the variable is made absolute where it is read first."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HILRIG_HOME", "home")
    assert folders.keys_folder() == tmp_path / "home" / "keys"


def test_without_the_variable_keys_are_the_users_and_the_lock_is_the_machines(monkeypatch):
    """All users of a machine share its hardware, so they share the lock."""
    monkeypatch.delenv("HILRIG_HOME")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/config")
    assert folders.keys_folder() == Path("/config/hilrig/keys")
    assert folders.baselines_folder() == Path("/config/hilrig/baselines")
    assert folders.lease_folder().name == "hilrig"


def test_a_run_that_a_rig_was_sent_locks_the_machine_not_its_own_home(own_home, monkeypatch, tmp_path):
    """Its keys are in the work folder; the hardware is everybody's."""
    monkeypatch.setenv("HILRIG_LOCK_FOLDER", str(tmp_path / "machine"))
    assert folders.lease_folder() == tmp_path / "machine"
    assert folders.keys_folder() == own_home / "keys"


def test_the_bundled_profile_is_found_and_an_unknown_one_named():
    """The weld station comes with every installation."""
    assert (folders.bundled_profile("weld-station") / "model.onnx").is_file()
    with pytest.raises(PreconditionError, match="bundled profile nothing is missing"):
        folders.bundled_profile("nothing")
