"""One run on this machine: preflight, lease, run, verdict. It says what it reaches as JSON lines."""

import shutil
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from securesystemslib.signer import Signer

from hilrig.app.finished.baseline import resolve_baseline
from hilrig.app.finished.companions import beside_companions, note_start, note_stop
from hilrig.app.finished.conclude import conclude
from hilrig.app.finished.unchanged import Written, refuse_changed_events, refuse_other_journals
from hilrig.app.folders import keys_folder, lease_folder, make_reports_folder
from hilrig.app.power_loss.run import cut_before_run
from hilrig.app.run.ending import Stop
from hilrig.app.run.request import RunRequest, new_run_id
from hilrig.app.run.said import say
from hilrig.app.soak.plan import as_requested, build_plan
from hilrig.app.soak.preflight import Ready, load_rig_in_place, needed_bytes, preflight
from hilrig.app.soak.self_test import floor_plan_of, measure_floor
from hilrig.attest.keys import load_signer, read_passphrase
from hilrig.config.noun_json import to_json
from hilrig.config.plan_file import dump_plan
from hilrig.core import files
from hilrig.core.baseline import Baseline
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import Clock
from hilrig.core.errors import HilrigError, PreconditionError, RecordError, RigLostError, RunAbortedError
from hilrig.core.frame import PoolFrame
from hilrig.core.run import Ended, RunPlan
from hilrig.core.units import NS_PER_S, bytes_to_mib
from hilrig.record.finish import finish
from hilrig.record.heartbeat import read_status, write_status
from hilrig.record.loss import Loss
from hilrig.record.run_directory import create, release_reserve
from hilrig.record.utc import utc_text
from hilrig.record.writer import RunWriter
from hilrig.rig.lease import RigLease
from hilrig.run.supervisor import Job, Supervisor
from hilrig.verdict.certain import CertainFailure

LOG_NAME: Final = "run.log"


def soak(request: RunRequest, *, stop: Stop, clock: Clock) -> None:
    """Do one run from its request to its signed report.

    Raises:
        HilrigError: it could not start, or its evidence could not be written.
    """
    rig = load_rig_in_place(request.rig_file)
    run_id = request.run_id or new_run_id()
    with RigLease(lease_folder(), run_id=run_id):
        ready = as_requested(preflight(request.profile, rig), request)
        signer = load_signer(
            request.key, passphrase=read_passphrase(request.passphrase_file, request.passphrase_fd)
        )
        at_utc = utc_text(clock.triple().realtime_ns)
        plan = build_plan(ready, request, run_id=run_id, created_at_utc=at_utc)
        baseline = resolve_baseline(request, plan, ready.rig_info, keys=sorted(keys_folder().glob("*.pub")))
        refuse_small_disk(plan, request.reports)
        make_reports_folder(request.reports)
        run_dir = create(request.reports, profile_name=plan.profile_name, run_id=run_id, started_at_utc=at_utc)
        run_in(run_dir, ready, plan, signer, baseline=baseline, stop=stop, clock=clock)


def run_in(
    run_dir: Path,
    ready: Ready,
    plan: RunPlan,
    signer: Signer,
    *,
    baseline: Baseline | None,
    stop: Stop,
    clock: Clock,
) -> None:
    """Do a planned run in its new directory; a run that offered no frame leaves none behind."""
    stop.watch(run_dir)
    with last_words(run_dir / LOG_NAME):
        try:
            written = write_configuration(run_dir, ready, plan, baseline)
            to_its_end(written, ready, plan, signer, stop=stop, clock=clock)
        except PreconditionError:
            shutil.rmtree(run_dir)
            raise
        except RunAbortedError as error:
            shutil.rmtree(run_dir)
            raise stopped_early(stop, error) from error
        except OSError as error:
            raise RecordError(
                f"{run_dir} cannot be written: {error.strerror}",
                hint=f"make room or choose another folder with --reports; what is there: hilrig recover {run_dir}",
            ) from error


def to_its_end(written: Written, ready: Ready, plan: RunPlan, signer: Signer, *, stop: Stop, clock: Clock) -> None:
    """Test the instrument, run the plan, judge and sign what came of it."""
    run_dir = written.run_dir
    status = {**told_of(plan, ready), "run_id": plan.run_id, "phase": "self-test"}
    folder = Path(ready.profile.folder)
    cutting = Heart(run_dir, {**status, "phase": "power-loss test"}, clock=clock, stop=stop)
    heart = Heart(run_dir, status, clock=clock, stop=stop)
    heart.beat()
    say("started", run_dir=str(run_dir), run_id=plan.run_id)
    cut_before_run(run_dir, plan, folder=folder, live=cutting, clock=clock)
    nothing = floor_plan_of(plan, ready.feed_info)
    floor = measure_floor(nothing, ready.feed_info, clock=clock, stop=heart, log_path=run_dir / LOG_NAME)
    written.write(files.FLOOR, to_json(floor))
    alone = Heart(run_dir, {**status, "phase": "companions alone"}, clock=clock, stop=stop)
    with beside_companions(run_dir, plan, profile_folder=Path(ready.profile.folder), stop=alone):
        measure(written, ready, plan, stop=stop, clock=clock)
    release_reserve(run_dir)
    write_status(run_dir, {**(read_status(run_dir) or {}), "phase": "judging"}, clock=clock)
    refuse_losses(run_dir, finish(run_dir))
    result = conclude(run_dir, signer, feed_folder=Path(ready.profile.folder))
    say("finished", exit_code=result.exit_code)


