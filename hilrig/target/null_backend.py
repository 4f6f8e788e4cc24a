"""A backend without a model: a programmable service time, the fake that ships beside the real runtimes."""

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hilrig.core.profile import ModelSpec


@dataclass(frozen=True, kw_only=True)
class NullOptions:
    """What the null backend does instead of inference.

    Args:
        service_ms: how long a frame takes.
        stall_every: every n-th frame takes `stall_ms` more; 0 never.
        stall_ms: length of such a stall.
        non_finite_every: every n-th frame scores NaN; 0 never.
        error_every: every n-th frame raises; 0 never.
        crash_after: the process ends hard at the n-th frame; 0 never.
        score: what every label scores.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    service_ms: float = 0.0
    stall_every: int = 0
    stall_ms: float = 0.0
    non_finite_every: int = 0
    error_every: int = 0
    crash_after: int = 0
    score: float = 0.0


class NullBackend:
    """Waits for the programmed time and scores every label alike."""

    Options = NullOptions

    def __init__(self, options: NullOptions, model: ModelSpec, folder: Path) -> None:  # noqa: ARG002 - the port
        self._options = options
        self._input = np.zeros(model.input_shape, np.float32)
        self._scores = np.full(len(model.labels), options.score, np.float32)
        self._nan = np.full(len(model.labels), np.nan, np.float32)
        self._n_calls = -1  # the call that `prepare` makes is not a frame

    def load(self) -> Mapping[str, Any]:
        """Return facts: there is nothing to load."""
        return {"runtime": "null", "providers": [], "files_sha256": {}}

    def input(self) -> NDArray[Any]:
        """Return the input tensor."""
        return self._input

    def infer(self) -> NDArray[Any]:
        """Wait, then return the scores.

        Raises:
            RuntimeError: this frame was programmed to fail.
        """
        self._n_calls += 1
        options = self._options
        wait_ms = options.service_ms + (options.stall_ms if self._is_nth(options.stall_every) else 0.0)
        if wait_ms:
            time.sleep(wait_ms / 1000)
        if options.crash_after and self._n_calls >= options.crash_after:
            _end_process_hard()
        if self._is_nth(options.error_every):
            raise RuntimeError("programmed inference error")
        return self._nan if self._is_nth(options.non_finite_every) else self._scores

    def close(self) -> None:
        """Release nothing."""

    def _is_nth(self, every: int) -> bool:
        return every > 0 and self._n_calls > 0 and self._n_calls % every == 0


def _end_process_hard() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
