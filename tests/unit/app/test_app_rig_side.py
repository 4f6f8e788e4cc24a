import pytest

from hilrig.app.rigs.side import key, recover
from hilrig.core.errors import UsageError


def test_a_rig_makes_its_key_once_and_shows_only_the_public_half(tmp_path, monkeypatch):
    """Asked twice, one key; the private half is the user's alone."""
    monkeypatch.setenv("HILRIG_HOME", str(tmp_path / "work" / "home"))
    first = key()["public_pem"]
    assert first == key()["public_pem"]
    assert first.startswith("-----BEGIN PUBLIC KEY-----")
    assert (tmp_path / "work/home/keys/rig.pem").stat().st_mode & 0o777 == 0o600


def test_a_run_that_left_no_directory_has_nothing_to_recover(tmp_path, monkeypatch):
    """The client is told so by an empty name."""
    monkeypatch.setenv("HILRIG_HOME", str(tmp_path / "work" / "home"))
    assert recover("r1") == {"run_dir": ""}


def test_a_run_id_that_climbs_is_refused(tmp_path, monkeypatch):
    """The argument is a name, not a path."""
    monkeypatch.setenv("HILRIG_HOME", str(tmp_path / "work" / "home"))
    with pytest.raises(UsageError):
        recover("../../etc")
