"""hilrig.node.service.engine with a real model's process: whose answer it is, whose memory, who is told.

A hanging model is a real one whose process is stopped (SIGSTOP).
"""

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hilrig.core.errors import PreconditionError
from hilrig.node.service.config import ServiceConfig
from hilrig.node.service.engine import RECEIVING_MAX, Engine, EngineLostError, QueueFullError
from hilrig.node.service.messages import Kind
from hilrig.node.service.serving import Serving
from hilrig.node.service.tensor_request import Filled, TensorRequests
from hilrig.node.service.window import Window
from node_services import tiny_store
from own_loops import run_async
from small_models import SHAPE

pytestmark = pytest.mark.waiting

CONFIG = ServiceConfig(ceiling_ms=200, stuck_ms=60_000)
N_SLOTS = CONFIG.queue_depth + 1 + RECEIVING_MAX
BOUND_S = 30.0  # nothing that works takes so long


class Owner:
    """Keeps what an engine says."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_late(self, engine: Engine) -> None:
        self.told.append("late")

    def on_stuck(self, engine: Engine) -> None:
        self.told.append("stuck")

    def on_lost(self, engine: Engine, words: str) -> None:
        self.told.append(words)

    def on_done(self, *_: Any) -> None:
        self.told.append("done")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    store = tiny_store(tmp_path_factory.mktemp("engine"))
    return store.open_release(store.state().current)


def with_engine(release: Any, story: Callable[[Engine, Owner], Awaitable[None]]) -> None:
    """Load the release in an engine, run a story with it."""

    async def run() -> None:
        owner = Owner()
        engine = Engine(
            release.folder, release.manifest, release_sha256=release.sha256, config=CONFIG, owner=owner
        )
        try:
            await engine.load()
            await asyncio.wait_for(story(engine, owner), BOUND_S)
        finally:
            engine.close()

    run_async(run())


def filled(engine: Engine, value: float) -> int:
    """Return a slot with a tensor of this mean: the score is twice it."""
    slot = engine.take_slot()
    engine.slot(slot)[:] = np.full(SHAPE, value, np.float32).tobytes()
    return slot


async def score(engine: Engine, value: float) -> float:
    return (await engine.infer(filled(engine, value), Kind.TENSOR)).answer.score


async def given_up(engine: Engine, value: float) -> int:
    """Ask, go away before there is an answer; return the slot."""
    slot = filled(engine, value)
    asking = asyncio.ensure_future(engine.infer(slot, Kind.TENSOR))
    await asyncio.sleep(0.02)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    return slot


def test_memory_that_the_model_may_still_read_is_nobody_elses(release):
    """After a timeout its slot is handed out again only when the late answer came, which is nobody's."""

    async def story(engine: Engine, owner: Owner) -> None:
        os.kill(engine.pid, signal.SIGSTOP)
        slot = await given_up(engine, 0.9)
        assert owner.told == ["late"]
        taken = [engine.take_slot() for _ in range(N_SLOTS - 1)]
        with pytest.raises(QueueFullError):
            engine.take_slot()
        assert slot not in taken
        for one in taken:
            engine.slot(one)[:] = b"\xff" * engine.spec.slot_bytes  # NaN: whoever reads it is found out
            engine.give_back(one)
        waiting = asyncio.ensure_future(score(engine, 0.2))
        await asyncio.sleep(0)
        os.kill(engine.pid, signal.SIGCONT)
        assert await waiting == pytest.approx(0.4, abs=1e-5)
        assert owner.told == ["late", "done"]  # the late one was told to nobody
        assert not engine.is_late
        assert sorted(engine.take_slot() for _ in range(N_SLOTS)) == sorted([*taken, slot])

    with_engine(release, story)


def test_an_input_that_was_given_up_in_the_queue_is_never_run(release):
    """It leaves the queue with its slot; the model sees the next one."""

    async def story(engine: Engine, owner: Owner) -> None:
        os.kill(engine.pid, signal.SIGSTOP)
        first = asyncio.ensure_future(score(engine, 0.1))
        await asyncio.sleep(0)
        slot = await given_up(engine, 0.9)
        assert engine.take_slot() == slot
        engine.give_back(slot)
        assert owner.told == []
        last = asyncio.ensure_future(score(engine, 0.3))
        os.kill(engine.pid, signal.SIGCONT)
        found = await asyncio.gather(first, last)
        assert found == pytest.approx([0.2, 0.6], abs=1e-5)
        assert owner.told == ["done", "done"]

    with_engine(release, story)


