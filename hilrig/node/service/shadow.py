"""A model in shadow mode: shown some of the inputs of the one that serves, compared with it, never waited for."""

import asyncio
from typing import Final

from hilrig.node.service.config import ServiceConfig
from hilrig.node.service.engine import Engine, EngineLostError, QueueFullError
from hilrig.node.service.messages import Answer, Kind, Status
from hilrig.node.service.window import ShadowWindow

NICENESS: Final = 19
"""On a busy machine the serving model has the cores."""


class Shadow:
    """Compares decisions.

    Args:
        engine: of the shadow model, loaded.
        release_sha256: of its release.
        config: how often it is shown an input, when it is taken for stuck.
    """

    def __init__(self, engine: Engine, *, release_sha256: str, config: ServiceConfig) -> None:
        self.engine = engine
        self.window = ShadowWindow(release_sha256)
        self._config = config
        self._n_seen = 0
        self._task: asyncio.Task[None] | None = None

    def offer(self, served: Answer, kind: Kind, tensor: memoryview) -> None:
        """Take a copy of every n-th input while the shadow is idle; others are passed over."""
        self._n_seen += 1
        if self._n_seen % self._config.shadow_every or not self.engine.is_idle:
            return
        slot = self.engine.take_slot()
        self.engine.slot(slot)[:] = tensor
        self._task = asyncio.ensure_future(self._compare(served, slot, kind))

    async def _compare(self, served: Answer, slot: int, kind: Kind) -> None:
        try:
            timed = await asyncio.wait_for(self.engine.infer(slot, kind), self._config.stuck_ms / 1000)
        except (asyncio.TimeoutError, EngineLostError, QueueFullError):
            self.window.failed()
            return
        answer = timed.answer
        if answer.status is not Status.DECIDED:
            self.window.failed()
            return
        self.window.compared(agrees=answer.defects == served.defects, infer_ms=answer.infer_ns / 1e6)
