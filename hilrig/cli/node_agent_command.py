"""`hilrig node agent`: the update agent of a node. `hilrig node publish`: what it is given to follow."""

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilrig.cli import options
from hilrig.cli.node_options import StoreFolder
from hilrig.cli.output import next_steps, print_json, say
from hilrig.core.errors import UsageError

if TYPE_CHECKING:
    from hilrig.attest.desired_state import Guardrail, Rollout

PARTS_OF_A_GUARDRAIL = 3


def register(app: typer.Typer) -> None:
    """Add the commands to the group `node`."""
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
        token=_token(token_file),
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


def publish(  # noqa: PLR0913 - the command's options
    run_dir: options.RunDirectory,
    *,
    profile: Annotated[
        Path,
        typer.Option(help="The profile's folder that was run: the model is taken from it.", show_default=False),
    ],
    key: Annotated[Path, typer.Option(help="The gate's private key.", show_default=False)],
    desired_key: Annotated[Path, typer.Option(help="The private key of desired states.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Where it goes: a folder that nodes or a web server read.")],
    signed_by: Annotated[
        list[Path] | None,
        typer.Option(help="A public key that may have signed the run. [default: this user's own keys]"),
    ] = None,
    version: Annotated[str, typer.Option(help="Of the model, for people. [default: the sequence]")] = "",
    nodes: Annotated[
        list[str] | None, typer.Option(help="A node's id; may be given again. [default: all]")
    ] = None,
    mode: Annotated[str, typer.Option(metavar="canary|blue_green|shadow", help="How it is brought out.")] = (
        "blue_green"
    ),
    canary_nodes: Annotated[list[str] | None, typer.Option(help="The nodes that go first.")] = None,
    window: Annotated[str, typer.Option(help="How long it is on trial, as in 10m.")] = "10m",
    guardrail: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC:GOOD:BAD",
            help="Proven good at GOOD or below, bad at BAD or above. [default: error_pct:0.1:1]",
        ),
    ] = None,
    min_samples: Annotated[int, typer.Option(min=1, help="Requests without which nothing is proven.")] = 300,
    max_missing: Annotated[int, typer.Option(min=0, help="Of 20 readings those that may tell nothing.")] = 5,
    consecutive_errors: Annotated[int, typer.Option(min=1, help="Such readings in a row that end it.")] = 4,
    sequence: Annotated[int | None, typer.Option(min=1, help="[default: the seconds since 1970]")] = None,
    expires_days: Annotated[float, typer.Option(min=0.0001, help="How long it holds.")] = 90.0,
    any_stack: Annotated[
        bool, typer.Option("--any-stack", help="For nodes with other software than the run's rig, too.")
    ] = False,
    allow_again: Annotated[
        bool, typer.Option("--allow-again", help="Also for nodes that rolled this release back.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Publish the model of a run that passed: a release, the gate's decision, a desired state for nodes.

    The run is verified and its numbers recomputed first; the model must be the one that was measured.
    """
    from hilrig.app.folders import keys_folder
    from hilrig.app.publish import PublishRequest
    from hilrig.app.publish import publish as do_publish
    from hilrig.attest.keys import load_signer
    from hilrig.core.clock import SystemClock

    rails = tuple(
        _guardrail(text, min_samples=min_samples, max_missing=max_missing, consecutive_errors=consecutive_errors)
        for text in guardrail or ("error_pct:0.1:1",)
    )
    request = PublishRequest(
        run_dir=run_dir,
        profile=profile,
        run_keys=signed_by or sorted(keys_folder().glob("*.pub")),
        out=out,
        version=version,
        sequence=sequence,
        nodes=tuple(nodes or ("*",)),
        rollout=_rollout(mode, canary_nodes or [], window, rails),
        expires_days=expires_days,
        is_bound_to_stack=not any_stack,
        allow_again=allow_again,
    )
    done = do_publish(
        request,
        gate=load_signer(key, passphrase=None),
        desired=load_signer(desired_key, passphrase=None),
        clock=SystemClock(),
    )
    if json:
        print_json(
            {
                "release_sha256": done.release_sha256,
                "sequence": done.sequence,
                "release_folder": str(done.release_folder),
                "desired": str(done.desired),
                "device_class": done.device_class,
            }
        )
        return
    say(f"published {done.release_sha256[:12]}, sequence {done.sequence}, for {done.device_class}")
    say(f"  release        {done.release_folder}")
    say(f"  desired state  {done.desired}")
    next_steps(f"hilrig node agent --store DIR --desired {done.desired}")


def _rollout(mode: str, canary_nodes: list[str], window: str, rails: "tuple[Guardrail, ...]") -> "Rollout":
    from hilrig.attest.desired_state import Rollout, RolloutMode

    try:
        chosen = RolloutMode(mode)
    except ValueError:
        known = ", ".join(one.value for one in RolloutMode)
        raise typer.BadParameter(f"'{mode}' is none of {known}", param_hint="--mode") from None
    window_s = options.parse_duration(window)
    return Rollout(mode=chosen, canary_nodes=tuple(canary_nodes), window_s=window_s, guardrails=rails)


def _guardrail(text: str, *, min_samples: int, max_missing: int, consecutive_errors: int) -> "Guardrail":
    from hilrig.attest.desired_state import Guardrail, GuardrailMetric

    parts = text.split(":")
    try:
        if len(parts) != PARTS_OF_A_GUARDRAIL:
            raise ValueError("it does not have three parts")  # noqa: TRY301 - one message for every fault
        metric, success_max, failure_min = GuardrailMetric(parts[0]), float(parts[1]), float(parts[2])
    except ValueError as error:
        known = ", ".join(one.value for one in GuardrailMetric)
        raise typer.BadParameter(
            f"'{text}' is not METRIC:GOOD:BAD, as in p95_ms:30:45; METRIC is one of {known}",
            param_hint="--guardrail",
        ) from error
    return Guardrail(
        metric=metric,
        success_max=success_max,
        failure_min=failure_min,
        min_samples=min_samples,
        max_missing=max_missing,
        consecutive_errors=consecutive_errors,
    )


def _token(path: Path | None) -> str:
    from hilrig.attest.keys import read_passphrase

    return (read_passphrase(path, None) or b"").decode()
