"""The service as a process: sockets, the store, metrics, signals."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import uvicorn
import uvloop

from hilrig.core.errors import PreconditionError
from hilrig.node.plc.adapter import PlcAdapter, open_adapter
from hilrig.node.service.app import create_app
from hilrig.node.service.config import ServiceConfig
from hilrig.node.service.connection import GuardedConnection
from hilrig.node.service.metrics import ServiceMetrics
from hilrig.node.service.plc_metrics import PlcMetrics
from hilrig.node.service.plc_output import PlcOutput
from hilrig.node.service.serving import Serving
from hilrig.node.service.source import StoreSource
from hilrig.node.service.tensor_request import DecisionListener
from hilrig.node.service.window_lines import tell_windows

GRACE_S: Final = 2
"""How long requests may take to their end after SIGTERM: far more than the ceiling."""
BACKLOG: Final = 128
REPORT_S: Final = 1.0
"""Between two looks at the write loop's reports, which come as often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where the service listens. Port 0 lets the kernel choose; None for no metrics."""

    host: str
    port: int
    metrics_port: int | None


class _Server(uvicorn.Server):
    """uvicorn's server; signals are the service's, because there are two servers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def serve(
    source: StoreSource,
    config: ServiceConfig,
    listening: Listening,
    *,
    plc_url: str,
    on_listening: Callable[[str, str], None],
) -> None:
    """Serve until SIGTERM or SIGINT, then end cleanly. `on_listening` is told both URLs, the second may be empty.

    Raises:
        PreconditionError: an address is taken.
        UsageError: the PLC's URL cannot be meant.
    """
    sockets = _bound(listening)
    adapter = open_adapter(plc_url, node=config.node) if plc_url else None
    try:
        on_listening(*(_url(one) for one in sockets), *([""] * (2 - len(sockets))))
        uvloop.run(_serve(source, config, sockets, adapter))
    finally:
        if adapter is not None:
            adapter.close()
        for one in sockets:
            one.close()


async def _serve(
    source: StoreSource, config: ServiceConfig, sockets: list[socket.socket], adapter: PlcAdapter | None
) -> None:
    serving = Serving(source, config)
    metrics = ServiceMetrics(serving)
    listeners: tuple[DecisionListener, ...] = (metrics,)
    if adapter is not None:
        listeners = (metrics, PlcOutput(adapter, config))
        metrics.add(PlcMetrics(adapter))
    app = create_app(config, serving, source, listeners=listeners)
    servers = [_server(one) for one in (app, metrics)[: len(sockets)]]
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _end, servers)
    serving.start()
    beside = [asyncio.ensure_future(tell_windows(serving))]
    if adapter is not None:
        beside.append(asyncio.ensure_future(_read_reports(adapter)))
    try:
        await asyncio.gather(*(server.serve(sockets=[one]) for server, one in zip(servers, sockets, strict=True)))
    finally:
        for task in beside:
            task.cancel()
        await serving.close()


async def _read_reports(adapter: PlcAdapter) -> None:
    """Take the write loop's reports also while nobody asks for metrics: in a full pipe the old ones would stay."""
    while True:
        adapter.status()
        await asyncio.sleep(REPORT_S)


def _end(servers: list[_Server]) -> None:
    for server in servers:
        server.should_exit = True


def _server(app: Any) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            http=GuardedConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",  # a line for each bad request would fill the disk
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=GRACE_S,
        )
    )


def _bound(listening: Listening) -> list[socket.socket]:
    ports = [listening.port] + ([] if listening.metrics_port is None else [listening.metrics_port])
    return [_bind(listening.host, port) for port in ports]


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(BACKLOG)  # whoever is told where may come at once
    except OSError as error:
        bound.close()
        raise PreconditionError(
            f"the service cannot listen on {host} port {port}: {error.strerror}", hint="choose another --port"
        ) from error
    return bound


def _url(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
