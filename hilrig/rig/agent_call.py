"""One call of a rig's agent: a line of JSON in, bytes after it where the verb takes some, lines of JSON out.

Knows nothing of ways to a rig: it is given a started process and speaks with it.
"""

import json
import os
import selectors
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from subprocess import Popen, TimeoutExpired
from typing import IO, Any, Final, TypeAlias, cast

from hilrig.core import errors
from hilrig.core.errors import HilrigError, RigLostError

LINE_MAX_BYTES: Final = 4 << 20
"""An answer line of the protocol has at most as many."""

CHUNK_BYTES: Final = 1 << 20
STDERR_TAIL_BYTES: Final = 16 << 10
WORDS_MAX: Final = 2000
TICK_S: Final = 0.1
"""How often somebody who waits may look for other things: a stop request is seen as fast as in a run here."""

END_S: Final = 2.0
"""An agent that has said its last word ends at once; the line to it then has this long to close."""

Answer: TypeAlias = Mapping[str, Any]


class LinkBrokenError(RigLostError):
    """The line to the rig broke; what runs there goes on, and the line can be taken up again."""


def nothing() -> None:
    """Do nothing while waiting."""


def no_bytes(answer: Answer) -> int:  # noqa: ARG001 - the form of what says how many bytes follow an answer
    """Return that no raw bytes follow."""
    return 0


