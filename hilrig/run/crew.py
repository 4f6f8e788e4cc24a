"""The crew of a run: which processes were started, what each reported, which are gone that should not be."""

import signal
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from hilrig.core.errors import PreconditionError, RigLostError
from hilrig.run.child import Child, Setup
from hilrig.run.child_log import log_file, piped_log


class Lost(NamedTuple):
    """A process that ended before its time, and how, in words."""

    role: str
    how: str


class Crew:
    """The processes of one run.

    Args:
        setup: what each of them is told.
        log_path: where they write their last words, in the folder that they run in.
        piped: roles whose process may lose the ability to write a file: they write through a pipe.

    Attributes:
        facts: what each process said of itself when it was ready, by role.
        finished: roles whose work is done (or that are known to be lost).
        said: what the worker said of a fault, in order; whoever reads it takes it away.
    """

    def __init__(self, setup: Setup, log_path: Path, *, piped: Collection[str] = ()) -> None:
        self.facts: dict[str, dict[str, Any]] = {}
        self.finished: set[str] = set()
        self.said: list[dict[str, Any]] = []
        self._setup = setup
        self._log_path = log_path
        self._piped = piped
        self._children: dict[str, Child] = {}

    def start(self, role: str, *, module: str = "") -> None:
        """Start the process of `role`: the module `hilrig.run.<role>`, or another one that stands in for it."""
        with (piped_log if role in self._piped else log_file)(self._log_path) as log_fd:
            self._children[role] = Child(module or role, self._setup, log_fd=log_fd, folder=self._log_path.parent)

    def replace(self, role: str, *, module: str = "") -> None:
        """Start another process for a role whose process is gone."""
        self._children[role].end(grace_s=0)
        self.finished.discard(role)
        self.start(role, module=module)

    def take_reports(self) -> None:
        """Take in what the processes say while loading: `facts` has those that are ready.

        Raises:
            PreconditionError: a process could not load what it needs.
            RigLostError: a process died.
        """
        gone = [role for role, child in self._children.items() if not child.is_running()]
        for role, report in self._reports():
            if report.pop("kind") == "error":
                raise PreconditionError(report["message"], hint=report["hint"])
            self.facts[role] = report
        for role in gone:
            how = self._children[role].death()
            raise RigLostError(
                f"the {role} process died while loading: {how}", hint=f"its last words are in {self._log_path}"
            )

    def newly_lost(self) -> list[Lost]:
        """Take in reports while running; return the processes that were lost since the last call."""
        gone = [role for role, child in self._children.items() if not child.is_running()]
        lost = []
        for role, report in self._reports():
            kind = report.pop("kind")
            if kind == "fault":
                self.said.append(report)
                continue
            if kind != "ready":  # else it stands in for one that was lost, and has yet to begin
                self.finished.add(role)
            if kind == "error":
                lost.append(Lost(role, report["message"]))
            else:
                self.facts[role] |= report
        lost += [Lost(role, self._children[role].death()) for role in gone if role not in self.finished]
        self.finished.update(gone)
        return lost

    def is_running(self, role: str) -> bool:
        """Return whether the process of `role` lives."""
        return self._children[role].is_running()

    def send_signal(self, role: str, number: signal.Signals) -> None:
        """Signal one process; one that is gone gets none."""
        self._children[role].process.send_signal(number)

    def kill(self, role: str) -> None:
        """End one process at once."""
        self._children[role].process.kill()
        self._children[role].process.wait()

    def end(self, *, grace_s: float) -> None:
        """Wait up to `grace_s` for each process, then end it."""
        for child in self._children.values():
            child.end(grace_s=grace_s)

    def _reports(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for role, child in self._children.items():
            for report in child.reports():
                yield role, dict(report)
