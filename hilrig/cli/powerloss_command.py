"""The command `powerloss`: which model runs after an update was cut at every point."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, note, print_json, say, word
from hilrig.cli.powerloss_options import Cuts, Depths, Keep, Out, Profile, Rig, Seed, Subject, Work
from hilrig.core.exits import ExitCode

if TYPE_CHECKING:
    from hilrig.core.power_loss import Depth, DepthResult, PowerLossResult, PowerLossSpec

LINE_PERIOD_S: Final = 5.0
SHOWN_BAD: Final = 5


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(powerloss)


def powerloss(  # noqa: PLR0913 - the command's options
    profile: Profile = None,
    *,
    depth: Depths = None,
    subject: Subject = None,
    seed: Seed = None,
    cuts: Cuts = None,
    rig: Rig = None,
    work: Work = None,
    keep: Keep = None,
    out: Out = None,
    json: options.Json = False,
) -> None:
    """Cut the power of an update at every point, and judge what the node would run.

    Stores that are wrong on purpose are cut in the same way first: a depth that does not catch every one of them
    is no evidence. Exit code 10 if a cut was not survived, 11 if a depth could not run or is no evidence.
    """
    from hilrig.app.power_loss.power_loss import FULL_KILLS, PowerLossRequest, run_power_loss
    from hilrig.config.noun_json import to_json
    from hilrig.core.clock import SystemClock
    from hilrig.record.utc import utc_text

    spec, folder = _spec(profile, depth, subject, seed=seed, cuts=cuts, rig=rig)
    result = run_power_loss(
        PowerLossRequest(spec=spec, folder=folder, n_kills=FULL_KILLS, work=work, keep=keep),
        started_at_utc=utc_text(SystemClock().triple().realtime_ns),
        progress=_lines(),
        should_stop=lambda: False,
        on_depth=_show_depth,
    )
    if out is not None:
        out.write_bytes(to_json(result))
    _conclude(result, keep, json=json)


def _spec(
    profile: Path | None,
    depths: list[str] | None,
    subject: Path | None,
    *,
    seed: int | None,
    cuts: int | None,
    rig: str | None,
) -> "tuple[PowerLossSpec, Path]":
    """Return what is to be tried, options before the profile, and where its subject file's path starts."""
    from dataclasses import replace

    from hilrig.core.power_loss import PowerLossSpec

    stated, folder = (PowerLossSpec(), Path.cwd()) if profile is None else _stated(profile)
    asked = replace(
        stated,
        depths=tuple(map(_depth, depths)) if depths else stated.depths,
        seed=stated.seed if seed is None else seed,
        n_cuts=stated.n_cuts if cuts is None else cuts,
        subject_file=stated.subject_file if subject is None else str(subject.absolute()),
        rig=stated.rig if rig is None else rig,
    )
    return asked, folder


def _stated(profile: Path) -> "tuple[PowerLossSpec, Path]":
    from hilrig.config.profile import load_profile
    from hilrig.core.power_loss import PowerLossSpec

    loaded = load_profile(profile)
    return loaded.power_loss or PowerLossSpec(), Path(loaded.folder)


def _depth(name: str) -> "Depth":
    from hilrig.core.power_loss import Depth

    known = [depth.value for depth in Depth]
    if name not in known:
        raise typer.BadParameter(f"no depth '{name}'; known: {', '.join(known)}")
    return Depth(name)


def _lines() -> Callable[[str, int, int], None]:
    """Return what shows progress: a line when the work changes, another every few seconds, with the time left."""
    current, began_s, next_s = "", 0.0, 0.0

    def show(what: str, n_done: int, n_all: int) -> None:
        nonlocal current, began_s, next_s
        now_s = time.monotonic()
        if what != current:
            current, began_s, next_s = what, now_s, now_s
        if now_s < next_s:
            return
        next_s = now_s + LINE_PERIOD_S
        left_s = (now_s - began_s) / n_done * (n_all - n_done) if n_done else 0.0
        note(f"{what}  {n_done} of {n_all}" + (f"  about {left_s:.0f} s left" if left_s >= 1 else ""))

    return show


def _show_depth(depth: "DepthResult") -> None:
    from hilrig.report.power_loss import calibration_words

    if not depth.ran:
        say(f"{depth.depth.words:<12} did not run: {depth.reason}")
        return
    counts = depth.counts
    say(
        f"{depth.depth.words:<12} {depth.n_states:,} cuts: {counts.get('last_known_good', 0):,} last known good, "
        f"{counts.get('new_complete', 0):,} new and complete, {depth.n_bad:,} not survived; "
        f"took {depth.took_s:.0f} s"
    )
    say(f"{'':<12} calibration, caught of cuts: {calibration_words(depth)}")
    for bad in depth.bad[:SHOWN_BAD]:
        say(f"{'':<12} {bad.step}, {bad.at}: {bad.recovery.words}" + (f" ({bad.detail})" if bad.detail else ""))


def _conclude(result: "PowerLossResult", keep: Path | None, *, json: bool) -> None:
    from hilrig.config.noun_json import to_json
    from hilrig.verdict.power_loss import measure_power_loss

    found = measure_power_loss(result, None)
    status, code = {
        1.0: ("PASS", ExitCode.OK),
        0.0: ("FAIL", ExitCode.FAIL),
        None: ("INCONCLUSIVE", ExitCode.INCONCLUSIVE),
    }[found.value]
    sentence = {
        1.0: f"{result.subject} came back after every cut ({found.evidence})",
        0.0: f"{result.subject} did not come back: {found.evidence}",
        None: f"nothing is proven about {result.subject}: {found.reason}",
    }[found.value]
    if json:
        import json as json_module

        print_json({**json_module.loads(to_json(result)), "status": status, "sentence": sentence})
    else:
        say(f"{word(status)}: {sentence}")
        _next(status, result, keep)
    raise typer.Exit(code)


def _next(status: str, result: "PowerLossResult", keep: Path | None) -> None:
    if status == "FAIL" and keep is None:
        next_steps(f"hilrig powerloss --seed {result.seed} --keep DIR   the same cuts, with the stores they left")
    elif status == "FAIL":
        next_steps(f"look into {keep}: each folder holds a store, and what.txt says which cut left it")
    elif status == "PASS":
        next_steps("recovery: {power_loss_test: required} in a profile makes it part of every run")
    else:
        next_steps("hilrig doctor tells which depths can run here")
