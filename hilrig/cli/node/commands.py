"""The commands over a node's model store: node init, stage, activate, confirm, rollback, status, collect.

`serve`, `agent`, `publish` and `deploy` have files of their own.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilrig.cli import options
from hilrig.cli.node import agent_command as node_agent_command
from hilrig.cli.node import deploy_command as node_deploy_command
from hilrig.cli.node import serve_command as node_serve_command
from hilrig.cli.node.options import Events, Release, StoreFolder, open_store, print_event
from hilrig.cli.output import next_steps, print_json, say
from hilrig.core.exits import ExitCode

if TYPE_CHECKING:
    from hilrig.node.identity import NodeIdentity
    from hilrig.node.store import Store

app = typer.Typer(
    help="Keep the models of an edge node: bring releases in, try them, go back; serve them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_MIB = 1 << 20


@app.command()
def init(  # noqa: PLR0913 - one option for each fact about a node
    *,
    store: StoreFolder,
    node_id: Annotated[str, typer.Option(help="This node's name, as desired states call it.", show_default=False)],
    device_class: Annotated[
        str | None,
        typer.Option(help="What releases must be for. [default: as this machine is found]", show_default=False),
    ] = None,
    gate_key: Annotated[
        list[Path] | None, typer.Option(help="A public key whose gate decisions count.", show_default=False)
    ] = None,
    desired_key: Annotated[
        list[Path] | None, typer.Option(help="A public key whose desired states count.", show_default=False)
    ] = None,
    reserve_mib: Annotated[int, typer.Option(min=0, help="What staging leaves free on the disk.")] = 64,
    events: Events = False,
    json: options.Json = False,
) -> None:
    """Make a model store. Run again after a power cut it comes to its end; with more keys it adds them."""
    from hilrig.node.crash_points import tell_nobody
    from hilrig.node.layout import DESIRED_KEYS, GATE_KEYS
    from hilrig.node.store import Store

    identity = _identity(node_id, device_class, reserve_mib)
    keys = {**_public_keys(GATE_KEYS, gate_key), **_public_keys(DESIRED_KEYS, desired_key)}
    Store.create(store, identity, keys=keys, tell=print_event if events else tell_nobody)
    if json:
        print_json({"store": str(store), "node_id": node_id, "device_class": identity.device_class})
        return
    say(f"{store} is the model store of node {node_id}, class {identity.device_class}")
    if not any(path.startswith(GATE_KEYS) for path in keys):
        say("no gate key was given now: without one in the store no release is accepted")
    next_steps(f"hilrig node stage RELEASE_FOLDER --store {store}")


@app.command()
def stage(
    folder: Annotated[
        Path, typer.Argument(metavar="RELEASE_FOLDER", help="As hilrig node publish makes it.", show_default=False)
    ],
    *,
    store: StoreFolder,
    events: Events = False,
    json: options.Json = False,
) -> None:
    """Bring a release in: gate decision and every digest checked. It does not run yet."""
    from hilrig.node.trust import gate_accept

    opened = open_store(store, events=events)
    sha256 = opened.stage(folder, accept=gate_accept(store))
    _tell(opened, sha256, f"hilrig node activate {sha256[:12]} --store {store}", done="is in the store", json=json)


@app.command()
def activate(
    release: Release,
    *,
    store: StoreFolder,
    tries: Annotated[int, typer.Option(min=1, max=100, help="Starts that it has to be confirmed in.")] = 3,
    events: Events = False,
    json: options.Json = False,
) -> None:
    """Put a release on trial: the next start runs it. Unconfirmed after its tries, the one before runs again."""
    from hilrig.node.trust import gate_accept

    opened = open_store(store, events=events)
    sha256 = opened.find(release)
    opened.activate(sha256, accept=gate_accept(store), tries=tries)
    done = "runs already" if opened.state().candidate is None else f"is on trial, {tries} tries"
    _tell(opened, sha256, f"hilrig node confirm {sha256[:12]} --store {store}", done=done, json=json)


@app.command()
def confirm(
    release: Annotated[
        str | None, typer.Argument(metavar="RELEASE", help="[default: the one on trial]", show_default=False)
    ] = None,
    *,
    store: StoreFolder,
    events: Events = False,
    json: options.Json = False,
) -> None:
    """Keep the release on trial: it is good."""
    opened = open_store(store, events=events)
    state = opened.state()
    sha256 = opened.find(release or state.candidate or state.current or "")
    opened.confirm(sha256)
    _tell(opened, sha256, f"hilrig node collect --store {store}", done="is confirmed", json=json)


@app.command()
def rollback(
    release: Annotated[
        str | None,
        typer.Argument(
            metavar="RELEASE",
            help="The one that is to go. [default: the one on trial, else the current one]",
            show_default=False,
        ),
    ] = None,
    *,
    store: StoreFolder,
    reason: Annotated[str, typer.Option(help="Why; kept with the store.", show_default=False)],
    events: Events = False,
    json: options.Json = False,
) -> None:
    """Go back to the last release that is known to be good. The one that goes is not taken again by itself."""
    opened = open_store(store, events=events)
    gone = opened.rollback(reason, sha256=opened.find(release) if release else None)
    state = opened.state()
    if json:
        print_json({"rolled_back": gone or None, "current": state.current, "reason": state.reason})
        return
    say(f"{gone[:12]} is rolled back" if gone else f"nothing to do: {state.reason}")
    say(f"{state.current[:12]} runs" if state.current else "no release runs now")
    next_steps(f"hilrig node status --store {store}")


@app.command()
def status(*, store: StoreFolder, json: options.Json = False) -> None:
    """Show what a start would run now, every file of it hashed (exit code 40: nothing is safe)."""
    from hilrig.node.status import node_status

    found = node_status(store)
    if json:
        print_json(found)
    else:
        _show_status(found, store)
    if not found["ready"]:
        raise typer.Exit(ExitCode.STORE_UNSAFE)


@app.command()
def collect(*, store: StoreFolder, events: Events = False, json: options.Json = False) -> None:
    """Remove all releases but the current one, the one before and the one on trial."""
    collected = open_store(store, events=events).collect()
    if json:
        print_json({"releases": list(collected.releases), "freed_bytes": collected.freed_bytes})
        return
    say(f"{len(collected.releases)} releases removed, {collected.freed_bytes / _MIB:.1f} MiB freed")


def _identity(node_id: str, device_class: str | None, reserve_mib: int) -> "NodeIdentity":
    from hilrig.core.errors import UsageError
    from hilrig.node.identity import NodeIdentity
    from hilrig.rig.local import inspect_local

    here = inspect_local()
    found = device_class or next(iter(here.device_classes), None)
    if found is None:
        raise UsageError("the class of this machine cannot be told", hint="name it: --device-class CLASS")
    return NodeIdentity(
        node_id=node_id, device_class=found, stack_sha256=here.stack_sha256, reserve_mib=reserve_mib
    )


def _public_keys(folder: str, files: list[Path] | None) -> dict[str, bytes]:
    """Return the keys by their path in the store; each is one that hilrig accepts."""
    from hilrig.core.errors import UsageError

    if not files:
        return {}
    from hilrig.attest.pem import parse_public_key

    keys: dict[str, bytes] = {}
    for file in files:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise UsageError(f"{file} cannot be read: {error.strerror}", hint="hilrig keys list") from error
        parse_public_key(data, name=str(file))
        path = f"{folder}/{file.stem}.pub"
        if keys.setdefault(path, data) != data:
            raise UsageError(f"two keys would be {path}", hint="give one of the files another name")
    return keys


def _tell(opened: "Store", sha256: str, following: str, *, done: str, json: bool) -> None:
    manifest = opened.releases()[sha256]
    if json:
        state = opened.state()
        print_json(
            {
                "release_sha256": sha256,
                "name": manifest.name,
                "version": manifest.version,
                "current": state.current,
                "candidate": state.candidate,
                "tries_left": state.tries_left,
            }
        )
        return
    say(f"{manifest.name} {manifest.version} ({sha256[:12]}) {done}")
    next_steps(following)


def _show_status(found: dict[str, Any], store: Path) -> None:
    say(f"node       {found['node_id']}, class {found['device_class']}")
    say(f"ready      {'yes' if found['ready'] else 'no, ' + found['error_code']}")
    for role in ("active", "previous", "candidate"):
        say(f"{role:<10} {_release_words(found[role])}")
    say(f"because    {found['reason'] or '-'}")
    if not found["ready"]:
        next_steps(f"hilrig node stage RELEASE_FOLDER --store {store}")


def _release_words(release: dict[str, Any] | None) -> str:
    if release is None:
        return "-"
    tries = f", {release['tries_left']} tries left" if "tries_left" in release else ""
    name = f"{release['name']} {release['version']}" if release["name"] else "unreadable"
    return f"{name} ({release['release_sha256'][:12]}){tries}"


node_serve_command.register(app)
node_agent_command.register(app)
node_deploy_command.register(app)
