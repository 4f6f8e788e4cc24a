"""The states that a cut can leave: known protocols with known results, and what POSIX promises of any."""

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilrig.core.errors import RecordError
from hilrig.core.power_loss import UpdateStep
from hilrig.faults.call_trace import FileCall, Op
from hilrig.faults.crash_states import STATES_PER_CUT_MAX, CrashStates, RecordedStep
from hilrig.faults.disk_model import DiskModel, File, Folder

OLD, NEW = b"old contents", b"new and longer"


def create(path):
    return FileCall(op=Op.CREATE, path=path)


def write(path, data, offset=0):
    return FileCall(op=Op.WRITE, path=path, offset=offset, data=data)


def fsync(path):
    return FileCall(op=Op.FSYNC, path=path)


def fsync_folder(path="."):
    return FileCall(op=Op.FSYNC_FOLDER, path=path)


def rename(source, target):
    return FileCall(op=Op.RENAME, path=source, target=target)


def truncate(path, size=0):
    return FileCall(op=Op.TRUNCATE, path=path, size_bytes=size)


def mkdir(path):
    return FileCall(op=Op.MKDIR, path=path)


def installed(**files):
    """Return a disk with these files, all of it lasting."""
    names = {name: File(name, durable=data) for name, data in files.items()}
    return Folder(".", current=dict(names), durable=dict(names))


def states_of(calls, base, *, seed=1):
    step = UpdateStep(name="update", argv=(), may_run_during=("A", "B"), may_run_after=("B",))
    found = CrashStates(seed=seed)
    found.add_episode("episode", base, [RecordedStep(step=step, calls=tuple(calls))])
    return found


def pointers(found, *, after):
    """Return the bytes of `current` in each state, of those before or after the report that it is done."""
    allowed = ("B",) if after else ("A", "B")
    return [
        found.contents[state.tree["current"]] if "current" in state.tree else None
        for state in found.states
        if state.allowed == allowed
    ]


PROTOCOLS = {
    "overwrite in place": [truncate("current"), write("current", NEW)],
    "temp + rename, no fsync": [create("t"), write("t", NEW), rename("t", "current")],
    "temp + rename + fsync(dir) only": [create("t"), write("t", NEW), rename("t", "current"), fsync_folder()],
    "temp + fsync(file) + rename": [create("t"), write("t", NEW), fsync("t"), rename("t", "current")],
    "all of it": [create("t"), write("t", NEW), fsync("t"), rename("t", "current"), fsync_folder()],
}


@pytest.mark.parametrize(
    ("protocol", "n_states", "torn", "lost"),
    [
        ("overwrite in place", 10, True, True),
        ("temp + rename, no fsync", 18, True, True),
        ("temp + rename + fsync(dir) only", 13, True, False),
        ("temp + fsync(file) + rename", 9, False, True),
        ("all of it", 7, False, False),
    ],
)
def test_five_protocols_and_what_each_loses(protocol, n_states, torn, lost):
    """The five of the reference: only the whole one tears nothing and keeps its promise."""
    found = states_of(PROTOCOLS[protocol], installed(current=OLD))
    seen = pointers(found, after=False) + pointers(found, after=True)
    assert any(one not in (OLD, NEW) for one in seen) == torn
    assert (OLD in pointers(found, after=True)) == lost
    assert NEW in seen
    assert len(found.states) == n_states


