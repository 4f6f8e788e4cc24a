"""The job of a run, as its keeper sees it.

It is job.json, and the process that does it.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from hilrig.core.errors import UsageError
from hilrig.rig.agent.disk import read_json
from hilrig.rig.agent.layout import RunFolder
from hilrig.rig.agent.processes import marked
from hilrig.rig.agent.seconds import seconds_of

LINE_MAX_BYTES: Final = 1 << 20
"""Of what the process says: its lines are short; a longer one is passed over, so that memory stays bounded."""

READ_BYTES: Final = 64 << 10
KINDS: Final = frozenset({"started", "finished", "error"})
"""What a run says of itself (`hilrig.app.soak.soak`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What the keeper is to do.

    Args:
        argv: for the keeper's own Python; the keeper's process id comes behind it.
        env: added to the keeper's environment.
        is_tied: whether it ends when nobody has followed it for `ttl_s`.
        ttl_s: see there.
        max_s: after which it is ended whatever it does.
        grace_s: what it has to end in order when it is asked to: to drain, judge and sign.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    is_tied: bool
    ttl_s: float
    max_s: float
    grace_s: float


def read_job(run: RunFolder) -> Job | None:
    """Return the job of a run, None before it is placed.

    Raises:
        RecordError: job.json cannot be read.
        UsageError: it is no job.
    """
    found = read_json(run.job)
    if found is None:
        return None
    argv, env, is_tied = _texts(found.get("argv")), found.get("env"), found.get("tied")
    if not argv or not isinstance(env, dict) or _texts(list(env.values())) is None:
        raise UsageError("job.json: expected argv, a list of texts, and env, texts by name")
    if not isinstance(is_tied, bool):
        raise UsageError(f"job.json: tied should be true or false, found {is_tied!r:.100}")
    limits = {name: seconds_of(found, name) for name in ("ttl_s", "max_s", "grace_s")}
    return Job(argv=argv, env=env, is_tied=is_tied, **limits)


class JobProcess:
    """The started process of a job: in the keeper's session, in a group of its own.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, job: Job, run: RunFolder) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *job.argv, str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=marked({**os.environ, **job.env}, run),
            cwd="/",  # `-m` looks into the current folder first
            preexec_fn=os.setpgrp,  # noqa: PLW1509 - the keeper has one thread; `process_group` came with Python 3.11
        )
        assert self._process.stdout is not None  # noqa: S101 - it was started with a pipe
        self._pipe = self._process.stdout
        os.set_blocking(self._pipe.fileno(), False)
        self._rest = b""
        self._skips = False

    @property
    def status(self) -> int | None:
        """Return how it ended: its exit status, or minus the signal's number; None while it goes on."""
        return self._process.returncode

    def reap(self) -> None:
        """Take note of every child that has ended: the job itself, and orphans that came to the keeper."""
        with suppress(ChildProcessError):
            while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if ended.si_pid == self._process.pid:
                    self._process.poll()
                else:
                    os.waitpid(ended.si_pid, 0)

    def terminate(self) -> None:
        """Ask it to end, as a person would before it has a run directory."""
        if self.status is None:
            self._process.send_signal(signal.SIGTERM)

    def said(self) -> Iterator[dict[str, Any]]:
        """Yield the objects that it printed since the last call; what is none goes to the log."""
        while data := self._read():
            *lines, self._rest = (self._rest + data).split(b"\n")
            if self._skips and lines:
                lines, self._skips = lines[1:], False
            if len(self._rest) > LINE_MAX_BYTES:
                self._rest, self._skips = b"", True
            for text in lines:
                said = _object(text)
                if said is None:
                    sys.stderr.buffer.write(text[:LINE_MAX_BYTES] + b"\n")
                    sys.stderr.flush()
                else:
                    yield said

    def close(self) -> None:
        """Listen no more."""
        self._pipe.close()

    def _read(self) -> bytes:
        with suppress(BlockingIOError):
            return os.read(self._pipe.fileno(), READ_BYTES)
        return b""


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) and said.get("kind") in KINDS else None


def _texts(values: Any) -> tuple[str, ...] | None:
    is_texts = isinstance(values, list) and all(isinstance(value, str) for value in values)
    return tuple(values) if is_texts else None
