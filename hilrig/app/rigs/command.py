"""A subject's command on a rig: its events as they come, until it ends or somebody cuts the power."""

import json
import os
import selectors
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from subprocess import Popen
from typing import Final

from hilrig.core.errors import RigLostError

SILENCE_S: Final = 180.0
"""Under emulation a Python program with all its imports takes ten seconds before its first word."""
POLL_S: Final = 0.1
PIECE_BYTES: Final = 1 << 16
STDERR_KEPT: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command on a rig ended: `returncode` None when it was left in the midst of it."""

    returncode: int | None
    lines: tuple[str, ...]
    stderr: str


def follow(
    process: "Popen[bytes]",
    *,
    what: str,
    on_event: Callable[[str], bool] = lambda _name: False,
    on_wait: Callable[[], None] = lambda: None,
    stdin: bytes = b"",
) -> Ended:
    """Take in what a command prints; leave it as soon as `on_event` says so.

    Args:
        process: the command's line to the rig.
        what: it is, for people.
        on_event: takes each event's name in order; True ends the following at once, the command goes on.
        on_wait: called about ten times a second; what it raises ends the following.
        stdin: what it gets to read.

    Raises:
        RigLostError: it says nothing for minutes.
    """
    lines: list[str] = []
    said: list[bytes] = []
    try:
        _give(process, stdin)
        for line in _lines(process, said, what=what, on_wait=on_wait):
            lines.append(line)
            if (name := event_name(line)) and on_event(name):
                return Ended(returncode=None, lines=tuple(lines), stderr="")
        returncode = process.wait(SILENCE_S)
    finally:
        process.kill()
        process.communicate()
    stderr = b"".join(said)[-STDERR_KEPT:].decode(errors="replace").strip()
    return Ended(returncode=returncode, lines=tuple(lines), stderr=stderr)


def event_name(line: str) -> str:
    """Return the name of the event in a line of output; empty when it is none."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    name = event.get("event") if isinstance(event, dict) else None
    return name if isinstance(name, str) else ""


def _give(process: "Popen[bytes]", stdin: bytes) -> None:
    if process.stdin is None:
        return
    with suppress(BrokenPipeError):
        process.stdin.write(stdin)
    with suppress(BrokenPipeError):
        process.stdin.close()
    process.stdin = None  # else `communicate` would flush it once more


def _lines(process: "Popen[bytes]", said: list[bytes], *, what: str, on_wait: Callable[[], None]) -> Iterator[str]:
    """Yield the lines of stdout, the last one even when it is cut off; stderr goes to `said`."""
    rest = b""
    for stream, piece in _pieces(process, what=what, on_wait=on_wait):
        if stream == "err":
            said.append(piece)
            continue
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)
    if rest:
        yield rest.decode(errors="replace")


def _pieces(process: "Popen[bytes]", *, what: str, on_wait: Callable[[], None]) -> Iterator[tuple[str, bytes]]:
    with selectors.DefaultSelector() as selector:
        for name, pipe in (("out", process.stdout), ("err", process.stderr)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, name)
        heard_s = time.monotonic()
        while selector.get_map():
            on_wait()
            for key, _ in selector.select(POLL_S):
                heard_s = time.monotonic()
                piece = os.read(key.fd, PIECE_BYTES)
                if not piece:
                    selector.unregister(key.fileobj)
                yield key.data, piece
            if time.monotonic() - heard_s > SILENCE_S:
                raise RigLostError(f"{what}: nothing for {SILENCE_S:g} s", hint="run it on the rig by hand")