def test_a_torn_write_is_half_there_and_a_grown_file_may_be_zeros():
    """What delayed allocation leaves: the size is there, the data is not."""
    found = states_of([create("t"), write("t", NEW)], installed())
    seen = {found.contents[state.tree["t"]] for state in found.states if "t" in state.tree}
    assert seen == {b"", NEW, NEW[: len(NEW) // 2], bytes(len(NEW))}


def test_later_writes_may_reach_the_disk_before_earlier_ones():
    """Two pieces of an overwrite: the second without the first is a state."""
    found = states_of([write("x", b"11", 0), write("x", b"22", 2)], installed(x=b"0000"))
    assert b"0022" in found.contents.values()


def test_the_names_of_two_folders_last_independently():
    """What was made in one folder later may be there while what was made in another earlier is not."""
    calls = [mkdir("a"), mkdir("b"), fsync_folder(), create("a/x"), create("b/y")]
    trees = [set(state.tree) for state in states_of(calls, installed()).states]
    for wanted in ({"a", "b"}, {"a", "b", "a/x"}, {"a", "b", "b/y"}, {"a", "b", "a/x", "b/y"}):
        assert wanted in trees


def test_the_changes_of_one_folder_last_in_their_order():
    """The second name without the first is no state."""
    trees = [set(state.tree) for state in states_of([create("x"), create("y")], installed()).states]
    assert {"y"} not in trees
    assert {"x"} in trees


def test_a_rename_to_another_folder_never_loses_the_file():
    """It is here, there or in both, never in neither: also where only the old folder was synced."""
    calls = [mkdir("a"), mkdir("b"), create("a/x"), fsync_folder(), fsync_folder("a"), rename("a/x", "b/x")]
    for end in ([], [fsync_folder("a")], [fsync_folder("b")]):
        found = states_of([*calls, *end], installed())
        renamed = [set(state.tree) for state in found.states if "rename" in state.at or "done" in state.at]
        assert renamed
        assert all({"a/x", "b/x"} & tree for tree in renamed)


def test_a_folder_renamed_as_a_whole_brings_what_is_in_it():
    """A release is built in tmp/ and renamed: its names last by their own folder's fsync."""
    calls = [mkdir("t"), create("t/x"), fsync_folder("t"), fsync_folder(), rename("t", "r"), fsync_folder()]
    found = states_of(calls, installed())
    assert all("r/x" in state.tree for state in found.states if "r" in state.tree)
    assert any("r" in state.tree for state in found.states)


def test_a_name_of_two_shows_the_same_bytes():
    """A hard link is another name of one file: its unsynced part is lost for both."""
    calls = [create("x"), write("x", NEW), FileCall(op=Op.LINK, path="x", target="y"), fsync_folder()]
    for state in states_of(calls, installed()).states:
        if "y" in state.tree:
            assert state.tree["x"] == state.tree["y"]


def test_too_many_combinations_are_drawn_and_counted():
    """A store that syncs nothing has more than can be asked: of how many is said, and the seed decides."""
    calls = [call for index in range(12) for call in (create(f"f{index}"), write(f"f{index}", NEW))]
    found, same = states_of(calls, installed()), states_of(calls, installed())
    assert found.n_built < found.n_possible
    assert found.n_built <= found.n_cuts * STATES_PER_CUT_MAX
    assert [state.key for state in found.states] == [state.key for state in same.states]
    assert [state.key for state in found.states] != [
        state.key for state in states_of(calls, installed(), seed=2).states
    ]


@pytest.mark.parametrize(
    "calls",
    [
        [write("nobody", NEW)],
        [create("x"), create("x")],
        [rename("nobody", "x")],
        [create("a/x")],
        [mkdir("a"), write("a", NEW)],
        [fsync_folder("current")],
        [rename(".", "x")],
    ],
)
def test_a_record_with_a_hole_is_refused(calls):
    """A call on what was never made: something went past the recorder."""
    with pytest.raises(RecordError, match="not whole"):
        states_of(calls, installed(current=OLD))


NAMES = ["current", "t", "d/x", "d/y"]
CALLS = st.lists(
    st.one_of(
        st.builds(create, st.sampled_from(NAMES)),
        st.builds(write, st.sampled_from(NAMES), st.binary(min_size=1, max_size=5), st.integers(0, 5)),
        st.builds(truncate, st.sampled_from(NAMES), st.integers(0, 8)),
        st.builds(fsync, st.sampled_from(NAMES)),
        st.builds(rename, st.sampled_from(NAMES), st.sampled_from(NAMES)),
        st.builds(fsync_folder, st.sampled_from([".", "d"])),
    ),
    max_size=14,
)


@settings(max_examples=80, deadline=None)
@given(calls=CALLS)
def test_what_was_synced_is_never_lost(calls):
    """At any cut a file whose name and bytes were synced, and not touched since, is there with its bytes."""
    model, done, promised = DiskModel(_with_folder()), [], {}
    for call in calls:
        try:
            model.apply(call)
        except RecordError:
            continue
        done.append(call)
        promised[len(done)] = _lasting(model)
    step = UpdateStep(name="s", argv=(), may_run_during=("A",), may_run_after=("B",))
    for length in {0, len(done), random.Random(len(done)).randint(0, len(done))}:
        found = CrashStates(seed=1)
        found.add_episode("e", _with_folder(), [RecordedStep(step=step, calls=tuple(done[:length]))])
        for state in found.states:
            if state.allowed == ("B",):
                for path, data in promised.get(length, {}).items():
                    assert state.tree.get(path) == hashlib.sha256(data).hexdigest(), (path, state.at)


def _with_folder():
    root = installed(current=OLD)
    folder = Folder("d")
    root.current["d"] = root.durable["d"] = folder
    return root


def _lasting(model):
    """Return path -> bytes of each file of which everything is synced."""
    lasting = {}
    for prefix, folder in (("", model.root), ("d/", model.root.current.get("d"))):
        if isinstance(folder, Folder) and not folder.pending:
            for name, node in folder.current.items():
                if isinstance(node, File) and not node.pending:
                    lasting[prefix + name] = node.durable
    return lasting
