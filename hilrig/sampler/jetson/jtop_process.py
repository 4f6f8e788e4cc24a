"""The process that asks the jtop service, apart from hilrig.

jetson-stats is AGPL and meets us only over a pipe. Prints one JSON object a line: a snapshot of what the service
measured anew, or `refused` with a reason and the next step, after which it ends. Its exit status says nothing.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

INTERVAL_S: Final = 1.0
"""What we ask the service for; another client may have set another one, and that one rules."""

_PRINT_S_MIN: Final = 0.9 * INTERVAL_S

Say = Callable[[Mapping[str, Any]], None]

_REFUSALS: Final = {
    "not active": ("ABSENT", "the jtop service does not run: sudo systemctl start jtop"),
    "can't access": (
        "NO_PERMISSION",
        "/run/jtop.sock is for root and the group jtop: sudo usermod -aG jtop $USER, then log in again",
    ),
    "Mismatch": (
        "ERROR",
        "service and package of jetson-stats differ in version: install one for both, sudo systemctl restart jtop",
    ),
    "Authentication": (
        "NO_PERMISSION",
        "the jtop service belongs to another installation of jetson-stats: sudo systemctl restart jtop",
    ),
}
"""Words in the messages of jtop 7.2.2; the reason that each is, and the next step."""


def main() -> None:
    """Print snapshots until the service or the parent ends."""
    with _own_stdout() as say:
        try:
            client = import_module("jtop").jtop
        except Exception as error:  # noqa: BLE001 - a foreign package may fail in any way: the parent is told
            say(_refusal("ERROR", f"jtop cannot be imported ({_told(error)}): reinstall jetson-stats"))
            return
        _follow(client, say)


def _follow(client: Callable[..., Any], say: Say) -> None:
    is_connected = False
    try:
        with client(interval=INTERVAL_S) as jetson:
            is_connected = True
            try:
                for snapshot in _snapshots(jetson):
                    say(snapshot)
            finally:  # before leaving the block: its end waits for threads of jtop's own
                say(_refusal("LOST", "the jtop service stopped answering: sudo systemctl restart jtop"))
    except Exception as error:  # noqa: BLE001 - the same
        if not is_connected:
            say(_why_not(error))


def _snapshots(jetson: Any) -> Iterator[Mapping[str, Any]]:
    """Yield what is new. A client whose service stands still hands out its last data again: the uptime tells."""
    last_uptime, next_s = None, 0.0
    while jetson.ok():
        uptime, now_s = jetson.uptime, time.monotonic()
        if uptime == last_uptime or now_s < next_s:
            continue
        last_uptime, next_s = uptime, now_s + _PRINT_S_MIN
        yield {
            "gpu": {name: dict(gpu) for name, gpu in jetson.gpu.items()},
            "emc": jetson.memory.get("EMC"),
            "temperature": jetson.temperature,
            "power": jetson.power,
        }


def _why_not(error: Exception) -> Mapping[str, Any]:
    for words, (reason, advice) in _REFUSALS.items():
        if words in str(error):
            return _refusal(reason, advice)
    return _refusal("ERROR", f"the jtop service cannot be reached ({_told(error)}): sudo systemctl restart jtop")


def _refusal(reason: str, detail: str) -> Mapping[str, Any]:
    return {"refused": {"reason": reason, "detail": detail}}


def _told(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


@contextmanager
def _own_stdout() -> Iterator[Say]:
    """Keep the pipe to ourselves: what jtop prints goes to standard error."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)

        def say(document: Mapping[str, Any]) -> None:
            out.write(json.dumps(document, default=str) + "\n")
            out.flush()

        yield say


if __name__ == "__main__":
    main()
