"""The supervisor's end of the process that sets the wall clock: it never leaves the clock wrong."""

import errno
import json
import select
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from hilrig.core.units import NS_PER_S, s_to_ns
from hilrig.run.clock_step import BACK

ANSWER_LIMIT_S: Final = 5.0
NO_ANSWER: Final = "the process that sets the clock does not answer"
COMMAND: Final = (sys.executable, "-m", "hilrig.run.clock_step")


class ClockKeeper:
    """Starts the process; `step` may be asked as soon as this is made.

    Args:
        command: what is started, another one in tests: no test sets a machine's clock.
    """

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",  # `-m` looks into the current folder first
            start_new_session=True,  # a signal to everybody in our group is not for it
        )

    def step(self, step_s: float) -> Callable[[], dict[str, float]]:
        """Have the clock set; return what has it put back, and says where it was then: `offset_s`.

        Raises:
            OSError: it was refused, or nobody answers; the clock is put back then.
        """
        self._ask(str(s_to_ns(step_s)))
        return lambda: {"offset_s": self._ask(BACK) / NS_PER_S}

    def close(self) -> None:
        """End the process; a clock that is still wrong is put back."""
        assert self._process.stdin is not None  # noqa: S101 - it was started with pipes
        assert self._process.stdout is not None  # noqa: S101 - as above
        with suppress(OSError):
            self._process.stdin.close()  # it puts the clock back, and ends
        with suppress(subprocess.TimeoutExpired):  # never killed: it may still have a clock to put back
            self._process.wait(ANSWER_LIMIT_S)
        self._process.stdout.close()

    def _ask(self, line: str) -> int:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101 - it was started with pipes
        assert stdout is not None  # noqa: S101 - as above
        if stdin.closed:
            raise OSError(errno.EIO, NO_ANSWER)
        stdin.write(f"{line}\n".encode())
        stdin.flush()
        is_answered = select.select([stdout], [], [], ANSWER_LIMIT_S)[0]
        answer = json.loads(stdout.readline() or "{}") if is_answered else {}
        if "offset_ns" not in answer:
            self.close()
            raise OSError(errno.EIO, answer.get("error", NO_ANSWER))
        offset_ns: int = answer["offset_ns"]
        return offset_ns
