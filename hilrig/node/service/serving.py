"""Which model serves: started from the store, replaced without a gap, loaded again when its process is lost."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Any, Final, TypeVar

from hilrig.core.errors import HilrigError, PreconditionError
from hilrig.node.log_line import LoggedNode, log
from hilrig.node.service.config import ServiceConfig
from hilrig.node.service.engine import Engine
from hilrig.node.service.messages import Answer, Kind
from hilrig.node.service.refusal import Refusal
from hilrig.node.service.shadow import NICENESS, Shadow
from hilrig.node.service.source import Release, StoreSource
from hilrig.node.service.window import Window
from hilrig.node.store_fault import StoreFault

RETRY_S: Final = (0.1, 0.5, 2.0, 10.0, 30.0)
"""Pauses before a model is loaded again: a crash is over at once, a broken store is not."""
WITHDRAWN_LOOK_S: Final = 1.0
"""Between two looks whether the store has taken back what serves: one read of a small file."""
_T = TypeVar("_T")


class SupersededError(Exception):
    """A newer request to load a model came while this one was loading."""


class Serving:
    """The model that serves, the one beside it, and how they came there. To be made on the event loop.

    Attributes:
        release: what serves, or would if its process were up; None before the first start.
        window: what became of requests since `release` began to serve.
        shadow: the model in shadow mode.
        error_code: why nothing serves; empty while something does.
    """

    def __init__(self, source: StoreSource, config: ServiceConfig) -> None:
        self.release: Release | None = None
        self.window = Window("")
        self.shadow: Shadow | None = None
        self.error_code = "HR-201"
        self._source, self._config = source, config
        self._engine: Engine | None = None
        self._loading: Engine | None = None
        self._turn = 0  # of the newest request to load a model
        self._lock = asyncio.Lock()
        self._is_down = asyncio.Event()
        self._is_down.set()
        self._store_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._retiring: set[asyncio.Task[None]] = set()

    @property
    def is_ready(self) -> bool:
        """Return whether a model is loaded, warm, and not overdue."""
        return self._engine is not None and not self._engine.is_late

    @property
    def engine_pids(self) -> list[int]:
        """Return the processes that hold models: the serving one first."""
        engines = [self._engine, self.shadow.engine if self.shadow else None]
        return [engine.pid for engine in engines if engine is not None]

    @property
    def facts(self) -> dict[str, Any]:
        """Return what the serving model's process said when it was ready; empty while nothing serves."""
        return self._engine.facts if self._engine else {}

    def start(self) -> None:
        """Begin to boot and load; returns at once."""
        self._tasks = (asyncio.ensure_future(self._keep_up()), asyncio.ensure_future(self._heed_the_store()))

    async def close(self) -> None:
        """End every process."""
        for task in self._tasks:
            task.cancel()
        for engine in (self._engine, self._loading, self.shadow.engine if self.shadow else None):
            if engine is not None:
                engine.close()
        self._engine = None
        await asyncio.gather(*self._retiring, return_exceptions=True)
        self._store_thread.shutdown(wait=False)

    def admit(self) -> Engine:
        """Return the engine that takes a new request.

        Raises:
            Refusal: 503, nothing is loaded, or the model is overdue.
        """
        if self._engine is None:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "no model is loaded", error_code=self.error_code)
        if self._engine.is_late:
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the model has not answered within the ceiling; apply the fail-safe",
                error_code="HR-203",
            )
        return self._engine

    async def in_store(self, question: Callable[[], _T]) -> _T:
        """Return what the store answers; it may hash and wait for disks, so it has a thread of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._store_thread, question)

    async def serve(self, release: Release) -> None:
        """Load `release` beside the model that serves, then put it in its place between two requests.

        Raises:
            SupersededError: a newer request came.
            PreconditionError: it does not load; the one before serves on.
        """
        engine = await self._load_newest(release, niceness=0)
        self._put_in_place(release, engine)

    async def show_to(self, release: Release) -> None:
        """Load `release` in shadow mode; it replaces the shadow that was there.

        Raises:
            SupersededError: a newer request came.
            PreconditionError: it does not load, or takes another input than the model that serves.
        """
        serving = self.admit()
        engine = await self._load_newest(release, niceness=NICENESS)
        if engine.spec != serving.spec:
            engine.close()
            raise PreconditionError("a model in shadow mode must take the same input as the one that serves")
        self._drop_shadow()
        self.shadow = Shadow(engine, release_sha256=release.sha256, config=self._config)
        self.log("service.shadow", release=release.sha256)

    def logged(self) -> LoggedNode:
        """Return what every log line says of this node now."""
        facts = self.facts
        return LoggedNode(
            node=self._config.node,
            model_hash=self.release.sha256 if self.release else "",
            config_version=self.release.manifest.config_version if self.release else "",
            runtime_version=facts.get("runtime_version", ""),
            delegate_active=facts.get("delegate_active", ""),
        )

    def log(self, event: str, *, error_code: str = "", **fields: Any) -> None:
        """Write a log line about the model that serves."""
        log(event, node=self.logged(), error_code=error_code, **fields)

    async def _load_newest(self, release: Release, *, niceness: int) -> Engine:
        self._turn += 1
        turn = self._turn
        if self._loading is not None:
            self._loading.close()  # whoever asked for it is told that this one came later
        async with self._lock:
            if turn != self._turn:
                raise SupersededError
            try:
                return await self._load(release, niceness=niceness)
            except PreconditionError as error:
                if turn != self._turn:
                    raise SupersededError from error
                raise

    async def _load(self, release: Release, *, niceness: int) -> Engine:
        engine = self._loading = self._started(release, niceness=niceness)
        try:
            await engine.load()
        except BaseException:
            engine.close()
            raise
        finally:
            self._loading = None
        return engine

    def _started(self, release: Release, *, niceness: int) -> Engine:
        try:
            return Engine(
                release.folder,
                release.manifest,
                release_sha256=release.sha256,
                config=self._config,
                owner=self,
                niceness=niceness,
            )
        except OSError as error:
            raise PreconditionError(f"no process can be started for the model: {error.strerror}") from error

    def _put_in_place(self, release: Release, engine: Engine) -> None:
        self._retire(self._engine)
        self._engine = engine
        if self.window.release_sha256 != release.sha256:
            self.window = Window(release.sha256)
        self.release = release
        self.error_code = ""
        self._is_down.clear()
        self._drop_shadow()
        self.log(
            "service.serving",
            load_time_ms=engine.facts.get("load_time_ms"),
            peak_ram_mb=engine.facts.get("peak_ram_mb"),
        )

    def _retire(self, engine: Engine | None) -> None:
        """Let a model answer what it has taken, then end it."""
        if engine is not None:
            task = asyncio.ensure_future(engine.retire())
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    def on_late(self, engine: Engine) -> None:
        """Say that the model is overdue; requests are refused until it answers."""
        if engine is self._engine:
            self.log("service.late", error_code="HR-203")

    def on_stuck(self, engine: Engine) -> None:
        """Replace a model that does not answer: its process can only be killed."""
        self.on_lost(engine, f"no answer for {self._config.stuck_ms:g} ms")
        engine.close()

    def on_lost(self, engine: Engine, words: str) -> None:
        """Have a lost model loaded again from the same verified release."""
        if self.shadow is not None and engine is self.shadow.engine:
            self.log("service.shadow_lost", error_code="HR-207", reason=words)
            self.shadow = None
        if engine is self._engine:
            self.log("service.lost", error_code="HR-207", reason=words)
            self._engine = None
            self.error_code = "HR-207"
            self._is_down.set()

    def on_done(self, engine: Engine, answer: Answer, kind: Kind, tensor: memoryview) -> None:
        """Show an input to the shadow, if the serving model has nothing more to do."""
        if self.shadow is not None and engine is self._engine and engine.is_idle:
            self.shadow.offer(answer, kind, tensor)

    async def _keep_up(self) -> None:
        n_failed = 0
        while True:
            await self._is_down.wait()
            if n_failed:
                await asyncio.sleep(RETRY_S[min(n_failed, len(RETRY_S)) - 1])
            try:
                await self._bring_up()
                n_failed = 0
            except HilrigError as error:
                n_failed += 1
                self.error_code = error.code if isinstance(error, StoreFault) else self.error_code
                self.log("service.not_ready", error_code=self.error_code, reason=error.message)

    async def _heed_the_store(self) -> None:
        """Serve no release that was taken back, also where no other one is there to be loaded in its place."""
        while True:
            await asyncio.sleep(WITHDRAWN_LOOK_S)
            release = self.release
            if release is None or not await self.in_store(partial(self._source.is_withdrawn, release.sha256)):
                continue
            if release is self.release:
                self.log("service.withdrawn", error_code="HR-105", release=release.sha256)
                self._retire(self._engine)
                self.release = self._engine = None
                self.error_code = "HR-105"
                self._is_down.set()

    async def _bring_up(self) -> None:
        """Load what is to serve; what does not load is asked of the store anew, which hashes it.

        So a damaged release gives way to the one before, and a candidate spends a try a time until it is dropped.
        """
        async with self._lock:
            if self._engine is not None:
                return  # a reload was faster
            if self.release is None:
                self.error_code = "HR-201"
                self.release = await self.in_store(self._source.boot)
            turn = self._turn
            try:
                engine = await self._load(self.release, niceness=0)
            except PreconditionError:
                if turn != self._turn:
                    return  # ended for a reload, which comes next
                self.error_code = "HR-202"
                self.release = None
                raise
            self._put_in_place(self.release, engine)

    def _drop_shadow(self) -> None:
        if self.shadow is not None:
            self.shadow.engine.close()
            self.shadow = None