def test_a_model_that_dies_in_the_midst_ends_all_that_wait(release):
    """Who is inside and who waits are told at once, the owner once, with the signal that ended it."""

    async def story(engine: Engine, owner: Owner) -> None:
        os.kill(engine.pid, signal.SIGSTOP)
        asking = [asyncio.ensure_future(score(engine, 0.1)) for _ in range(3)]
        await asyncio.sleep(0.02)
        os.kill(engine.pid, signal.SIGKILL)
        found = await asyncio.gather(*asking, return_exceptions=True)
        assert [type(one) for one in found] == [EngineLostError] * 3
        assert owner.told == ["killed by signal SIGKILL"]
        with pytest.raises(EngineLostError):
            await score(engine, 0.1)

    with_engine(release, story)


def test_a_replaced_model_ends_what_it_has_and_then_itself(release):
    """A body that is still on its way to it is decided by it; only then its process goes."""

    async def story(engine: Engine, owner: Owner) -> None:
        slot = filled(engine, 0.3)
        retiring = asyncio.ensure_future(engine.retire())
        await asyncio.sleep(0.05)
        assert not retiring.done()
        timed = await engine.infer(slot, Kind.TENSOR)
        assert timed.answer.score == pytest.approx(0.6, abs=1e-5)
        await retiring
        with pytest.raises(EngineLostError):
            await score(engine, 0.1)
        assert owner.told == ["done"]

    with_engine(release, story)


def test_ending_a_model_holds_nobody_up(release, monkeypatch):
    """Its process is waited for elsewhere: freeing gigabytes takes longer than a request may."""
    waited_in: list[threading.Thread] = []

    def noted(process: Any, timeout: float | None = None) -> int:
        waited_in.append(threading.current_thread())
        return wait(process, timeout)

    wait = subprocess.Popen.wait

    async def story(engine: Engine, owner: Owner) -> None:
        monkeypatch.setattr(subprocess.Popen, "wait", noted)
        assert engine.close() == "ended by the service"

    with_engine(release, story)
    assert len(waited_in) == 1  # no process is left behind
    assert waited_in[0] is not threading.main_thread()


def test_a_node_without_a_process_to_spare_tries_again(release, monkeypatch):
    """No memory for a fork is a model that does not load, not the end of all trying."""
    source = SimpleNamespace(boot=lambda: release)
    starts, popen = [], subprocess.Popen

    def start(*arguments: Any, **named: Any) -> Any:
        starts.append(1)
        if len(starts) == 1:
            raise OSError(12, "Cannot allocate memory")
        return popen(*arguments, **named)

    monkeypatch.setattr("hilrig.node.service.engine_process.subprocess.Popen", start)

    async def run() -> None:
        serving = Serving(source, CONFIG)
        serving.start()
        while not serving.is_ready:  # noqa: ASYNC110 - it tells nobody, as it tells no client
            await asyncio.sleep(0.02)
        starts.clear()
        with pytest.raises(PreconditionError, match="Cannot allocate memory"):
            await serving.serve(release)
        assert serving.is_ready  # the one before serves on
        await serving.close()

    run_async(asyncio.wait_for(run(), BOUND_S))


class Form:
    """Reads the whole body, then takes its time."""

    async def read(self, asked: Any, slot: memoryview) -> Filled:
        while (await asked.receive()).get("more_body"):
            pass
        await asyncio.sleep(BOUND_S)
        return Filled(kind=Kind.TENSOR)


@pytest.mark.parametrize(("is_whole", "code", "n_failed"), [(True, "HR-203", 1), (False, "", 0)])
def test_time_that_goes_after_the_body_is_the_services(is_whole, code, n_failed):
    """A body that came and took too long to read is a timeout of the node's; one that did not come is not."""
    window, heard, sent = Window("r"), [], []
    engine = SimpleNamespace(take_slot=lambda: 0, slot=lambda _: memoryview(b""), give_back=heard.append)
    serving = SimpleNamespace(window=window, release=object(), admit=lambda: engine)
    listener = SimpleNamespace(failed=lambda **told: heard.append(told["error_code"]))
    requests = TensorRequests(serving, ServiceConfig(ceiling_ms=30), form=Form(), listeners=(listener,))
    messages = [{"type": "http.request", "body": b"x", "more_body": True}]
    messages += [{"type": "http.request", "body": b"x", "more_body": False}] if is_whole else []

    async def receive() -> Any:
        if not messages:
            await asyncio.sleep(BOUND_S)
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    run_async(requests({"headers": []}, receive, send))
    assert sent[0]["status"] == HTTPStatus.SERVICE_UNAVAILABLE
    assert heard == [0, code]  # the slot is given back, the listeners told
    assert window.as_json()["n_timeout"] == n_failed
