"""One run in a process of its own: preflight, lease, run, verdict. It prints what it reaches as JSON lines."""

import ctypes
import json
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any, Final

from securesystemslib.signer import Signer

from hilrig.app.conclude import conclude
from hilrig.app.folders import lease_folder
from hilrig.app.plan import as_requested, build_plan, new_run_id
from hilrig.app.preflight import Ready, load_rig_or_local, needed_bytes, preflight
from hilrig.app.request import RunRequest
from hilrig.app.self_test import floor_plan_of, measure_floor
from hilrig.attest.keys import load_signer, read_passphrase
from hilrig.config.noun_json import from_json, to_json
from hilrig.config.plan_file import dump_plan
from hilrig.core import files
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import Clock, SystemClock
from hilrig.core.errors import ConfigError, HilrigError, PreconditionError, RecordError, RunAbortedError
from hilrig.core.frame import PoolFrame
from hilrig.core.run import RunPlan
from hilrig.core.units import bytes_to_mib
from hilrig.record.finish import finish
from hilrig.record.run_directory import create, release_reserve, write_atomic
from hilrig.record.utc import utc_text
from hilrig.record.writer import RunWriter
from hilrig.rig.lease import RigLease
from hilrig.run.supervisor import Job, Supervisor
from hilrig.verdict.certain import CertainFailure

LOG_NAME: Final = "run.log"
PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


class Stop:
    """Whether somebody asked for the end of the run: set by a signal, read at every poll."""

    def __init__(self) -> None:
        self.requested = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._request)

    def __call__(self) -> bool:
        """Return whether the run is to end."""
        return self.requested

    def _request(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's form
        self.requested = True


def main() -> None:
    """Run as the process that `hilrig run` starts; its first argument is the request as JSON."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    stop = Stop()
    try:
        request = from_json(RunRequest, sys.argv[1].encode(), what="the request")
        soak(request, stop=stop, clock=SystemClock())
    except HilrigError as error:
        say("error", **describe_error(error))
        sys.exit(error.exit_code)


def soak(request: RunRequest, *, stop: Stop, clock: Clock) -> None:
    """Do one run from its request to its signed report.

    Raises:
        HilrigError: it could not start, or its evidence could not be written.
    """
    rig = load_rig_or_local(request.rig_file)
    run_id = new_run_id()
    with RigLease(lease_folder(), run_id=run_id):
        ready = as_requested(preflight(request.profile, rig), request)
        signer = load_signer(
            request.key, passphrase=read_passphrase(request.passphrase_file, request.passphrase_fd)
        )
        at_utc = utc_text(clock.triple().realtime_ns)
        plan = build_plan(ready, request, run_id=run_id, created_at_utc=at_utc)
        refuse_small_disk(plan, request.reports)
        make_reports_folder(request.reports)
        run_dir = create(request.reports, profile_name=plan.profile_name, run_id=run_id, started_at_utc=at_utc)
        run_in(run_dir, ready, plan, signer, stop=stop, clock=clock)


def run_in(run_dir: Path, ready: Ready, plan: RunPlan, signer: Signer, *, stop: Stop, clock: Clock) -> None:
    """Do a planned run in its new directory; a run that offered no frame leaves none behind."""
    say("started", run_dir=str(run_dir), run_id=plan.run_id, warnings=list(ready.warnings))
    try:
        write_atomic(run_dir / files.PROFILE, profile_text(ready))
        write_atomic(run_dir / files.PLAN, dump_plan(plan))
        write_atomic(run_dir / files.RIG, to_json(ready.rig_info))
        if ready.accelerator is not None:
            write_atomic(run_dir / files.ACCELERATOR, to_json(ready.accelerator))
        say("self_test", seconds=plan.self_test_s)
        nothing = floor_plan_of(plan, ready.feed_info)
        floor = measure_floor(nothing, ready.feed_info, clock=clock, stop=stop, log_path=run_dir / LOG_NAME)
        write_atomic(run_dir / files.FLOOR, to_json(floor))
        say("measuring")
        measure(run_dir, ready, plan, stop=stop, clock=clock)
        release_reserve(run_dir)
        say("judging")
        finish(run_dir)
        result = conclude(run_dir, signer)
        say("finished", exit_code=result.exit_code)
    except (PreconditionError, RunAbortedError):
        shutil.rmtree(run_dir)
        raise
    except OSError as error:
        raise RecordError(
            f"{run_dir} cannot be written: {error.strerror}",
            hint=f"make room or choose another folder with --reports; what is there: hilrig recover {run_dir}",
        ) from error


def profile_text(ready: Ready) -> bytes:
    """Return the profile's bytes as they were checked.

    Raises:
        PreconditionError: somebody changed the file since.
    """
    path = Path(ready.profile.folder) / files.PROFILE
    text = path.read_bytes()
    if sha256_hex(text) != ready.profile.sha256:
        raise PreconditionError(f"{path} changed between the check and the run", hint="start the run again")
    return text


def measure(run_dir: Path, ready: Ready, plan: RunPlan, *, stop: Stop, clock: Clock) -> None:
    """Run the plan; when this returns, the evidence is on disk."""

    def keep_frames(frames: Sequence[Mapping[str, Any]]) -> None:
        pool = tuple(PoolFrame(sha256=item["sha256"], labels=_labels(item["labels"])) for item in frames)
        write_atomic(run_dir / files.FEED, to_json(pool))

    job = Job(
        plan=plan,
        plan_path=run_dir / files.PLAN,
        profile_folder=Path(ready.profile.folder),
        feed_info=ready.feed_info,
        log_path=run_dir / LOG_NAME,
    )
    with closing(RunWriter(run_dir, clock=clock)) as writer:
        writer.event("run_created", {"boot_id": ready.rig_info.boot_id}, clock.monotonic_ns())
        Supervisor(
            job,
            writer=writer,
            clock=clock,
            stop_requested=stop,
            on_frames=keep_frames,
            failure=CertainFailure(plan) if plan.stop_when_failed else None,
        ).run()


def refuse_small_disk(plan: RunPlan, reports: Path) -> None:
    """Refuse a run whose evidence will not fit.

    Raises:
        PreconditionError: there is too little room.
    """
    folder = next(folder for folder in (reports, *reports.absolute().parents) if folder.is_dir())
    needed = needed_bytes(plan.n_frames, plan.n_frames * plan.period_ns / 1e9)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise PreconditionError(
            f"{folder} has {bytes_to_mib(free):.0f} MiB free, this run needs about {bytes_to_mib(needed):.0f} MiB",
            hint="make room, or choose another folder with --reports",
        )


def make_reports_folder(reports: Path) -> None:
    """Make the folder of run directories when it is missing.

    Raises:
        PreconditionError: it cannot be made.
    """
    try:
        reports.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PreconditionError(
            f"the reports folder {reports} cannot be made: {error.strerror}",
            hint="choose another folder with --reports",
        ) from error


def say(kind: str, **detail: Any) -> None:
    """Tell the process that shows this run what it has reached."""
    print(json.dumps({"kind": kind, **detail}), flush=True)  # noqa: T201 - stdout is the channel to the parent


def describe_error(error: HilrigError) -> dict[str, Any]:
    """Return an error as JSON, so that the other process can raise the same."""
    described: dict[str, Any] = {"type": type(error).__name__, "message": error.message, "hint": error.hint}
    if isinstance(error, ConfigError):
        described["problems"] = [asdict(problem) for problem in error.problems]
    return described


def _labels(labels: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if labels is None else tuple(labels)


if __name__ == "__main__":
    main()
