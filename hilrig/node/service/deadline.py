"""One deadline over everything that a request goes through."""

import asyncio
from types import TracebackType


class DeadlinePassedError(Exception):
    """What was inside did not come to its end in time."""


class Deadline:
    """Ends what is inside of a `with` at a moment of the event loop's clock.

    `asyncio.timeout` does the same from Python 3.11 on; a board's 3.10 has none.

    Args:
        at_s: in seconds of `loop.time()`.
    """

    def __init__(self, at_s: float) -> None:
        self._at_s = at_s
        self._is_over = False

    def __enter__(self) -> "Deadline":  # noqa: PYI034 - typing.Self came with Python 3.11
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline is for a task")
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_at(self._at_s, self._expire)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._is_over and kind is asyncio.CancelledError:
            getattr(self._task, "uncancel", int)()
            raise DeadlinePassedError from error

    def require_time_left(self) -> None:
        """Return while there is time: for work between two waits, which the timer cannot end.

        Raises:
            DeadlinePassedError: there is none.
        """
        if self._loop.time() >= self._at_s:
            raise DeadlinePassedError

    def _expire(self) -> None:
        self._is_over = True
        self._task.cancel()
