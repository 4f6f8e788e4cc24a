"""`hilrig node serve`: the inference service over a node's model store."""

from pathlib import Path
from typing import Annotated

import typer

from hilrig.cli import options
from hilrig.cli.node.options import Events, StoreFolder, open_store, read_token
from hilrig.cli.output import print_json, say, state
from hilrig.core.errors import UsageError

STUCK_CEILINGS = 25  # a second at the seed's 40 ms: beyond any pause of a loaded machine


def register(app: typer.Typer) -> None:
    """Add the command to the group `node`."""
    app.command()(serve)


Port = Annotated[int, typer.Option(min=0, max=65535, help="The port of the service; 0: any free one.")]
MetricsPort = Annotated[
    int, typer.Option(min=-1, max=65535, help="The port of the metrics; 0: any free one, -1: none.")
]
Host = Annotated[str, typer.Option(help="The address to listen on; others than loopback need a token.")]
TokenFile = Annotated[
    Path | None, typer.Option(help="Holds the token that /reload-model asks for; mode 0600.", show_default=False)
]
CeilingMs = Annotated[
    float, typer.Option(min=5, max=60_000, help="From a request's first byte to its answer; later is a 503.")
]
QueueDepth = Annotated[int, typer.Option(min=1, max=64, help="Requests that may wait.")]
StuckMs = Annotated[
    float | None,
    typer.Option(
        min=5,
        help=f"A model silent for so long is killed and loaded again. [default: {STUCK_CEILINGS} ceilings]",
        show_default=False,
    ),
]
ShadowEvery = Annotated[int, typer.Option(min=1, help="Every n-th input is shown to a model in shadow mode.")]
ClientThreshold = Annotated[
    bool, typer.Option("--client-threshold", help="Let a request bring its own threshold: an audit hole.")
]
Plc = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="The PLC that gets every decision: modbus://host:port?unit=1&base=0&period_ms=10&max_age_ms=100",
        show_default=False,
    ),
]


def serve(  # noqa: PLR0913 - the command's options
    *,
    store: StoreFolder,
    port: Port = 8080,
    metrics_port: MetricsPort = 9100,
    host: Host = "127.0.0.1",
    token_file: TokenFile = None,
    ceiling_ms: CeilingMs = 40.0,
    queue_depth: QueueDepth = 2,
    stuck_ms: StuckMs = None,
    shadow_every: ShadowEvery = 10,
    client_threshold: ClientThreshold = False,
    plc: Plc = "",
    events: Events = False,
    json: options.Json = False,  # noqa: ARG001 - `state.wants_json` tells _show
) -> None:
    """Serve the release that the store says; it is hashed and warmed up before it is ready. SIGTERM ends it.

    Prints where it listens, then nothing more; what happens is on stderr, a JSON line each. A JSON request of
    512 x 512 pixels takes more than 40 ms to read: send raw bytes, or raise the ceiling.
    """
    _require_extra()
    from hilrig.node.service.config import ServiceConfig
    from hilrig.node.service.serve import Listening
    from hilrig.node.service.serve import serve as do_serve
    from hilrig.node.service.source import StoreSource
    from hilrig.node.trust import gate_accept

    source = StoreSource(open_store(store, events=events), accept=gate_accept(store))
    config = ServiceConfig(
        node=source.node_id,
        ceiling_ms=ceiling_ms,
        queue_depth=queue_depth,
        stuck_ms=STUCK_CEILINGS * ceiling_ms if stuck_ms is None else stuck_ms,
        shadow_every=shadow_every,
        allows_client_threshold=client_threshold,
        token=read_token(token_file),
    )
    where = _address(host, config.token)
    listening = Listening(host=where, port=port, metrics_port=None if metrics_port < 0 else metrics_port)
    do_serve(source, config, listening, plc_url=plc, on_listening=_show)


def _require_extra() -> None:
    from importlib.util import find_spec

    missing = [
        name for name in ("fastapi", "uvicorn", "uvloop", "httptools", "msgspec") if find_spec(name) is None
    ]
    if missing:
        raise UsageError(f"the service needs {', '.join(missing)}", hint="pip install 'hilrig[node]'")


def _show(url: str, metrics_url: str) -> None:
    if state.wants_json:
        print_json({"url": url, "metrics_url": metrics_url})
    else:
        say(f"serving on {url}" + (f", metrics on {metrics_url}/metrics" if metrics_url else ""))


def _address(text: str, token: str) -> str:
    import ipaddress

    try:
        address = ipaddress.ip_address("127.0.0.1" if text == "localhost" else text)
    except ValueError as error:
        raise typer.BadParameter(
            f"'{text}' is no address of a network card; write it as in 192.168.1.20", param_hint="--host"
        ) from error
    if not address.is_loopback and not token:
        raise UsageError(
            f"on {address} others could load another model: that needs a token",
            hint="openssl rand -hex 32 > token; chmod 600 token; add --token-file token",
        )
    return str(address)
