"""The state of a store on its disk."""

import json
import shutil
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.core.errors import RecordError
from hilrig.node.crash_points import CrashPoints
from hilrig.node.disk import Disk
from hilrig.node.state_file import StateFile, decode, encode
from hilrig.node.store import Store
from hilrig.node.store_fault import StoreFault
from hilrig.node.transitions import StoreState, confirmed, on_trial, rolled_back
from node_releases import IDENTITY

A, B = "a" * 64, "b" * 64
FIRST = on_trial(StoreState(), A, tries=3, desired_sequence=0, reason="first")
SECOND = confirmed(FIRST, min_sequence=0, reason="good")
THIRD = on_trial(SECOND, B, tries=3, desired_sequence=4, reason="second")


@pytest.fixture
def states(tmp_path):
    Store.create(tmp_path / "store", IDENTITY)
    return StateFile(Disk(tmp_path / "store"), CrashPoints())


def folder(states):
    return states._disk.folder / "state"


@pytest.mark.parametrize("state", [StoreState(), FIRST, SECOND, THIRD, rolled_back(THIRD, reason="ä \n")])
def test_a_state_is_read_back_as_it_was_written(state):
    """Nothing is lost between the bytes and the state."""
    assert decode(encode(state)) == state


@given(st.data())
def test_no_changed_byte_is_taken_for_a_state(data):
    """Whatever a disk does to the bytes, they are refused: another state is never read."""
    good = encode(THIRD)
    at = data.draw(st.integers(0, len(good) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != good[at]))
    with pytest.raises(RecordError):
        decode(good[:at] + bytes([byte]) + good[at + 1 :])


@given(st.binary(max_size=200))
def test_garbage_is_refused(data):
    """Bytes of any kind raise this one error."""
    with pytest.raises(RecordError):
        decode(data)


@pytest.mark.parametrize("cut", range(0, len(encode(THIRD)), 37))
def test_a_torn_state_is_refused(cut):
    """A file cut short, and one whose end was never written, are no state."""
    good = encode(THIRD)
    for torn in (good[:cut], good[:cut] + b"\0" * (len(good) - cut)):
        with pytest.raises(RecordError):
            decode(torn)


@pytest.mark.parametrize(
    "changes", [{"current": "../../etc"}, {"format": "hilrig.store/2"}, {"barred": {"x": 1}}, {"seq": True}]
)
def test_a_fitting_sum_is_not_enough(changes):
    """A state that names what is no release, or is of another format, is refused with a right sum, too."""
    document = {**json.loads(encode(THIRD)), **changes}
    document.pop("sum")
    with pytest.raises(RecordError):
        decode(canonical_json({**document, "sum": sha256_hex(canonical_json(document))}))


def test_the_state_before_is_kept(states):
    """After each change the file of the state before has that state."""
    for before, state in ((FIRST, SECOND), (SECOND, THIRD)):
        states.replace(before)
        states.replace(state)
        assert decode((folder(states) / "active.json").read_bytes()) == state
        assert decode((folder(states) / "active.json.1").read_bytes()) == before


@pytest.mark.parametrize("garbage", [b"", b"\0" * 400, b"{}", None])
def test_an_unreadable_state_goes_back_one_change(states, garbage):
    """The state before serves, without its candidate, and the reason says what happened."""
    states.replace(THIRD)
    states.replace(rolled_back(THIRD, reason="slow"))
    spoil(folder(states) / "active.json", garbage)
    loaded = states.load()
    assert loaded.fault
    assert (loaded.state.current, loaded.state.candidate) == (A, None)
    assert "active.json" in loaded.state.reason


@pytest.mark.parametrize("garbage", [b"", b"\0" * 400, b"{}", None])
def test_two_unreadable_states_are_never_guessed(states, garbage):
    """Without a readable state nothing runs: no newest file, no journal decides. The message says what to do."""
    states.replace(SECOND)
    spoil(folder(states) / "active.json", garbage)
    spoil(folder(states) / "active.json.1", garbage)
    with pytest.raises(StoreFault, match="HR-102") as caught:
        states.load()
    assert A[:12] in caught.value.message  # what the journal knew, for the person who decides
    assert "hilrig node activate" in caught.value.hint


def test_limits_survive_two_unreadable_states(states):
    """A person who begins anew begins under the limits that the journal kept, with nothing current."""
    states.replace(replace(rolled_back(THIRD, reason="slow"), min_sequence=9))
    spoil(folder(states) / "active.json", b"")
    spoil(folder(states) / "active.json.1", b"")
    state = states.load_or_salvage()
    assert state.releases == frozenset()
    assert (state.min_sequence, state.barred, state.desired_sequence) == (9, {B: 4}, 4)


def test_a_readable_backup_is_not_replaced_by_an_unreadable_state(states):
    """A change on a damaged state keeps the good backup."""
    states.replace(SECOND)
    states.replace(THIRD)
    (folder(states) / "active.json").write_bytes(b"garbage")
    states.replace(THIRD)
    assert decode((folder(states) / "active.json.1").read_bytes()) == SECOND


def test_a_new_state_that_never_came_to_its_name_is_thrown_away(states):
    """What a cut left as the new state is not trusted."""
    (folder(states) / "active.json.new").write_bytes(b"torn")
    states.replace(SECOND)
    assert states.load().state == SECOND
    assert not (folder(states) / "active.json.new").exists()


def test_a_state_behind_a_link_is_not_read(states, tmp_path):
    """A link in place of the state is unreadable."""
    states.replace(SECOND)
    shutil.move(folder(states) / "active.json", tmp_path / "elsewhere")
    (folder(states) / "active.json").symlink_to(tmp_path / "elsewhere")
    assert states.load().fault


def spoil(path, garbage):
    path.unlink()
    if garbage is not None:
        path.write_bytes(garbage)
