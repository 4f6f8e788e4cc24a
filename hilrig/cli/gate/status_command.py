"""`hilrig gate status`: may this model run on this device class?"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilrig.cli import options
from hilrig.cli.output import note, print_json, say

if TYPE_CHECKING:
    from hilrig.app.gate.asked_model import AskedModel
    from hilrig.app.gate.status import GateAnswer

SHA256 = re.compile(r"[0-9a-f]{64}")
WORDS = {0: "PASSED", 10: "FAILED", 30: "UNTRUSTED", 31: "NONE", 32: "EXPIRED", 33: "OTHER"}
"""The first word on the line, by the exit code."""

Model = Annotated[
    str,
    typer.Option(
        metavar="FILE|SHA256", help="The model's file, its sha256, or the bundle_sha256.", show_default=False
    ),
]
DeviceClass = Annotated[str, typer.Option(help="Of the machine that it is to run on.", show_default=False)]
Stack = Annotated[
    str | None,
    typer.Option(metavar="SHA256", help="That machine's software stack. [default: any]", show_default=False),
]
Decisions = Annotated[Path, typer.Option(help="The folder that release folders are in.")]
GateKey = Annotated[
    list[Path] | None,
    typer.Option(help="A public key of the gate; may be given again. [default: this user's `gate`]"),
]
Trust = Annotated[
    Path | None,
    typer.Option(metavar="TRUST.JSON", help="The trust root, for its gate keys.", show_default=False),
]


def status(
    *,
    model: Model,
    device_class: DeviceClass,
    stack: Stack = None,
    decisions: Decisions = Path(),
    gate_key: GateKey = None,
    trust: Trust = None,
    json: options.Json = False,
) -> None:
    """Say whether the gate passed a model for a device class, and whether that holds now.

    The newest decision counts; at one sequence a refusal. Exit code: 0 passed, 10 refused or revoked, 30 signed by
    nobody that is trusted, 31 no decision, 32 over, 33 for another class or stack.
    """
    import time

    from hilrig.app.gate.asked_model import asked_model
    from hilrig.app.gate.keys import gate_trust
    from hilrig.app.gate.status import AskingDevice, gate_status

    asked, now_ns = asked_model(model), time.time_ns()
    answer = gate_status(
        asked,
        AskingDevice(device_class=device_class, stack_sha256=_digest(stack)),
        decisions=decisions,
        trusted=gate_trust(gate_key or [], trust=trust, now_ns=now_ns),
        now_ns=now_ns,
    )
    _show(answer, asked, device_class, json=json)
    raise typer.Exit(answer.exit_code)


def _digest(stack: str | None) -> str | None:
    if stack is not None and not SHA256.fullmatch(stack.lower()):
        raise typer.BadParameter(f"'{stack[:80]}' is no sha256 in hex", param_hint="--stack")
    return None if stack is None else stack.lower()


def _show(answer: "GateAnswer", asked: "AskedModel", device_class: str, *, json: bool) -> None:
    word = WORDS[answer.exit_code]
    if json:
        print_json(
            {
                "status": word,
                "exit_code": int(answer.exit_code),
                "model_sha256": asked.sha256,
                "device_class": device_class,
                "sentence": answer.sentence,
                "hint": answer.hint,
                "decision": _decision_json(answer),
            }
        )
        return
    sequence = answer.found.decision.sequence if answer.found else "-"
    say(f"{word} {asked.sha256[:12]} {device_class} {sequence} {answer.sentence}")
    if answer.hint:
        note(f"next: {answer.hint}")


def _decision_json(answer: "GateAnswer") -> dict[str, Any] | None:
    if answer.found is None:
        return None
    decision = answer.found.decision
    return {
        "file": str(answer.found.path),
        "key_fingerprint": answer.found.key_fingerprint,
        "release_sha256": decision.release_sha256,
        "manifest_sha256": decision.manifest_sha256,
        "bundle_sha256": decision.bundle_sha256,
        "device_class": decision.device_class,
        "stack_sha256": decision.stack_sha256,
        "sequence": decision.sequence,
        "decided_at_utc": decision.decided_at_utc,
        "expires_at_utc": decision.expires_at_utc,
    }
