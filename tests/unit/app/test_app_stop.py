"""hilrig.app.live.stop: who may still be stopped."""

import json

import pytest

from hilrig.app.live.stop import request_stop
from hilrig.core.clock import ManualClock, SystemClock
from hilrig.core.errors import RecordError, UsageError
from live_runs import gone_pid, write_live, write_result


def stop(folder, *, by="Ada", reason="the belt stands"):
    return request_stop(folder, by=by, reason=reason, clock=SystemClock())


@pytest.mark.parametrize("phase", ["self-test", "loading", "warmup", "measure"])
def test_a_run_that_goes_on_is_asked_to_end(tmp_path, phase):
    """The file has who, why and when."""
    folder = write_live(tmp_path / "run", phase=phase)
    assert stop(folder).words == "stopped by Ada: the belt stands"
    written = json.loads((folder / "stop.json").read_bytes())
    assert (written["by"], written["reason"]) == ("Ada", "the belt stands")
    assert written["at_utc"].endswith("Z")


@pytest.mark.parametrize(
    ("changes", "has_result", "kind", "message", "hint"),
    [
        ({}, True, UsageError, "finished: FAIL", "hilrig verify"),
        ({"pid": gone_pid()}, False, RecordError, "is gone", "hilrig recover"),
        ({"phase": "drain"}, False, UsageError, "being judged", "hilrig watch"),
        ({"phase": "judging"}, False, UsageError, "being judged", "hilrig watch"),
    ],
)
def test_a_run_that_has_ended_is_refused_with_the_right_command(
    tmp_path, changes, has_result, kind, message, hint
):
    """Nothing is written into a record that is complete."""
    folder = write_live(tmp_path / "run", **changes)
    if has_result:
        write_result(folder)
    with pytest.raises(kind, match=message) as caught:
        stop(folder)
    assert hint in caught.value.hint
    assert not (folder / "stop.json").exists()


def test_a_silent_run_may_be_stopped(tmp_path):
    """It sees the request as soon as it goes on."""
    folder = write_live(tmp_path / "run", clock=ManualClock(0))
    stop(folder)
    assert (folder / "stop.json").exists()


def test_long_and_steering_texts_are_made_harmless(tmp_path):
    """A stop is never refused for its words."""
    request = stop(write_live(tmp_path / "run"), by="A\x1b[0m\n" * 100, reason="why " * 1000)
    assert (len(request.by), len(request.reason)) == (200, 500)
    assert request.words.isprintable()
