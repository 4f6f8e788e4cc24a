"""The verb that tells what happens in a run, from a numbered event on, as it happens."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

from hilrig.core import files
from hilrig.core.errors import HilrigError
from hilrig.rig.agent.answers import line
from hilrig.rig.agent.arguments import count_of, text_of, work_folder_of
from hilrig.rig.agent.disk import read_json
from hilrig.rig.agent.event_log import LineReader
from hilrig.rig.agent.keeper_file import Process, boot_id, read_keeper
from hilrig.rig.agent.layout import RunFolder
from hilrig.rig.agent.seconds import boottime_ns, to_ns

EVENT_MAX_BYTES: Final = 4 << 20
LOOK_S: Final = 0.1
STATUS_NS: Final = to_ns(1)
KEEPER_END_S: Final = 3.0
"""From the last event to the end of its keeper: then the run may be fetched, removed, and another begun."""


def follow(arguments: Mapping[str, Any], stream: BinaryIO) -> Iterator[Mapping[str, Any] | bytes]:  # noqa: ARG001 - a verb's form
    """Tell every event of a run after number `after`, then new ones, with its live status each second.

    While somebody listens, the run counts as followed. The answer ends behind the event `ended`, or says why none
    will come.
    """
    work, after = work_folder_of(arguments), count_of(arguments, "after")
    run = work.run(text_of(arguments, "run_id"))
    if not run.path.is_dir():
        yield {"gone": "the run is not on this rig: it was fetched, given up, or tidied away"}
        return
    follower = Follower(run, after=after)
    status_due_ns = 0
    while True:
        keeper = read_keeper(run)
        lives = keeper is not None and keeper.lives  # asked before the last look: nothing it wrote is passed over
        yield from follower.events()
        if follower.has_ended:
            _await_end(run)
            yield {"last": follower.last}
            return
        if not lives:
            yield {"gone": _why_gone(keeper)}
            return
        if boottime_ns() >= status_due_ns:
            status_due_ns = boottime_ns() + STATUS_NS
            follower.touch()
            yield line({"kind": "status", "status": follower.status()})
        time.sleep(LOOK_S)


class Follower:
    """Reads a run's events from the first one on, tells those that are new to the listener."""

    def __init__(self, run: RunFolder, *, after: int) -> None:
        self._run = run
        self._reader = LineReader(run.events, line_max_bytes=EVENT_MAX_BYTES)
        self._run_dir: Path | None = None
        self.last = after
        self.has_ended = False

    def events(self) -> Iterator[bytes]:
        """Yield the new events as lines."""
        for text in self._reader.lines():
            event = json.loads(text)
            if event["kind"] == "started" and event["run_dir"]:
                self._run_dir = self._run.reports / event["run_dir"]
            self.has_ended = event["kind"] == "ended"
            if event["seq"] > self.last:
                self.last = event["seq"]
                yield text + b"\n"

    def status(self) -> dict[str, Any]:
        """Return the run's live state; `phase` is `preflight` before there is one."""
        try:
            found = read_json(self._run_dir / files.STATUS) if self._run_dir else None
        except HilrigError:
            found = None
        return found or {"phase": "preflight"}

    def touch(self) -> None:
        """Show the keeper that somebody listens."""
        with suppress(OSError):  # a full disk takes the new time all the same
            self._run.followed.write_bytes(b"%d\n" % boottime_ns())


def _why_gone(keeper: Process | None) -> str:
    if keeper is not None and keeper.boot_id != boot_id():
        return "the rig was booted again since"
    return "its keeper is gone: it was killed, or crashed"


def _await_end(run: RunFolder) -> None:
    give_up_s = time.monotonic() + KEEPER_END_S
    while (keeper := read_keeper(run)) is not None and keeper.lives and time.monotonic() < give_up_s:
        time.sleep(LOOK_S / 10)
