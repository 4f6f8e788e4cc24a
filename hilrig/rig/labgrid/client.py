"""Questions to labgrid, each with a deadline: the other end of `labgrid_worker`."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

from hilrig.core.errors import HilrigError, PreconditionError, RigBusyError, RigLostError, UsageError
from hilrig.rig.labgrid.mark import Mark
from hilrig.rig.labgrid.place import Look, printable, read_look

MODULE: Final = "hilrig.rig.labgrid.worker"

LOOK_S: Final = 20.0
"""The worker's start takes 0.6 s, 3 s on a loaded machine; connecting has 5 s, an answer 5 s more."""

CHANGE_S: Final = 40.0
"""To acquire, release or switch: labgrid gives each exporter 10 s a resource."""

_ERRORS: Final = {error.__name__: error for error in (PreconditionError, RigBusyError, RigLostError, UsageError)}
_LAST_WORDS_BYTES: Final = 400


class Labgrid:
    """A line to a labgrid coordinator, through the worker. The worker starts with the first question.

    Args:
        coordinator: HOST[:PORT]; empty: the environment's LG_COORDINATOR, else labgrid's own default.
    """

    def __init__(self, coordinator: str = "") -> None:
        self.coordinator = coordinator or os.environ.get("LG_COORDINATOR") or "127.0.0.1:20408"
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as this

    def __enter__(self) -> "Labgrid":  # noqa: PYI034 - typing has Self from Python 3.11 on
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def look(self, *, deadline_s: float = LOOK_S) -> Look:
        """Return all places.

        Raises:
            RigLostError: the coordinator does not answer.
            UsageError: labgrid is not installed.
        """
        return read_look(self._ask("look", deadline_s=deadline_s))

    def acquire(self, place: str, *, holder: str, mark: Mark) -> Look:
        """Acquire a place as `holder` (host/user, which is us) and write our mark on it.

        Raises:
            RigBusyError: somebody else has it, or has it reserved.
            RigLostError: the coordinator does not answer, or an exporter does not give what it should.
        """
        self._ask("acquire", deadline_s=CHANGE_S, place=place)
        try:
            return self.mark(place, holder=holder, mark=mark)
        except BaseException:  # without the mark nobody would know that it may be released
            self.release(place, holder=holder)
            raise

    def mark(self, place: str, *, holder: str, mark: Mark) -> Look:
        """Write our mark on a place that we hold as `holder` (host/user)."""
        text = mark.text(holder.partition("/")[0])
        return read_look(self._ask("mark", deadline_s=LOOK_S, place=place, mark=text))

    def release(self, place: str, *, holder: str) -> Look:
        """Release a place if `holder` (host/user) holds it."""
        return read_look(self._ask("release", deadline_s=CHANGE_S, place=place, holder=holder))

    def reserve(self, labels: Mapping[str, str]) -> str:
        """Queue for a place with these labels; return the reservation's token."""
        return str(self._ask("reserve", deadline_s=LOOK_S, labels=labels)["token"])

    def reserved(self, token: str) -> str:
        """Return the place that a reservation got; empty while it waits. To be asked at least once a minute."""
        places = self._ask("queue", deadline_s=LOOK_S, token=token)["places"]
        return str(places[0]) if places else ""

    def cancel(self, token: str) -> None:
        """Leave the queue."""
        self._ask("cancel", deadline_s=LOOK_S, token=token)

    def power(self, place: str, action: str) -> str:
        """Switch a place that we hold `on` or `off`, or ask its `state`; return the state: on, off, unknown.

        Raises:
            PreconditionError: labgrid has no power resource for it.
            RigLostError: the outlet does not do it.
        """
        return str(self._ask("power", deadline_s=CHANGE_S, place=place, action=action)["state"])

    def close(self) -> None:
        """End the worker. What is acquired stays acquired."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _ask(self, verb: str, *, deadline_s: float, **arguments: Any) -> Mapping[str, Any]:
        process = self._process = self._process or self._started()
        answer = _answer(process, {"verb": verb, "deadline_s": deadline_s, **arguments})
        if answer is None:
            raise self._ended(verb, deadline_s)
        if error := answer.get("error"):
            raise _ERRORS.get(error["type"], HilrigError)(printable(error["message"]), hint=error["hint"])
        return answer

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", MODULE, self.coordinator],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd="/",  # `-m` looks into the current folder first: no module of the user's may stand in for ours
            start_new_session=True,  # a terminal's Ctrl-C is for this process, which releases in order
        )

    def _ended(self, verb: str, deadline_s: float) -> RigLostError:
        self.close()
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, size - _LAST_WORDS_BYTES))
        words = printable(self._log.read().decode(errors="replace")).strip()
        return RigLostError(
            f"labgrid at {self.coordinator}: no answer to '{verb}' within {deadline_s:g} s"
            + (f"; last words: {words}" if words else ""),
            hint=f"labgrid-client -x {self.coordinator} places shows whether it answers",
        )


def _answer(process: subprocess.Popen[bytes], asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the worker's answer, None when it has none in time; it is ended then."""
    assert process.stdin is not None  # noqa: S101 - it was started with pipes
    assert process.stdout is not None  # noqa: S101 - the same
    end = threading.Timer(asked["deadline_s"], process.kill)
    end.start()
    try:
        process.stdin.write(json.dumps(asked).encode() + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
        answer: Mapping[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
    except BrokenPipeError:
        return None
    finally:
        end.cancel()
    return answer
