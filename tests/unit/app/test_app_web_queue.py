"""The queue on disk."""

import json

import pytest

from hilrig.app.web.queue import QUEUE_FILE, QUEUE_MAX_RUNS, Queue, QueueState
from hilrig.core.clock import ManualClock
from hilrig.core.errors import RecordError, UsageError


def make_queue(folder, changes=None) -> Queue:
    return Queue(
        folder, clock=ManualClock(), on_change=(lambda: changes.append(1)) if changes is not None else list
    )


def add(queue, name="weld", **more):
    return queue.add(profile_name=name, duration_s=None, operator="Ada", note="", **more)


def reopened(queue, folder) -> Queue:
    queue.close()
    return make_queue(folder)


def test_first_come_first_served(tmp_path):
    """The next run is the oldest that waits."""
    queue = make_queue(tmp_path)
    first, second = add(queue, "one"), add(queue, "two")
    assert [run.profile_name for run in queue.runs()] == ["one", "two"]
    assert queue.wait_for_next() == first
    assert queue.begin().entry_id == first.entry_id
    assert queue.wait_for_next() == second


def test_it_outlives_the_server(tmp_path):
    """A new server finds what waited, with every word."""
    queue = make_queue(tmp_path)
    queue.add(profile_name="weld", duration_s=90.5, operator="Ada </script>", note="\xfc\u202e")
    before = queue.runs()
    assert reopened(queue, tmp_path).runs() == before


def test_a_run_that_was_being_started_is_not_started_twice(tmp_path):
    """Nobody knows whether it began: a person looks."""
    queue = make_queue(tmp_path)
    add(queue)
    queue.begin()
    (run,) = reopened(queue, tmp_path).runs()
    assert run.state is QueueState.REFUSED
    assert "may have begun" in run.reason


def test_a_refused_run_does_not_block_the_others(tmp_path):
    """It stays with its reason; the next one is next."""
    queue = make_queue(tmp_path)
    first, second = add(queue, "one"), add(queue, "two")
    queue.begin()
    queue.refuse(first.entry_id, reason="no such key", hint="hilrig keys new")
    assert queue.wait_for_next() == second
    assert queue.runs()[0].reason == "no such key"


def test_a_run_that_could_not_begin_keeps_its_place(tmp_path):
    """Somebody else had the rig: it is still the next."""
    queue = make_queue(tmp_path)
    first, _ = add(queue, "one"), add(queue, "two")
    queue.begin()
    queue.put_back(first.entry_id)
    assert queue.wait_for_next() == first


def test_a_started_run_leaves_the_queue(tmp_path):
    """Its directory speaks for it now, also after a restart."""
    queue = make_queue(tmp_path)
    run = add(queue)
    queue.begin()
    queue.started(run.entry_id)
    assert reopened(queue, tmp_path).runs() == ()


def test_what_waits_can_be_removed(tmp_path):
    """Waiting and refused runs can be; one that is being started, or is unknown, is told so."""
    queue = make_queue(tmp_path)
    first, second = add(queue, "one"), add(queue, "two")
    queue.remove(second.entry_id)
    queue.begin()
    with pytest.raises(UsageError, match="not in the queue any more"):
        queue.remove(first.entry_id)
    with pytest.raises(UsageError, match="not in the queue any more"):
        queue.remove("unknown")
    queue.refuse(first.entry_id, reason="r", hint="h")
    queue.remove(first.entry_id)
    assert queue.runs() == ()


def test_nothing_begins_when_the_last_was_removed(tmp_path):
    """Between the rig's becoming free and the start, a person may change their mind."""
    queue = make_queue(tmp_path)
    queue.remove(add(queue).entry_id)
    assert queue.begin() is None


def test_it_has_an_end(tmp_path):
    """A runaway script does not fill the page."""
    queue = make_queue(tmp_path)
    for _ in range(QUEUE_MAX_RUNS):
        add(queue)
    with pytest.raises(UsageError, match="holds 50 runs"):
        add(queue)


def test_every_change_is_told(tmp_path):
    """Whoever watches sees it at once."""
    changes: list[int] = []
    queue = make_queue(tmp_path, changes)
    run = add(queue)
    queue.begin()
    queue.put_back(run.entry_id)
    queue.remove(run.entry_id)
    assert len(changes) == 4


@pytest.mark.parametrize("text", ["", "{", "[{}]", '[{"entry_id": 1}]', "null"])
def test_a_damaged_file_is_refused_with_a_way_out(tmp_path, text):
    """Nothing is guessed; the message says how to begin anew."""
    (tmp_path / QUEUE_FILE).write_text(text)
    with pytest.raises(RecordError) as caught:
        make_queue(tmp_path)
    assert caught.value.hint.startswith("rm ")


def test_a_planted_link_is_not_followed(tmp_path):
    """Neither to read nor to write."""
    (tmp_path / "other").write_text("[]")
    (tmp_path / QUEUE_FILE).symlink_to(tmp_path / "other")
    with pytest.raises(RecordError, match="symbolic link"):
        make_queue(tmp_path)


def test_two_servers_do_not_share_a_queue(tmp_path):
    """Each would start every run."""
    queue = make_queue(tmp_path)
    with pytest.raises(UsageError, match="another hilrig serve"):
        make_queue(tmp_path)
    queue.close()
    make_queue(tmp_path).close()


def test_the_file_is_json_for_people(tmp_path):
    """One list, the next first."""
    add(make_queue(tmp_path), "weld")
    assert [run["profile_name"] for run in json.loads((tmp_path / QUEUE_FILE).read_text())] == ["weld"]
