"""`hilrig node agent`: the update agent of a node."""

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from hilrig.cli import options
from hilrig.cli.node.options import StoreFolder, read_token
from hilrig.cli.node.publish_command import publish
from hilrig.cli.output import print_json, say
from hilrig.core.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command to the group `node`, and the one that makes what an agent follows."""
    app.command()(agent)
    app.command()(publish)


def agent(  # noqa: PLR0913 - the command's options
    *,
    store: StoreFolder,
    desired: Annotated[
        str, typer.Option(metavar="FILE|URL", help="Where the desired state is.", show_default=False)
    ],
    service: Annotated[str, typer.Option(metavar="URL", help="The inference service.")] = "http://127.0.0.1:8080",
    token_file: Annotated[
        Path | None,
        typer.Option(help="A file (mode 0600) with the token that the service asks for.", show_default=False),
    ] = None,
    report_url: Annotated[
        str, typer.Option(metavar="URL", help="Where reports are posted to. [default: kept in the store]")
    ] = "",
    period_s: Annotated[float, typer.Option(min=0.1, max=86_400, help="Between two looks, about.")] = 30.0,
    smoke_s: Annotated[float, typer.Option(min=1, help="What a release may take to load in its test.")] = 120.0,
    smoke_mib: Annotated[int, typer.Option(min=64, help="Memory that it may take there.")] = 4096,
    once: Annotated[bool, typer.Option("--once", help="Follow the desired state once, to its end.")] = False,
    json: options.Json = False,
) -> None:
    """Bring this node to its desired state, watch the trial, keep the release or take it back.

    With --once it exits with 0 when the node is where it should be, or waits for its turn; 30 to 33 when desired
    state or release are not trusted, not decided, over or for others; 40 when the release was taken back.
    """
    from hilrig.node.agent.opening import AgentSettings, opened_agent
    from hilrig.node.agent.smoke import SmokeLimits

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = AgentSettings(
        store=store,
        desired=desired,
        service=service,
        period_s=period_s,
        token=read_token(token_file),
        report_url=report_url,
        smoke=SmokeLimits(time_s=smoke_s, memory_mib=smoke_mib),
    )
    try:
        with opened_agent(settings, stop) as following:
            told = following.once() if once else following.run()
    except ValueError as error:
        raise UsageError(str(error), hint="http://host:port") from error
    if json:
        print_json({"outcome": told})
    else:
        say(told)
