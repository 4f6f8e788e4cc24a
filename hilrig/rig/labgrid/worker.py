"""The process that alone imports labgrid: `python -m hilrig.rig.labgrid.worker ADDRESS`.

labgrid is LGPL, runs an event loop of its own and has calls without an end; here none of that reaches a run.
JSON lines in: `{"verb", "deadline_s", ...}`; out: the answer, or `{"error": {"type", "message", "hint"}}`.
It ends when its stdin does; the kernel ends it when a call goes on past its deadline.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from hilrig.core.errors import HilrigError, UsageError

Verb = Callable[..., Mapping[str, Any]]


def main(address: str) -> None:
    """Answer the questions on stdin, one after the other, until it ends."""
    answers = _own_stdout()
    verbs: Mapping[str, Verb] = {}
    for line in sys.stdin.buffer:
        asked = json.loads(line)
        signal.setitimer(
            signal.ITIMER_REAL, asked.pop("deadline_s")
        )  # SIGALRM ends a process that ignores nothing
        try:
            verbs = verbs or _verbs(address)
            answer = verbs[asked.pop("verb")](**asked)
        except HilrigError as error:
            answer = {"error": {"type": type(error).__name__, "message": error.message, "hint": error.hint}}
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def _own_stdout() -> BinaryIO:
    """Return stdout for the answers alone: what libraries print goes to stderr from now on."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _verbs(address: str) -> Mapping[str, Verb]:
    try:
        from hilrig.rig.labgrid import outlet as labgrid_outlet
        from hilrig.rig.labgrid import session as labgrid_session
    except ModuleNotFoundError as error:
        raise UsageError(
            f"transport 'labgrid' needs the module {error.name}, which is missing",
            hint="pip install 'hilrig[labgrid]'",
        ) from error
    session, outlets = labgrid_session.LabSession(address), labgrid_outlet.Outlets()

    def power(*, place: str, action: str) -> Mapping[str, Any]:
        return outlets.switch(session.current(), place=place, action=action)

    return {name: getattr(session, name) for name in labgrid_session.NAMES} | {"power": power}


if __name__ == "__main__":
    main(sys.argv[1])
