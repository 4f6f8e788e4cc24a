"""An agent from its settings: one per store, with its real surroundings."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hilrig.core.clock import SystemClock
from hilrig.node.agent.admission import Admitted, admit
from hilrig.node.agent.agent import Agent, Surroundings
from hilrig.node.agent.download import Downloads
from hilrig.node.agent.places import is_web
from hilrig.node.agent.reporting import Reports, send_to
from hilrig.node.agent.service_client import ServiceClient
from hilrig.node.agent.smoke import SmokeLimits
from hilrig.node.agent.updates import Updates
from hilrig.node.agent.watching import watch
from hilrig.node.disk import Disk, open_disk
from hilrig.node.layout import DESIRED_KEYS
from hilrig.node.log_line import LoggedNode, log
from hilrig.node.seen import AGENT_FOLDER, keep_seen, make_folders, read_seen
from hilrig.node.store import Store
from hilrig.node.store_fault import StoreBusyError, StoreFault
from hilrig.node.trust import load_trusted_keys

DOWNLOADS_FOLDER: Final = "downloads"
REPORTS_FILE: Final = "reports.jsonl"
_LOCK_FILE: Final = "lock"
_HOLDER_BYTES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """What an agent is started with.

    Args:
        desired: a path, or an http(s) URL.
        service: of the inference service, `http://host:port`.
        period_s: about this long between two looks at the desired state.
        token: that the service asks for; empty: none.
        report_url: where reports are posted to; empty: they wait in the store.
    """

    store: Path
    desired: str
    service: str
    period_s: float
    token: str = ""
    report_url: str = ""
    smoke: SmokeLimits = field(default_factory=SmokeLimits)


@contextmanager
def opened_agent(settings: AgentSettings, stop: threading.Event) -> Iterator[Agent]:
    """Give the agent of a store, which no other process has meanwhile; `stop` ends its waiting.

    Raises:
        UsageError: there is no store.
        StoreBusyError: another agent has it; the message says which process.
        TrustError: the store trusts nobody's desired states.
        ValueError: an address cannot be one.
    """
    store = Store(settings.store)
    disk = open_disk(settings.store)
    make_folders(disk)
    with _only_agent(settings.store / AGENT_FOLDER / _LOCK_FILE):
        yield _agent(settings, store, disk, stop)


def _agent(settings: AgentSettings, store: Store, disk: Disk, stop: threading.Event) -> Agent:
    folder = settings.store / AGENT_FOLDER
    found_at = settings.desired if is_web(settings.desired) else str(Path(settings.desired).absolute())

    def tell(event: str, error_code: str, fields: Mapping[str, Any]) -> None:
        node = LoggedNode(node=store.identity.node_id, model_hash=_current(store))
        log(event, node=node, error_code=error_code, **fields)

    def admitted(data: bytes) -> Admitted:
        keys = load_trusted_keys(settings.store, DESIRED_KEYS)
        seen = read_seen(settings.store)
        return admit(data, name=found_at, keys=keys, identity=store.identity, seen=seen, now_ns=time.time_ns())

    updates = Updates(
        store=store,
        disk=disk,
        service=ServiceClient(settings.service, token=settings.token),
        downloads=Downloads(folder / DOWNLOADS_FOLDER, reserve_mib=store.identity.reserve_mib),
        smoke=settings.smoke,
        tell=lambda step, fields: tell(f"agent.{step}", "", fields),
    )
    around = Surroundings(
        watch=watch(found_at),
        admit=admitted,
        keep=lambda one: keep_seen(disk, one.seen),
        clock=SystemClock(),
        wait=stop.wait,
        tell=tell,
        reports=Reports(folder / REPORTS_FILE, send_to(settings.report_url) if settings.report_url else None),
        period_s=settings.period_s,
        found_at=found_at,
    )
    return Agent(updates, around)


def _current(store: Store) -> str:
    """Return what a log line says of the model: an unreadable state is told elsewhere, never by a log line."""
    try:
        return store.state().current or ""
    except StoreFault:
        return ""


@contextmanager
def _only_agent(path: Path) -> Iterator[None]:
    """Hold the agent's lock, which the kernel takes back when this process ends, however it ends."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, _HOLDER_BYTES, 0).decode(errors="replace")
            raise StoreBusyError(
                f"another agent follows for this store: process {holder or 'unknown'}", hint="end that one first"
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(fd)
