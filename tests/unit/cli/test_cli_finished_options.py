"""Options of commands that read finished runs."""

from hilrig.cli.finished_options import rig_keys


def test_a_gates_own_key_is_never_taken_for_a_rigs(tmp_path, monkeypatch):
    """Whoever holds the private half of a key here is no rig, but for the user's own rig key."""
    monkeypatch.setenv("HILRIG_HOME", str(tmp_path))
    keys = tmp_path / "keys"
    keys.mkdir()
    for name in ("rig.pem", "rig.pub", "gate.pem", "gate.pub", "line3-orin.pub"):
        (keys / name).touch()
    assert [path.name for path in rig_keys()] == ["line3-orin.pub", "rig.pub"]
