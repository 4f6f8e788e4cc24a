"""hilrig.app.run.request: what a person asks for."""

from hilrig.app.run.request import new_run_id


def test_run_ids_differ_and_have_no_hyphen():
    """The folder's name is split at its last hyphen."""
    names = {new_run_id() for _ in range(100)}
    assert len(names) == 100
    assert not any("-" in name for name in names)