class AgentCall:
    """A call that goes on. Iterating gives its answers, raw bytes between them, and ends after the last one.

    Args:
        process: the agent with its verb, started on the rig; stdin, stdout and stderr are pipes.
        what: the call in words, for messages: `rig bench: facts`.
        arguments: the verb's arguments.
        feed: bytes that follow them.
        silence_s: for how long nothing may move in either direction; then the line counts as broken.
        n_raw: how many raw bytes follow an answer.
        on_wait: called about ten times a second while the call goes on; what it raises ends the call.
    """

    def __init__(
        self,
        process: "Popen[bytes]",
        *,
        what: str,
        arguments: Answer,
        feed: Iterable[bytes] = (),
        silence_s: float,
        n_raw: Callable[[Answer], int] = no_bytes,
        on_wait: Callable[[], None] = nothing,
    ) -> None:
        self._process, self._what, self._silence_s = process, what, silence_s
        self._n_raw, self._on_wait = n_raw, on_wait
        self._out: deque[memoryview] = deque([memoryview(json.dumps(dict(arguments)).encode() + b"\n")])
        self._feed = iter(feed)
        self._in = bytearray()
        self._errors = bytearray()
        self._pipes = selectors.DefaultSelector()
        self._is_open = True
        for pipe, events in (
            (process.stdin, selectors.EVENT_WRITE),
            (process.stdout, selectors.EVENT_READ),
            (process.stderr, selectors.EVENT_READ),
        ):
            os.set_blocking(_pipe(pipe).fileno(), False)
            self._pipes.register(_pipe(pipe), events)

    def __iter__(self) -> Iterator[Answer | bytes]:
        """Give the answers; raw bytes come in pieces, as they arrive.

        Raises:
            HilrigError: the one that the agent answered.
            LinkBrokenError: no last answer came, or nothing moved for too long.
        """
        is_answered = False
        try:
            while not is_answered:
                answer = self._answer()
                is_answered = "ok" in answer
                yield answer
                yield from self._raw(0 if is_answered else self._n_raw(answer))
        finally:
            self._close(END_S if is_answered else 0)

    def _close(self, patience_s: float) -> None:
        """End the line; what runs on the rig is not ended by that."""
        self._pipes.close()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            with suppress(OSError):
                _pipe(pipe).close()
        with suppress(TimeoutExpired):
            self._process.wait(patience_s)
            return
        self._process.kill()
        self._process.wait()

    def _answer(self) -> Answer:
        line = self._line()
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise LinkBrokenError(
                f"{self._what}: {printable(line[:200])!r} is no answer of an agent",
                hint="a login there must print nothing without a terminal: look at its .bashrc and .profile",
            ) from error
        if not isinstance(answer, dict):
            raise LinkBrokenError(f"{self._what}: an answer is no JSON object")
        if "error" in answer:
            raise error_of(answer["error"])
        return answer

    def _line(self) -> bytes:
        searched = 0
        while True:
            end = self._in.find(b"\n", searched)
            if end >= 0:
                line = bytes(self._in[:end])
                del self._in[: end + 1]
                return line
            searched = len(self._in)
            if searched > LINE_MAX_BYTES:
                raise LinkBrokenError(f"{self._what}: a line of more than {LINE_MAX_BYTES >> 20} MiB is no answer")
            self._more()

    def _raw(self, n_bytes: int) -> Iterator[bytes]:
        while n_bytes > 0:
            if not self._in:
                self._more()
            piece = bytes(self._in[:n_bytes])
            del self._in[:n_bytes]
            n_bytes -= len(piece)
            yield piece

    def _more(self) -> None:
        """Return when more has come from the agent."""
        had, quiet_until_s = len(self._in), time.monotonic() + self._silence_s
        while len(self._in) == had:
            if not self._is_open:
                raise self._broken()
            ready = self._pipes.select(TICK_S)
            for key, _ in ready:
                self._move(cast("IO[bytes]", key.fileobj))
            now_s = time.monotonic()
            if ready:
                quiet_until_s = now_s + self._silence_s
            elif now_s > quiet_until_s:
                raise LinkBrokenError(f"{self._what}: nothing was heard for {self._silence_s:.0f} s")
            self._on_wait()

    def _move(self, pipe: IO[bytes]) -> None:
        if pipe is self._process.stdin:
            self._write(pipe)
            return
        try:
            data = os.read(pipe.fileno(), CHUNK_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._pipes.unregister(pipe)
            self._is_open = self._is_open and pipe is not self._process.stdout
        elif pipe is self._process.stdout:
            self._in += data
        else:
            self._errors = (self._errors + data)[-STDERR_TAIL_BYTES:]

    def _write(self, pipe: IO[bytes]) -> None:
        while not self._out:
            piece = next(self._feed, None)
            if piece is None:
                self._end_input(pipe)
                return
            if piece:
                self._out.append(memoryview(piece))
        try:
            n_bytes = os.write(pipe.fileno(), self._out[0])
        except BlockingIOError:
            return
        except BrokenPipeError:  # the agent reads no more; its last answer says why
            self._end_input(pipe)
            return
        rest = self._out.popleft()[n_bytes:]
        if rest:
            self._out.appendleft(rest)

    def _end_input(self, pipe: IO[bytes]) -> None:
        self._pipes.unregister(pipe)
        self._out.clear()
        with suppress(OSError):
            pipe.close()

    def _broken(self) -> LinkBrokenError:
        """Return what is known of a line that ended without a last answer."""
        with suppress(TimeoutExpired):
            self._process.wait(END_S)
        lines = printable(bytes(self._errors)).strip().splitlines()
        words = f": {lines[-1][-500:]}" if lines else ""
        return LinkBrokenError(f"{self._what} broke off (status {self._process.returncode}){words}")


def last_answer(call: Iterable[Answer | bytes]) -> dict[str, Any]:
    """Return everything that a call answered, as one object."""
    said: dict[str, Any] = {}
    for answer in call:
        if not isinstance(answer, bytes):
            said |= answer
    return said


def error_of(described: Any) -> HilrigError:
    """Return the error that an agent described; one of another kind than hilrig's is a lost rig."""
    given = described if isinstance(described, dict) else {}
    message = printable(str(given.get("message", described)).encode())[:WORDS_MAX]
    hint = printable(str(given.get("hint", "")).encode())[:WORDS_MAX]
    kind = getattr(errors, str(given.get("type")), None)
    if not (isinstance(kind, type) and issubclass(kind, HilrigError)) or kind is errors.ConfigError:
        kind = RigLostError
    return kind(message, hint=hint)


def printable(data: bytes) -> str:
    """Return foreign text without anything that a terminal would obey."""
    text = data.decode(errors="replace")
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None  # noqa: S101 - a transport starts every process with three pipes
    return pipe
