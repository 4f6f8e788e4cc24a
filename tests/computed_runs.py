"""Runs that are computed instead of waited for, as `hilrig.app.run.run.run` leaves them behind."""

from dataclasses import replace

from builders import make_record
from hilrig.app.run.request import RunRequest
from hilrig.app.run.run import Finished
from hilrig.config.noun_json import to_json
from hilrig.config.plan_file import dump_plan
from hilrig.config.profile import load_profile
from hilrig.core import files
from hilrig.core.frame import FrameTable
from hilrig.core.run import RunPlan
from hilrig.verdict.judge import judge
from signed_runs import make_result


def leave_run(request: RunRequest, plan: RunPlan, frames: FrameTable) -> Finished:
    """Judge a record of these frames; write plan and result, as the next run of the request."""
    profile = load_profile(request.profile)
    judgement = judge(make_record(plan, frames=frames))
    n_before = len(list(request.reports.glob("*")))
    run_dir = request.reports / f"{n_before + 1:02d}-{profile.name}"
    run_dir.mkdir(parents=True)
    planned = replace(plan, profile_name=profile.name, profile_sha256=profile.sha256)
    (run_dir / files.PLAN).write_bytes(dump_plan(planned))
    (run_dir / files.RESULT).write_bytes(to_json(make_result(judgement)))
    (run_dir / files.VIEWS).write_bytes(b"signed elsewhere")
    return Finished(run_dir=run_dir, exit_code=int(judgement.status.exit_code))
