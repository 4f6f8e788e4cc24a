"""`hilrig node publish`: from a release that the gate passed to what nodes can be given."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, print_json, say

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

    from hilrig.app.gate.publish import Published
    from hilrig.attest.desired_state import Guardrail, Rollout

PARTS_OF_A_GUARDRAIL = 3

Release = Annotated[
    Path, typer.Argument(help="The release folder that the gate passed.", metavar="RELEASE", show_default=False)
]
DeviceClass = Annotated[str, typer.Option(help="Of the nodes; the gate's decision is for it.", show_default=False)]
DesiredKey = Annotated[Path, typer.Option(help="The private key of desired states.", show_default=False)]
DesiredPassphraseFile = Annotated[
    Path | None, typer.Option(help="A file (mode 0600) with the passphrase of --desired-key.", show_default=False)
]
Out = Annotated[
    Path, typer.Option(help="Where it goes: a folder that nodes or a web server read.", show_default=False)
]
GateKey = Annotated[
    list[Path] | None,
    typer.Option(help="A public key of the gate; may be given again. [default: this user's `gate`]"),
]
Trust = Annotated[
    Path | None, typer.Option(metavar="TRUST.JSON", help="The trust root, for its gate keys.", show_default=False)
]
Nodes = Annotated[list[str] | None, typer.Option(help="A node's id; may be given again. [default: all]")]
Mode = Annotated[str, typer.Option(metavar="canary|blue_green|shadow", help="How it is brought out.")]
CanaryNodes = Annotated[list[str] | None, typer.Option(help="A node that goes first; may be given again.")]
Window = Annotated[str, typer.Option(help="How long it is on trial, as in 10m.")]
Guardrails = Annotated[
    list[str] | None,
    typer.Option(
        metavar="METRIC:GOOD:BAD",
        help="Proven good at GOOD or below, bad at BAD or above. [default: error_pct:0.1:1]",
    ),
]
MinSamples = Annotated[int, typer.Option(min=1, help="Requests without which nothing is proven.")]
MaxMissing = Annotated[int, typer.Option(min=0, help="Of about 20 readings those that may tell nothing.")]
ConsecutiveErrors = Annotated[int, typer.Option(min=1, help="Such readings in a row that end the trial.")]
Sequence = Annotated[int | None, typer.Option(min=1, help="[default: the seconds since 1970]")]
ExpiresDays = Annotated[float, typer.Option(min=0.0001, help="How long the desired state holds.")]
AllowAgain = Annotated[bool, typer.Option("--allow-again", help="Also for nodes that rolled this release back.")]


def publish(  # noqa: PLR0913 - the command's options
    release: Release,
    *,
    device_class: DeviceClass,
    desired_key: DesiredKey,
    out: Out,
    gate_key: GateKey = None,
    trust: Trust = None,
    desired_passphrase_file: DesiredPassphraseFile = None,
    nodes: Nodes = None,
    mode: Mode = "blue_green",
    canary_nodes: CanaryNodes = None,
    window: Window = "10m",
    guardrail: Guardrails = None,
    min_samples: MinSamples = 300,
    max_missing: MaxMissing = 5,
    consecutive_errors: ConsecutiveErrors = 4,
    sequence: Sequence = None,
    expires_days: ExpiresDays = 90.0,
    allow_again: AllowAgain = False,
    json: options.Json = False,
) -> None:
    """Publish a release that the gate passed: with its decision, and a desired state for nodes.

    Needs no key of the gate. Refused with 10, 30, 31, 32 or 33, as hilrig gate status would say it.
    """
    from hilrig.app.gate.keys import gate_trust
    from hilrig.app.gate.publish import PublishRequest
    from hilrig.app.gate.publish import publish as do_publish
    from hilrig.core.clock import SystemClock

    rails = tuple(
        _guardrail(text, min_samples=min_samples, max_missing=max_missing, consecutive_errors=consecutive_errors)
        for text in guardrail or ("error_pct:0.1:1",)
    )
    clock = SystemClock()
    request = PublishRequest(
        release=release,
        device_class=device_class,
        gate=gate_trust(gate_key or [], trust=trust, now_ns=clock.triple().realtime_ns),
        out=out,
        sequence=sequence,
        nodes=tuple(nodes or ("*",)),
        rollout=_rollout(mode, canary_nodes or [], window, rails),
        expires_days=expires_days,
        allow_again=allow_again,
    )
    done = do_publish(request, desired=_signer(desired_key, desired_passphrase_file), clock=clock)
    _show(done, json=json)


def _show(done: "Published", *, json: bool) -> None:
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


def _signer(key: Path, passphrase_file: Path | None) -> "Signer":
    from hilrig.attest.keys import load_signer, read_passphrase

    return load_signer(key, passphrase=read_passphrase(passphrase_file, None))


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
