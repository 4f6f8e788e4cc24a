"""Commands over what a run left: verify, recover, judge."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, print_json, say, word
from hilrig.cli.verdict_output import result_json, show_result
from hilrig.core.errors import UsageError
from hilrig.core.exits import ExitCode

if TYPE_CHECKING:
    from hilrig.app.finished.verify import Verified


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command()(verify)
    app.command()(recover)
    app.command()(judge)


def verify(
    run_dir: options.RunDirectory,
    *,
    key: Annotated[
        list[Path] | None,
        typer.Option(help="A public key that is trusted; may be given again. [default: this user's own keys]"),
    ] = None,
    trust: options.Trust = None,
    json: options.Json = False,
) -> None:
    """Verify a run directory: signatures, the digest of every file, every number from the evidence.

    Exits like the verdict (0 PASS, 10 FAIL, 11 INCONCLUSIVE, 12 aborted) when all holds, else with 30: a valid
    signature over a FAIL is a FAIL. With --trust also 32: the key or the trust root is over, 33: the key may not
    sign for the run's device class.
    """
    found = _verified(run_dir, key or [], trust)
    result = found.result
    if json:
        print_json(
            {
                "verified": found.ok,
                "findings": [finding.sentence for finding in found.findings],
                "key_fingerprint": found.key_fingerprint,
                "status": result.judgement.status.value if found.ok and result else None,
                "exit_code": result.exit_code if found.ok and result else int(ExitCode.TRUST),
            }
        )
    if not found.ok or result is None:
        say(f"NOT VERIFIED  {run_dir}")
        for finding in found.findings:
            say(f"  {finding.sentence}")
            if finding.hint:
                say(f"    next: {finding.hint}")
        raise typer.Exit(ExitCode.TRUST)
    say(f"verified  {run_dir}")
    say(f"  signed by {found.key_fingerprint}")
    say(f"  {found.n_files} files as they were signed; every number recomputed from the evidence")
    say(f"{word(result.judgement.status.value)}  {result.judgement.sentence}")
    raise typer.Exit(result.exit_code)


def _verified(run_dir: Path, keys: list[Path], trust: Path | None) -> "Verified":
    from hilrig.app.finished.verify import verify as do_verify
    from hilrig.app.finished.verify import verify_by_root
    from hilrig.app.folders import keys_folder
    from hilrig.app.trust.trust import load_trust

    if trust is None:
        return do_verify(run_dir, keys=keys or sorted(keys_folder().glob("*.pub")))
    if keys:
        raise UsageError("--key and --trust were given", hint="give one of the two")
    return verify_by_root(run_dir, load_trust(trust, now_ns=time.time_ns()))


def recover(
    run_dir: options.RunDirectory,
    *,
    key: options.Key = None,
    passphrase_file: options.PassphraseFile = None,
    passphrase_fd: options.PassphraseFd = None,
    json: options.Json = False,
) -> None:
    """Rescue a run whose machine or process died: say exactly what was lost, judge and sign what was kept."""
    from hilrig.app.finished.recover import recover as do_recover
    from hilrig.attest.keys import load_signer, read_passphrase
    from hilrig.core.clock import SystemClock

    signer = load_signer(key or options.default_key(), passphrase=read_passphrase(passphrase_file, passphrase_fd))
    done = do_recover(run_dir, signer, clock=SystemClock())
    if json:
        print_json(
            {
                "run_dir": str(run_dir),
                "recovered": done.recovery.sentence,
                "status": done.result.judgement.status.value,
                "sentence": done.result.judgement.sentence,
                "exit_code": done.result.exit_code,
            }
        )
    say(f"recovered  {run_dir}")
    say(f"  {done.recovery.sentence}")
    say(f"{word(done.result.judgement.status.value)}  {done.result.judgement.sentence}")
    next_steps(f"hilrig verify {run_dir}")
    raise typer.Exit(done.result.exit_code)


def judge(  # noqa: PLR0913 - the command's options
    run_dir: options.RunDirectory,
    *,
    profile: Annotated[
        Path,
        typer.Option(help="A profile's folder, or its profile.yaml: it gives the limits.", show_default=False),
    ],
    reports: options.Reports = Path("reports"),
    signed_by: Annotated[
        list[Path] | None,
        typer.Option(
            help="A public key that may have signed the run; may be given again. [default: this user's own keys]"
        ),
    ] = None,
    key: options.Key = None,
    passphrase_file: options.PassphraseFile = None,
    passphrase_fd: options.PassphraseFd = None,
    json: options.Json = False,
) -> None:
    """Judge a run's evidence by another profile, without a rig: a new run directory with its own signature.

    The profile may differ from the run's in what is judged, never in what was measured. Exits like `hilrig run`.
    """
    from hilrig.app.folders import keys_folder
    from hilrig.app.judge import judge_again
    from hilrig.attest.keys import load_signer, read_passphrase
    from hilrig.core.clock import SystemClock

    signer = load_signer(key or options.default_key(), passphrase=read_passphrase(passphrase_file, passphrase_fd))
    done = judge_again(
        run_dir,
        profile,
        reports=options.absolute(reports),
        signer=signer,
        keys=signed_by or sorted(keys_folder().glob("*.pub")),
        clock=SystemClock(),
    )
    if json:
        print_json({**result_json(done.run_dir, done.result), "judged_from": asdict(done.source)})
    say(done.sentence)
    show_result(done.run_dir, done.result)
    raise typer.Exit(done.result.exit_code)
