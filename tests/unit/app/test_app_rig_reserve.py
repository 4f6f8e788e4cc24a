from pathlib import Path

import pytest

from hilrig.app.rigs.files import read_rigs
from hilrig.app.rigs.reserve import release, reserve, tidy
from hilrig.core.errors import PreconditionError, RigBusyError, UsageError
from hilrig.core.rig import RigSpec
from local_rigs import local_rig

pytestmark = pytest.mark.waiting

HERE = RigSpec(name="local", transport="local", device_class="auto")


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RigSpec:
    """Return a real rig; Ada asks for it."""
    monkeypatch.setenv("HILRIG_HOLDER", "ada@desk")
    return local_rig(tmp_path)


def test_a_reservation_keeps_others_out(rig: RigSpec, monkeypatch: pytest.MonkeyPatch):
    """Who has it may have it again; another is told who has it, and cannot let go of it."""
    assert reserve(rig, for_s=600, note="")["holder"] == "ada@desk"
    assert reserve(rig, for_s=1200, note="longer")["note"] == "longer"
    monkeypatch.setenv("HILRIG_HOLDER", "bob@lap")
    with pytest.raises(RigBusyError, match="ada@desk"):
        reserve(rig, for_s=600, note="")
    with pytest.raises(RigBusyError, match="ada@desk"):
        release(rig, force=False)
    released = release(rig, force=True)
    assert released is not None
    assert released["holder"] == "ada@desk"
    assert reserve(rig, for_s=600, note="")["holder"] == "bob@lap"


def test_letting_go_of_what_is_free(rig: RigSpec):
    """Nothing was held, which is no error: a script may let go twice."""
    assert release(rig, force=False) is None


def test_tidying_up_a_clean_rig(rig: RigSpec):
    """Nothing is removed, and the rig says so."""
    removed = tidy(rig)
    assert (removed["lease"], removed["runs"], removed["n_parts"]) == (None, [], 0)


@pytest.mark.parametrize("for_s", [59.9, 7 * 86_400 + 1, float("inf"), float("nan"), -1])
def test_a_reservation_has_a_sensible_length(rig: RigSpec, for_s: float):
    """Nobody locks a rig for a year by a typing error."""
    with pytest.raises(UsageError, match="1 minute to 7 days"):
        reserve(rig, for_s=for_s, note="")


def test_a_note_fits(rig: RigSpec):
    """It is one line of a table."""
    with pytest.raises(UsageError, match="note has 2001 characters"):
        reserve(rig, for_s=600, note="x" * 2001)


def test_a_rig_out_of_service_is_not_reserved(tmp_path: Path):
    """The reason is told; nobody reaches for the rig."""
    broken = local_rig(tmp_path, more="enabled: false\ndisabled_reason: fan is broken\n")
    with pytest.raises(PreconditionError, match="fan is broken"):
        reserve(broken, for_s=600, note="")
    assert not any((tmp_path / "home-bench").iterdir())
    assert [file.name for file in read_rigs(tmp_path)] == ["bench"]


def test_this_machine_cannot_be_reserved():
    """Runs in place hold it by a lock of the kernel, as long as they go on."""
    for act in (lambda: reserve(HERE, for_s=600, note=""), lambda: release(HERE, force=True), lambda: tidy(HERE)):
        with pytest.raises(UsageError, match="done in place"):
            act()
