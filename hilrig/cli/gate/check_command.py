"""`hilrig gate check`: the decision."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, note, print_json, say, word
from hilrig.core.errors import UsageError

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

    from hilrig.app.gate.check import Checked, Decided
    from hilrig.app.gate.trusted_signers import TrustedSigners
    from hilrig.core.gate import ItemOutcome

Release = Annotated[Path, typer.Argument(help="The folder that gate manifest wrote.", show_default=False)]
Evidence = Annotated[Path, typer.Option(help="The folder that its manifest was made from.", show_default=False)]
ProfileFolder = Annotated[
    Path | None,
    typer.Option("--profile", help="The profile's folder: git is asked there what it was built from."),
]
PolicyFile = Annotated[str, typer.Option("--policy", metavar="NAME|FILE", help="default, rehearsal, or a file.")]
RunKey = Annotated[
    list[Path] | None,
    typer.Option(
        help="A public key that may have signed a run; again for more. [default: own rig.pub, enrolled rigs]"
    ),
]
ApproverKey = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE.pub:ROLE", help="Whose approvals count, and as whom; again for more."),
]
DesiredKey = Annotated[
    list[Path] | None, typer.Option(help="A public key that may have signed a desired state; again for more.")
]
Previous = Annotated[Path | None, typer.Option(help="The folder of the release before.")]
PreviousPolicy = Annotated[
    str, typer.Option(metavar="NAME|FILE", help="The policy that the release before was decided under.")
]
Lock = Annotated[Path | None, typer.Option(help="The lock file, as for gate manifest.")]
GateKey = Annotated[
    Path | None,
    typer.Option(
        "--key",
        help="The gate's private key: a file, or hsm:ID?label=TOKEN. Without it nothing is signed.",
        show_default=False,
    ),
]
Classes = Annotated[
    list[str] | None,
    typer.Option("--device-class", help="A device class; again for more. [default: those with a run]"),
]
AnyStack = Annotated[
    bool, typer.Option("--any-stack", help="For nodes with other software than the runs' rigs, too.")
]
ExpiresDays = Annotated[
    float | None, typer.Option(min=0.0001, help="How long the decision holds. [default: as the policy says]")
]
Junit = Annotated[Path | None, typer.Option(help="Write a JUnit file for a CI system.", show_default=False)]


def check(  # noqa: PLR0913 - the command's options
    release: Release,
    *,
    evidence: Evidence,
    profile: ProfileFolder = None,
    policy: PolicyFile = "default",
    trust: options.Trust = None,
    run_key: RunKey = None,
    approver_key: ApproverKey = None,
    desired_key: DesiredKey = None,
    previous: Previous = None,
    previous_policy: PreviousPolicy = "",
    lock: Lock = None,
    key: GateKey = None,
    passphrase_file: options.PassphraseFile = None,
    passphrase_fd: options.PassphraseFd = None,
    device_class: Classes = None,
    any_stack: AnyStack = False,
    expires_days: ExpiresDays = None,
    junit: Junit = None,
    json: options.Json = False,
) -> None:
    """Decide whether a release may go to the line: every item of the policy, recomputed from the evidence.

    Written to RELEASE/decisions for each device class, a refusal as well. Exit code: 0 PASS, 10 FAIL, 11 only
    evidence is missing, 30 a signature or digest does not hold, 34 only approvals are missing.
    """
    from hilrig.app.gate.before import ReleaseBefore
    from hilrig.app.gate.check import GateRequest, check_release
    from hilrig.app.gate.facts import GateSubject
    from hilrig.core.clock import SystemClock

    if previous_policy and previous is None:
        raise UsageError("--previous-policy without --previous", hint="--previous RELEASE")
    request = GateRequest(
        subject=GateSubject(release=release, evidence=evidence, profile=profile, lock=lock),
        policy=policy,
        classes=tuple(dict.fromkeys(device_class or ())),
        before=None if previous is None else ReleaseBefore(folder=previous, policy=previous_policy),
        is_bound_to_stack=not any_stack,
        expires_days=expires_days,
    )
    done = check_release(
        request,
        signers(trust, run_key or [], approver_key or [], desired_key or []),
        gate=_gate(key, passphrase_file, passphrase_fd),
        clock=SystemClock(),
    )
    _for_ci(done, junit)
    if json:
        print_json(_json(done))
    else:
        _show(done, release, evidence)
    raise typer.Exit(done.exit_code)


def signers(
    trust: Path | None, run_keys: list[Path], approver_keys: list[str], desired_keys: list[Path]
) -> "TrustedSigners":
    """Return whose signatures count: those of a trust root, or of the keys that were named.

    Raises:
        UsageError: both were given.
        TrustError: a key or the trust root does not hold.
    """
    import time

    from hilrig.app.gate.trusted_signers import named_signers, signers_of_root
    from hilrig.app.trust.trust import load_trust
    from hilrig.cli.finished_options import rig_keys

    if trust is not None:
        if run_keys or approver_keys or desired_keys:
            raise UsageError("--trust and single keys were given", hint="the trust root names all of them")
        return signers_of_root(load_trust(trust, now_ns=time.time_ns()))
    return named_signers(runs=run_keys or rig_keys(), approvers=approver_keys, publishers=desired_keys)


def _gate(key: Path | None, passphrase_file: Path | None, passphrase_fd: int | None) -> "Signer | None":
    from hilrig.attest.keys import load_signer, read_passphrase

    if key is None:
        return None
    return load_signer(key, passphrase=read_passphrase(passphrase_file, passphrase_fd))


def _for_ci(done: "Checked", junit: Path | None) -> None:
    """Write what CI systems read; all of it is of the one outcome that the exit code is of."""
    from hilrig.report.gate_junit import render_gate_junit
    from hilrig.report.gate_markdown import gate_annotations, render_gate_summary

    name = f"{done.release.name} {done.release.version}"
    outcomes = [one.outcome for one in done.decided]
    if junit is not None:
        try:
            junit.write_bytes(render_gate_junit(name, outcomes))
        except OSError as error:
            raise UsageError(f"{junit} cannot be written: {error.strerror}", hint="--junit FILE") from error
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("ab") as file:
            file.write(render_gate_summary(name, outcomes))
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in gate_annotations(outcomes):
            note(line)


def _show(done: "Checked", release: Path, evidence: Path) -> None:
    for one in done.decided:
        _show_one(one)
    for device_class in done.undecided:
        say(f"{device_class}: not decided, no run was made on it")
    if done.exit_code == 0:
        signed = [one for one in done.decided if one.envelope]
        steps = [f"hilrig node publish {release} --device-class {one.outcome.device_class}" for one in signed]
        next_steps(*(steps or ["the same command with --key gate.pem signs it"]))
        return
    next_steps(*_next(done, release, evidence))


def _show_one(one: "Decided") -> None:
    outcome = one.outcome
    say(f"{outcome.device_class}: {outcome.sentence}")
    width = max(len(item.item_id) for item in outcome.items)
    for item in outcome.items:
        status = word(item.status.value, width=12)
        say(f"  {status} {item.item_id:<{width}}  {item.owner:<9} {_words(item)}".rstrip())
    for need in outcome.approvals:
        say(f"  {len(set(need.given_by))} of {need.n} approvals by the role {need.role} ({need.when.value})")
    say(f"  {one.envelope or one.document}{'' if one.envelope else ', not signed'}")


def _words(item: "ItemOutcome") -> str:
    from hilrig.report.gate_markdown import open_words

    return f"{open_words(item)}{f' (waived by {item.waived_by})' if item.waived_by else ''}"


def _next(done: "Checked", release: Path, evidence: Path) -> list[str]:
    from hilrig.core.exits import ExitCode

    if done.exit_code is ExitCode.APPROVAL_MISSING:
        roles = sorted({need.role for one in done.decided for need in one.outcome.approvals if not need.is_met})
        return [f"hilrig gate approve {release} --role {role} --reason TEXT --key KEY.pem" for role in roles]
    return [f"hilrig gate manifest PROFILE --evidence {evidence} --out {release}, when the evidence is there"]


def _json(done: "Checked") -> dict[str, Any]:
    return {
        "release": f"{done.release.name} {done.release.version}",
        "release_sha256": done.release_sha256,
        "exit_code": int(done.exit_code),
        "undecided": list(done.undecided),
        "decisions": [
            {
                "device_class": one.outcome.device_class,
                "passed": one.outcome.passed,
                "exit_code": int(one.exit_code),
                "sentence": one.outcome.sentence,
                "document": str(one.document),
                "envelope": str(one.envelope) if one.envelope else None,
                "items": [
                    {
                        "id": item.item_id,
                        "owner": item.owner,
                        "status": item.status.value,
                        "answers": [
                            {"check": name, "status": answer.status.value, "sentence": answer.sentence}
                            for name, answer in item.answers
                        ],
                        "waived_by": item.waived_by,
                    }
                    for item in one.outcome.items
                ],
                "approvals": [
                    {"when": need.when.value, "role": need.role, "n": need.n, "given_by": list(need.given_by)}
                    for need in one.outcome.approvals
                ],
            }
            for one in done.decided
        ],
    }
