"""One look a second at the rig, shared by everybody who watches; nobody watching, nothing done."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from hilrig.core.errors import UsageError

PERIOD_S: Final = 1.0
STREAMS_MAX: Final = 8
"""People who watch one rig at a time; each takes a thread and one of the server's connections."""


class LiveState:
    """The newest state, as the bytes of a server-sent event.

    Args:
        look: returns the state, as JSON values; called once in `period_s` while somebody watches.
        period_s: from look to look.
    """

    def __init__(self, look: Callable[[], Mapping[str, Any]], *, period_s: float = PERIOD_S) -> None:
        self._look = look
        self._period_s = period_s
        self._new = threading.Condition()
        self._wake = threading.Event()
        self._event = b""
        self._n_looks = 0
        self._n_streams = 0
        self._is_looking = False

    def poke(self) -> None:
        """Have the next look at once: something has changed that somebody waits for."""
        self._wake.set()

    def stream(self) -> Iterator[bytes]:
        """Return the events from now on, without end; closing it ends the watching.

        Raises:
            UsageError: too many watch already.
        """
        events = self._events()
        next(events)  # it counts from here on, and its end is noticed
        return events

    def _events(self) -> Iterator[bytes]:
        with self._new:
            if self._n_streams >= STREAMS_MAX:
                raise UsageError(f"{STREAMS_MAX} people watch already", hint="close another page of this rig")
            self._n_streams += 1
            seen = self._n_looks
            self._begin()
        try:
            yield b""
            while True:
                with self._new:
                    while self._n_looks == seen:
                        self._new.wait()
                    seen, event = self._n_looks, self._event
                yield event
        finally:
            with self._new:
                self._n_streams -= 1
            self._wake.set()

    def _begin(self) -> None:
        self._wake.set()
        if not self._is_looking:
            self._is_looking = True
            threading.Thread(target=self._keep_looking, name="looker", daemon=True).start()

    def _keep_looking(self) -> None:
        while True:
            with self._new:
                if self._n_streams == 0:
                    self._is_looking = False
                    return
            self._wake.clear()
            event = b"data: " + json.dumps(self._looked(), allow_nan=False).encode() + b"\n\n"
            with self._new:
                self._event = event
                self._n_looks += 1
                self._new.notify_all()
            self._wake.wait(self._period_s)

    def _looked(self) -> Mapping[str, Any]:
        try:
            return self._look()
        except Exception as error:  # noqa: BLE001 - whoever watches must read that the view is broken, not wait
            return {"error": f"the rig's state cannot be read: {error}"}
