"""A run's verdict on the terminal, or as JSON: the same after a run as after a second judgement."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilrig.cli.output import next_steps, say, word
from hilrig.core.exits import ExitCode

if TYPE_CHECKING:
    from hilrig.core.result import Result


def read_result(run_dir: Path) -> "Result":
    """Return the result of a run directory that this process has just seen made.

    Raises:
        RecordError: somebody took it away since, or the disk does not answer.
    """
    from hilrig.config.noun_json import from_json
    from hilrig.core.errors import RecordError
    from hilrig.core.files import RESULT
    from hilrig.core.result import Result
    from hilrig.record.listing import RESULT_MAX_BYTES
    from hilrig.record.untrusted_file import read_untrusted

    data = read_untrusted(run_dir / RESULT, max_bytes=RESULT_MAX_BYTES)
    if data is None:
        raise RecordError(f"{run_dir / RESULT} is gone since it was written", hint="hilrig list")
    return from_json(Result, data, what=str(run_dir / RESULT))


def show_result(run_dir: Path, result: "Result") -> None:
    """Print a verdict, where its report is and what to type next."""
    show_checks(result)
    say(f"report      {shown_path(run_dir / 'report.html')}")
    shown = shown_path(run_dir)
    why = () if result.exit_code == ExitCode.OK else (f"hilrig triage {shown}",)
    next_steps(*why, f"hilrig verify {shown}")


def show_checks(result: "Result") -> None:
    """Print a verdict with its checks, and the self-checks that do not hold."""
    judgement = result.judgement
    say(f"{word(judgement.status.value)}  {result.profile_name} on {result.rig} ({result.device_class})")
    say(f"  {judgement.sentence}")
    say()
    for check in judgement.checks:
        say(f"  {word(check.status.value, width=13)} {check.sentence}")
    for self_check in judgement.self_checks:
        if not self_check.ok:
            say(f"  {word('INCONCLUSIVE', width=13)} {self_check.sentence} {self_check.advice}")
    for cause in judgement.causes:
        frames = "frame" if cause.n_frames == 1 else "frames"
        say(f"  {cause.n_frames} {frames} over the limit, {cause.cause.value.replace('_', ' ')}: {cause.evidence}")
    say()
    if judgement.floor is not None:
        floor = judgement.floor
        spread = f"{floor.latency_p50_us:.0f} us (p50), {floor.latency_p99_us:.0f} us (p99)"
        say(f"floor       a pipeline that does nothing takes {spread} here")


def result_json(run_dir: Path, result: "Result") -> dict[str, Any]:
    """Return a verdict as the one JSON object of a command."""
    judgement = result.judgement
    return {
        "run_dir": str(run_dir),
        "run_id": result.run_id,
        "status": judgement.status.value,
        "sentence": judgement.sentence,
        "exit_code": result.exit_code,
        "ended": result.ended,
        "checks": [
            {"check_id": check.check_id, "status": check.status.value, "sentence": check.sentence}
            for check in judgement.checks
        ],
        "self_checks_failed": [check.check_id for check in judgement.self_checks if not check.ok],
        "causes": {cause.cause.value: cause.n_frames for cause in judgement.causes},
    }


def shown_path(path: Path) -> Path:
    """Return a path as a person would type it here."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