def refuse_losses(run_dir: Path, losses: Sequence[Loss]) -> None:
    """Refuse to judge a run that came to its end, and whose journals are not whole: somebody was at them.

    Raises:
        RecordError: something is lost; a recovery says what, and judges what is left.
    """
    for loss in losses:
        if not loss.is_none:
            raise RecordError(
                f"the record in {run_dir} is not what the run wrote: {loss.why}", hint=f"hilrig recover {run_dir}"
            )


def stopped_early(stop: Stop, error: RunAbortedError) -> HilrigError:
    """Return what to raise for a run that was stopped before its first frame."""
    ended, words = stop.told()
    if ended is not Ended.LEASE_LOST:
        return error
    return RigLostError(f"{words}; no frame was offered", hint="reserve the rig, then run again")


@contextmanager
def last_words(log_path: Path) -> Iterator[None]:
    """Write what ends the body before its verdict where people look: nobody may be there to read stderr."""
    try:
        yield
    except Exception:
        if log_path.parent.is_dir():
            with log_path.open("a") as log:
                traceback.print_exc(file=log)
        raise


class Heart:
    """Asked again and again whether to stop, shows a sign of life once a second.

    Args:
        run_dir: where status.json is.
        status: what it says.
        clock: of its stamp.
        stop: answers the question.
    """

    def __init__(
        self, run_dir: Path, status: Mapping[str, Any], *, clock: Clock, stop: Callable[[], bool]
    ) -> None:
        self._run_dir, self._status, self._clock, self._stop = run_dir, status, clock, stop
        self._due_ns = 0

    def __call__(self) -> bool:
        """Return whether the run is to end."""
        if self._clock.monotonic_ns() >= self._due_ns:
            self.beat()
        return self._stop()

    def tell(self, **fields: Any) -> None:
        """Change what the sign of life says."""
        self._status = {**self._status, **fields}
        self()

    def beat(self) -> None:
        """Show a sign of life now.

        Raises:
            OSError: the disk is full.
        """
        write_status(self._run_dir, self._status, clock=self._clock)
        self._due_ns = self._clock.monotonic_ns() + NS_PER_S


def told_of(plan: RunPlan, ready: Ready) -> dict[str, Any]:
    """Return what the live status says besides the numbers of the run."""
    needed = needed_bytes(plan.n_frames, plan.n_frames * plan.period_ns / NS_PER_S)
    return {"warnings": list(ready.warnings), "disk_needed_mib": round(bytes_to_mib(needed), 1)}


def write_configuration(run_dir: Path, ready: Ready, plan: RunPlan, baseline: Baseline | None) -> Written:
    """Write what was asked, resolved, on what it will run, and the run that it will be shown beside.

    Raises:
        PreconditionError: the profile changed since it was checked.
        OSError: the disk is full.
    """
    written = Written(run_dir)
    written.write(files.PROFILE, profile_text(ready))
    written.write(files.PLAN, dump_plan(plan))
    written.write(files.RIG, to_json(ready.rig_info))
    if ready.accelerator is not None:
        written.write(files.ACCELERATOR, to_json(ready.accelerator))
    if baseline is not None:
        written.write(files.BASELINE, to_json(baseline))
    return written


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


def measure(written: Written, ready: Ready, plan: RunPlan, *, stop: Stop, clock: Clock) -> None:
    """Run the plan; when this returns, the evidence is on disk.

    Raises:
        TrustError: somebody changed the events meanwhile.
    """
    run_dir = written.run_dir

    def keep_frames(frames: Sequence[Mapping[str, Any]]) -> None:
        pool = tuple(PoolFrame(sha256=item["sha256"], labels=_labels(item["labels"])) for item in frames)
        written.write(files.FEED, to_json(pool))
        writer.event("pool_written", written.noted(), clock.monotonic_ns())

    job = Job(
        plan=plan,
        run_folder=run_dir,
        profile_folder=Path(ready.profile.folder),
        feed_info=ready.feed_info,
        log_path=run_dir / LOG_NAME,
        told=told_of(plan, ready),
    )
    with closing(RunWriter(run_dir, clock=clock)) as writer:
        created = {"boot_id": ready.rig_info.boot_id, **written.noted()}
        writer.event("run_created", created, clock.monotonic_ns())
        note_start(writer, plan, clock=clock)
        Supervisor(
            job,
            writer=writer,
            clock=clock,
            stop_requested=stop,
            on_frames=keep_frames,
            failure=CertainFailure(plan),
            stopped_as=stop.told,
        ).run()
        note_stop(writer, run_dir, plan, clock=clock)
    refuse_changed_events(run_dir, writer.events_sha256)
    refuse_other_journals(run_dir, writer.journal_chains)


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


def _labels(labels: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if labels is None else tuple(labels)
