"""A node whose agent follows a desired state; its service is scripted, its clock moved by hand."""

import time
from dataclasses import dataclass, field
from typing import Any

from gated_releases import Publisher
from hilrig.core.clock import ManualClock
from hilrig.node.agent.admission import admit
from hilrig.node.agent.agent import Agent, Surroundings
from hilrig.node.agent.download import Downloads
from hilrig.node.agent.errors import ServiceError
from hilrig.node.agent.reporting import Reports
from hilrig.node.agent.smoke import SmokeLimits
from hilrig.node.agent.updates import Updates
from hilrig.node.agent.watching import FileWatch
from hilrig.node.agent.window import ServiceWindow, ShadowWindow
from hilrig.node.disk import open_disk
from hilrig.node.seen import keep_seen, read_seen
from hilrig.node.store import Store
from hilrig.node.trust import load_trusted_keys

NO_MODEL = "0" * 64


@dataclass
class ScriptedService:
    """A service with 30 requests for each look at it.

    Args:
        bad: releases that fail every second request.
        refuses: releases that it does not take.
        is_up: whether it answers.
        has_traffic: whether requests come.
        disagreeing: of every 100 inputs those on which the shadow decides otherwise.
    """

    serving: str = NO_MODEL
    shadowing: str | None = None
    bad: set[str] = field(default_factory=set)
    refuses: set[str] = field(default_factory=set)
    is_up: bool = True
    has_traffic: bool = True
    disagreeing: int = 0
    n: int = 0
    calls: list[tuple[str, str]] = field(default_factory=list)

    def require_alive(self) -> None:
        if not self.is_up:
            raise ServiceError("the service: connection refused")

    def window(self) -> ServiceWindow:
        self.require_alive()
        self.n += 30 if self.has_traffic else 0
        shadow = None
        if self.shadowing:
            n_disagreed = self.n * self.disagreeing // 100
            shadow = ShadowWindow(
                release_sha256=self.shadowing, n=self.n, n_failed=0, n_disagreed=n_disagreed, p95_ms=9.0
            )
        n_failed = self.n // 2 if self.serving in self.bad else 0
        return ServiceWindow(
            release_sha256=self.serving, since_s=1.0, n=self.n, n_failed=n_failed, n_timeout=n_failed,
            n_non_finite=0, p50_ms=5.0, p95_ms=9.0, p99_ms=10.0, shadow=shadow,
        )  # fmt: skip

    def serve(self, release_sha256: str) -> None:
        self._asked("serve", release_sha256)
        self.serving, self.shadowing, self.n = release_sha256, None, 0

    def shadow(self, release_sha256: str) -> None:
        self._asked("shadow", release_sha256)
        self.shadowing, self.n = release_sha256, 0

    def _asked(self, what: str, release_sha256: str) -> None:
        self.require_alive()
        self.calls.append((what, release_sha256))
        if release_sha256 in self.refuses:
            raise ServiceError("the service: status 422: the model did not load")


@dataclass
class Node:
    """A node with its store, its service and its agent, which may be started anew."""

    publisher: Publisher
    store: Store
    service: ScriptedService
    clock: ManualClock = field(default_factory=lambda: ManualClock(1_000_000_000))
    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    takes_reports: bool = True
    n_waits: int = 1_000_000

    def agent(self) -> Agent:
        """Return an agent as a new process would have it."""
        folder = self.store.folder
        disk = open_disk(folder)
        desired = self.publisher.out / "desired.dsse.json"
        (folder / "agent").mkdir(exist_ok=True)
        made = Updates(
            store=self.store,
            disk=disk,
            service=self.service,
            downloads=Downloads(folder / "agent/downloads", reserve_mib=0),
            smoke=SmokeLimits(),
            tell=lambda *_: None,
        )
        around = Surroundings(
            watch=FileWatch(desired),
            admit=lambda data: admit(
                data,
                name="desired",
                keys=load_trusted_keys(folder, "keys/desired"),
                identity=self.store.identity,
                seen=read_seen(folder),
                now_ns=time.time_ns(),
            ),
            keep=lambda admitted: keep_seen(disk, admitted.seen),
            clock=self.clock,
            wait=self._wait,
            tell=lambda event, code, fields: self.events.append((event, code, dict(fields))),
            reports=Reports(folder / "agent/reports.jsonl", self._take),
            period_s=30.0,
            found_at=str(desired),
        )
        return Agent(made, around)

    def once(self) -> str:
        """Follow the desired state once, as a new process."""
        return self.agent().once()

    def runs(self, sha256: str) -> bool:
        """Return whether store and service agree on this release, with no trial left."""
        state = self.store.state()
        return (state.current, state.candidate, self.service.serving) == (sha256, None, sha256)

    def _wait(self, pause_s: float) -> bool:
        self.n_waits -= 1
        self.clock.now_ns += round(pause_s * 1e9)
        return self.n_waits <= 0

    def _take(self, report: dict[str, Any]) -> bool:
        if self.takes_reports:
            self.taken.append(report)
        return self.takes_reports


def current(node: Node) -> str:
    return node.store.state().current or ""
