"""`hilrig serve`: the technician's web page of this rig."""

import signal
from pathlib import Path
from typing import Annotated

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, note, say


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(serve)


def serve(  # noqa: PLR0913 - the command's options
    *,
    bind: Annotated[
        str, typer.Option(help="The address to listen on; 0.0.0.0 for every one of this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8787,
    profiles: Annotated[Path, typer.Option(help="The folder of profiles that may be started.")] = Path("profiles"),
    reports: options.Reports = Path("reports"),
    rig: options.RigInPlace = None,
    key: options.Key = None,
    passphrase_file: options.PassphraseFile = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            help="Keep the token in this file, mode 0600, so that the page's address stays the same. "
            "[default: a fresh token with every start]",
            show_default=False,
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A name, without port, that the page may be called by besides its address; once for each.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve a web page to start, watch and stop runs on this rig, and to read its reports.

    Runs go on when the page ends. Whoever has the printed address may start and stop runs.
    """
    from hilrig.app.web.serve import ServeRequest
    from hilrig.app.web.serve import serve as do_serve

    request = ServeRequest(
        bind=_address(bind),
        port=port,
        profiles=options.absolute(profiles),
        reports=options.absolute(reports),
        key=options.absolute(key or options.default_key()),
        passphrase_file=None if passphrase_file is None else options.absolute(passphrase_file),
        rig_file=options.rig_file(rig),
        token_file=None if token_file is None else options.absolute(token_file),
        allowed_hosts=tuple(name.lower() for name in allow_host or ()),
    )
    if request.is_for_others:
        note("warning: the page is not encrypted. Whoever listens on this network can read the token and use it.")
        note("         Safer: leave --bind out, and on your machine: ssh -L 8787:127.0.0.1:8787 RIG")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        do_serve(request, on_ready=_show)
    except KeyboardInterrupt:
        say("the page is closed; runs go on")
        next_steps("hilrig list", "hilrig watch")


def _show(addresses: list[str]) -> None:
    say("the page of this rig (the address lets whoever has it start and stop runs):")
    for address in addresses:
        say(f"  {address}")
    say("Ctrl-C closes the page; runs go on")


def _address(text: str) -> str:
    import ipaddress

    try:
        return str(ipaddress.ip_address("127.0.0.1" if text == "localhost" else text))
    except ValueError as error:
        raise typer.BadParameter(
            f"'{text}' is no address of a network card; write it as in 192.168.1.20", param_hint="--bind"
        ) from error
