"""The process that keeps a run's companions: starts them, asks them, ends them, whatever becomes of the run.

It is no part of the run's own processes: nothing of it stands in the way of a frame. It says what it reaches as
JSON lines on stdout. On stdin it reads its setup as a line of JSON, then the word `together`; the end of stdin,
also that of a run that was killed, is the end of the companions.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from types import FrameType
from typing import Any, Final

from hilrig.config.noun_json import from_json
from hilrig.core.clock import SystemClock
from hilrig.core.companion import CompanionSpec
from hilrig.core.units import NS_PER_MS, NS_PER_S, ms_to_ns
from hilrig.faults.companion_command import program, search_path
from hilrig.faults.companion_journal import CompanionJournal, Kind
from hilrig.faults.companion_probe import asker
from hilrig.faults.companion_process import (
    MARK,
    Children,
    CompanionProcess,
    end_descendants,
    wait_readable,
)
from hilrig.faults.probing import Ask, Prober

READY_S: Final = 30.0
"""So long a companion may take from its start to its first answer."""

READY_LOOK_S: Final = 0.05
LISTEN_S: Final = 0.01
"""Between two looks at what companions print: a flood costs a hundred looks a second, not a CPU."""

FLUSH_S: Final = 5.0
LEAD_NS: Final = 50 * NS_PER_MS
TOGETHER: Final = b"together"
"""The word that has the probes beside the model begin."""

PRIORITY: Final = 1  # the lowest real-time one: below the camera's, above every load
ENDS_ALONE: Final = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperSetup:
    """What the keeper is told: the run, where its profile is, whom to start and ask."""

    run_id: str
    run_dir: str
    profile_folder: str
    companions: tuple[CompanionSpec, ...]
    real_time: bool


class NotReadyError(Exception):
    """A companion did not start, or was not well in time; the text is for a person."""


class Keeper:
    """All companions of a run."""

    def __init__(self, setup: KeeperSetup) -> None:
        self._setup = setup
        self._folder = Path(setup.profile_folder)
        self._environment = {**os.environ, MARK: setup.run_id}
        self._environment["PATH"] = search_path(os.environ)
        self._children = Children()
        self._clock = SystemClock()
        self._journal = CompanionJournal(Path(setup.run_dir))
        self._started: dict[str, CompanionProcess] = {}
        self._exited: dict[str, int] = {}
        self._silent: set[str] = set()
        self._probes = [(one, self._asker(one)) for one in setup.companions if one.probe is not None]
        self._kind = Kind.ALONE
        self._is_over = Event()
        self._is_ended = False
        self._threads: list[Thread] = []

    def start(self) -> None:
        """Start the companions; return when each has answered once.

        Raises:
            NotReadyError: one does not.
        """
        for companion in self._setup.companions:
            if companion.argv:
                self._started[companion.name] = self._process(companion)
        deadline_ns = self._clock.monotonic_ns() + round(READY_S * NS_PER_S)
        for companion, ask in self._probes:
            self._await_answer(companion, ask, deadline_ns)
        self._refuse_exited()

    def measure_alone(self) -> None:
        """Ask each companion on its grid for its time alone.

        Raises:
            NotReadyError: one ended by itself.
        """
        self._begin_probing()
        longest_s = max((one.alone_s for one, _ in self._probes), default=0.0)
        self._attend(until_ns=self._clock.monotonic_ns() + LEAD_NS + round(longest_s * NS_PER_S))
        self._refuse_exited()

    def measure_together(self) -> None:
        """Go on asking beside the model, until told to end."""
        self._end_probing()
        self._kind = Kind.TOGETHER
        self._begin_probing()
        self._attend(until_ns=None)

    def end(self) -> list[str]:
        """End the probes, then every process; return those that no signal ends."""
        self._end_probing()
        self._flush()
        self._is_ended = True
        left = end_descendants()
        self._children.bury_orphans()
        for process in self._started.values():
            process.listen()
            process.close()
        self._flush()
        self._journal.close()
        return left

    def _process(self, companion: CompanionSpec) -> CompanionProcess:
        found = program(companion.argv[0], self._folder)
        try:
            return CompanionProcess(
                [found or companion.argv[0], *companion.argv[1:]],
                folder=self._folder,
                log_path=Path(self._setup.run_dir) / f"companion-{companion.name}.log",
                environment=self._environment,
                children=self._children,
            )
        except OSError as error:
            raise NotReadyError(f"companion {companion.name} cannot be started: {error.strerror}") from error

    def _asker(self, companion: CompanionSpec) -> Ask:
        assert companion.probe is not None  # noqa: S101 - only these are asked
        return asker(companion.probe, folder=self._folder, children=self._children, environment=self._environment)

    def _await_answer(self, companion: CompanionSpec, ask: Ask, deadline_ns: int) -> None:
        assert companion.probe is not None  # noqa: S101 - only these are asked
        while not ask(deadline_ns=self._clock.monotonic_ns() + ms_to_ns(companion.probe.timeout_ms)):
            self._refuse_exited()
            if self._clock.monotonic_ns() > deadline_ns:
                raise NotReadyError(
                    f"companion {companion.name} was not well within {READY_S:g} s{self._words(companion.name)}"
                )
            if self._attend(until_ns=self._clock.monotonic_ns() + round(READY_LOOK_S * NS_PER_S)):
                return

    def _begin_probing(self) -> None:
        self._is_over.clear()
        t0_ns = self._clock.monotonic_ns() + LEAD_NS
        for companion, ask in self._probes:
            thread = Thread(target=self._probe, args=(companion, ask, t0_ns), name=companion.name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def _end_probing(self) -> None:
        self._is_over.set()
        while self._threads:
            self._threads.pop().join()

    def _probe(self, companion: CompanionSpec, ask: Ask, t0_ns: int) -> None:
        """Ask one companion until it is over."""
        assert companion.probe is not None  # noqa: S101 - only these are asked
        if self._setup.real_time:
            with suppress(OSError):  # without it, the record shows how late the probes were sent
                os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(PRIORITY))
        prober = Prober(companion.probe, ask, clock=self._clock, t0_ns=t0_ns)
        alone_ns = t0_ns + round(companion.alone_s * NS_PER_S)
        with suppress(OSError):  # a full disk: the verdict finds that probes are missing
            while (probed := prober.next(self._is_over.is_set)) is not None:
                if self._kind is Kind.ALONE and probed.t_ns >= alone_ns:
                    return
                self._journal.probe(self._kind, companion.name, probed)

    def _attend(self, *, until_ns: int | None) -> bool:
        """Listen to companions, note those that end; return whether stdin said to go on before the time was up."""
        flush_ns = self._clock.monotonic_ns()
        while until_ns is None or self._clock.monotonic_ns() < until_ns:
            if self._clock.monotonic_ns() >= flush_ns:
                self._flush()
                flush_ns = self._clock.monotonic_ns() + round(FLUSH_S * NS_PER_S)
            readable = wait_readable([0, *self._watched()], timeout_s=_wait_s(until_ns, self._clock))
            self._listen()
            self._note_exits()
            self._children.bury_orphans()
            if 0 in readable:
                return True
            time.sleep(LISTEN_S)
        return False

    def _flush(self) -> None:
        """Say that the companions are watched, and make sure of all that was written so far."""
        with suppress(OSError):  # the run notes by itself that its disk is full
            if self._kind is Kind.TOGETHER and not self._is_ended:
                self._journal.kept(self._clock.monotonic_ns())
            self._journal.flush()

    def _watched(self) -> list[int]:
        alive = [one.exit_fd for name, one in self._started.items() if name not in self._exited]
        return alive + [one.output_fd for name, one in self._started.items() if name not in self._silent]

    def _listen(self) -> None:
        for name, process in self._started.items():
            if name not in self._silent and not process.listen():
                self._silent.add(name)

    def _note_exits(self) -> None:
        for name, process in self._started.items():
            status = process.exit_status()
            if status is not None and name not in self._exited:
                self._exited[name] = status
                with suppress(OSError):
                    self._journal.exit(name, self._clock.monotonic_ns(), status)

    def _refuse_exited(self) -> None:
        self._note_exits()
        for name, status in self._exited.items():
            how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
            raise NotReadyError(f"companion {name} ended by itself before the model ran: {how}{self._words(name)}")

    def _words(self, name: str) -> str:
        words = self._started[name].last_words() if name in self._started else ""
        return f"; its last words: {words}" if words else ""


def main() -> None:
    """Run as the keeper."""
    for number in ENDS_ALONE:
        signal.signal(number, _unheard)  # the run decides when companions end
    keeper = Keeper(from_json(KeeperSetup, _line(), what="the keeper's setup"))
    try:
        keeper.start()
        _say("ready")
        keeper.measure_alone()
        _say("alone")
        if _line() == TOGETHER:
            _say("together")
            keeper.measure_together()
    except NotReadyError as error:
        _say("refused", message=str(error))
    finally:
        left = keeper.end()
    if left:
        sys.exit(f"no signal ends {', '.join(left)}")  # to the log; the run looks for them once more


def _unheard(number: int, frame: FrameType | None) -> None:
    """Do nothing: to ignore a signal would be inherited by the companions, a handler is not."""


def _line() -> bytes:
    """Return the next line of stdin, empty at its end; unbuffered, so that no line waits where nobody looks."""
    return open(0, "rb", buffering=0, closefd=False).readline().rstrip(b"\n")


def _say(kind: str, **detail: Any) -> None:
    told: Mapping[str, Any] = {"kind": kind, **detail}
    with suppress(BrokenPipeError):  # the run is gone: what matters now is to end the companions
        os.write(1, json.dumps(told).encode() + b"\n")


def _wait_s(until_ns: int | None, clock: SystemClock) -> float:
    left_s = FLUSH_S if until_ns is None else (until_ns - clock.monotonic_ns()) / NS_PER_S
    return min(FLUSH_S, max(0.0, left_s))


if __name__ == "__main__":
    main()
