"""hilrig.target.provider_profile: who did the work, from a file that another program wrote."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.target.provider_profile import provider_shares

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


def run(ts):
    return {"cat": "Session", "name": "model_run", "ph": "X", "ts": ts, "dur": 100, "args": {}}


def node(ts, duration_us, provider):
    return {
        "cat": "Node",
        "name": "conv_kernel_time",
        "ph": "X",
        "ts": ts,
        "dur": duration_us,
        "args": {"provider": provider, "op_name": "Conv"},
    }


def shares(events, *, n_warmup=0, n_frames=1, assigned=None):
    found = provider_shares(json.dumps(events).encode(), n_warmup=n_warmup, n_frames=n_frames, assigned=assigned)
    return {one.provider: (one.n_assigned, one.n_executed, one.time_share_pct) for one in found}


def test_time_is_shared_by_provider():
    """Counted are executions, weighed is their time: a fused graph is one node."""
    events = [run(0), node(1, 75, CUDA), node(80, 15, CPU), node(96, 10, CPU)]
    assert shares(events) == {CPU: (None, 2, 25.0), CUDA: (None, 1, 75.0)}


def test_the_warm_up_does_not_count():
    """The first inferences compile and allocate: minutes of TensorRT would hide any fall-back after them."""
    events = [run(0), node(1, 10**9, CUDA), run(2 * 10**9), node(2 * 10**9 + 1, 50, CPU)]
    assert shares(events, n_warmup=1) == {CPU: (None, 1, 100.0)}


def test_a_provider_with_nodes_and_no_execution_is_shown():
    """What the runtime promised is beside what it did."""
    found = shares([run(0), node(1, 5, CPU)], assigned={CUDA: 57, CPU: 2})
    assert found == {CPU: (2, 1, 100.0), CUDA: (57, 0, 0.0)}


def test_only_executions_of_nodes_count():
    """The session's own events, fences and the device's kernels are no node's time."""
    others = [
        node(1, 99, CUDA) | {"name": "conv_fence_before"},
        node(1, 99, CUDA) | {"cat": "Kernel"},
        {"cat": "Session", "name": "session_initialization", "ts": 0, "dur": 10**6, "args": {}},
    ]
    assert shares([run(0), *others, node(2, 1, CPU)]) == {CPU: (None, 1, 100.0)}


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([], "holds 0 of 1 inferences"),
        ([run(0), run(9), node(10, 1, CPU)], "holds 2 of 1 inferences"),
        ([run(0)], "no node of the profile took any time"),
        ([run(0), node(1, 0, CPU)], "no node of the profile took any time"),
        ([run(0), node(1, -5, CPU)], "dur -5"),
        ([run(0), node(1, True, CPU)], "dur True"),
        ([run(0), node(1, 10**400, CPU)], "beyond every clock"),
        ([run(0), node(1, 5, None)], "which provider ran conv_kernel_time"),
        ([run(0), node(1, 5, "")], "which provider ran"),
        ([run("x")], "ts 'x'"),
        ({"traceEvents": []}, "no list of events"),
        ([3], "no list of events"),
    ],
)
def test_a_profile_that_does_not_tell_is_refused(events, words):
    """A capped, cut or foreign file is no proof of anything."""
    with pytest.raises(ValueError, match=words):
        shares(events)


@pytest.mark.parametrize("data", [b"", b"[", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_bytes_that_are_no_profile_are_refused(data):
    """A process that was killed while it wrote leaves such a file."""
    with pytest.raises(ValueError, match="profile"):
        provider_shares(data, n_warmup=0, n_frames=1, assigned=None)


NAMES = st.sampled_from(["conv_kernel_time", "model_run", "x"])
JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4), st.just({}), st.just([])
)
EVENT = st.fixed_dictionaries(
    {},
    optional={
        "cat": st.one_of(st.sampled_from(["Node", "Session"]), JUNK),
        "name": st.one_of(NAMES, JUNK),
        "ts": st.one_of(st.integers(0, 10**9), JUNK),
        "dur": st.one_of(st.integers(0, 10**9), JUNK),
        "args": st.one_of(
            st.fixed_dictionaries({"provider": st.one_of(st.sampled_from([CPU, CUDA]), JUNK)}), JUNK
        ),
    },
)


@given(events=st.lists(st.one_of(EVENT, JUNK), max_size=8), n_warmup=st.integers(0, 2), n_frames=st.integers(1, 2))
def test_whatever_the_file_holds_it_is_read_or_refused(events, n_warmup, n_frames):
    """Nothing but ValueError comes out, and what is read is a whole that adds up."""
    try:
        found = shares(events, n_warmup=n_warmup, n_frames=n_frames)
    except ValueError:
        return
    assert sum(part for _, _, part in found.values()) == pytest.approx(100)
    assert all(0 <= part <= 100 for _, _, part in found.values())


@given(data=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data):
    """The same for what is not even JSON."""
    with pytest.raises(ValueError):  # noqa: PT011 - each kind of damage has its own words
        provider_shares(data, n_warmup=0, n_frames=1, assigned=None)
