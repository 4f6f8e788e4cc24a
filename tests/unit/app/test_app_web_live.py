"""One look a second, shared by all who watch."""

import json
import threading

import pytest

from hilrig.app.web.live import STREAMS_MAX, LiveState
from hilrig.core.errors import UsageError

PERIOD_S = 0.02  # short, so that a test does not wait


class Looks:
    def __init__(self) -> None:
        self.n = 0
        self.threads: set[str] = set()

    def __call__(self):
        self.n += 1
        self.threads.add(threading.current_thread().name)
        return {"look": self.n}


def state_of(event: bytes) -> dict:
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    return json.loads(event[len(b"data: ") :])


def looker() -> threading.Thread | None:
    return next((thread for thread in threading.enumerate() if thread.name == "looker"), None)


def ended(thread: threading.Thread | None) -> bool:
    if thread is not None:
        thread.join(10)
    return thread is None or not thread.is_alive()


def test_nobody_watching_nothing_done():
    """No look and no thread before the first watcher, and none after the last."""
    looks = Looks()
    live = LiveState(looks, period_s=PERIOD_S)
    assert (looks.n, looker()) == (0, None)
    stream = live.stream()
    next(stream)
    thread = looker()
    stream.close()
    assert ended(thread)
    before = looks.n
    live.poke()
    assert looks.n == before


def test_watchers_share_each_look():
    """One reader, whatever the number of pages."""
    looks = Looks()
    live = LiveState(looks, period_s=PERIOD_S)
    streams = [live.stream() for _ in range(4)]
    seen = [[state_of(next(stream))["look"] for _ in range(5)] for stream in streams]
    for one in seen:
        assert one == sorted(one)
    assert looks.threads == {"looker"}
    assert looks.n < 4 * 5 + 20  # each its own reader would have taken at least one look for each event
    for stream in streams:
        stream.close()
    assert ended(looker())


def test_a_change_is_seen_at_once():
    """A poke does not wait for the second to pass."""
    live = LiveState(Looks(), period_s=3600)
    stream = live.stream()
    first = state_of(next(stream))["look"]
    live.poke()
    assert state_of(next(stream))["look"] > first
    stream.close()
    assert ended(looker())


def test_watching_can_begin_again():
    """After the last one has left, the next one starts the looking anew."""
    live = LiveState(Looks(), period_s=PERIOD_S)
    for _ in range(3):
        stream = live.stream()
        next(stream)
        stream.close()
    assert ended(looker())


def test_there_is_a_limit_to_watchers():
    """The next one is told so at once; a place that is given up can be had."""
    live = LiveState(Looks(), period_s=PERIOD_S)
    streams = [live.stream() for _ in range(STREAMS_MAX)]
    with pytest.raises(UsageError, match="watch already"):
        live.stream()
    streams.pop().close()
    streams.append(live.stream())
    for stream in streams:
        stream.close()
    assert ended(looker())


def test_a_look_that_fails_is_shown():
    """Whoever watches reads it, instead of an old state that looks like a new one."""

    def look():
        raise OSError("the disk is gone")

    live = LiveState(look, period_s=PERIOD_S)
    stream = live.stream()
    assert "the disk is gone" in state_of(next(stream))["error"]
    stream.close()
    assert ended(looker())
