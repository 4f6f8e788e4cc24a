"""An old run's evidence held against other limits, without a rig.

The outcome has a directory and a signature of its own.
"""

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from securesystemslib.signer import Signer

from hilrig import __version__
from hilrig.app.finished.conclude import conclude, hash_files
from hilrig.app.finished.signed_result import SignedResult, read_signed_result
from hilrig.app.run.request import new_run_id
from hilrig.app.same_measurement import AskedProfile, read_asked, refuse_other_measurement
from hilrig.config.plan_file import PLAN_FORMAT_VERSION, dump_plan, load_plan
from hilrig.config.profile import parse_profile
from hilrig.core import files
from hilrig.core.clock import Clock
from hilrig.core.errors import RecordError, TrustError
from hilrig.core.judged_from import JudgedFrom
from hilrig.core.result import Result
from hilrig.record.run_directory import (
    create,
    create_file,
    release_reserve,
    sync_folder,
    write_atomic,
)
from hilrig.record.untrusted_file import open_untrusted
from hilrig.record.utc import utc_text


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedAgain:
    """A run judged against another profile: its new directory, where its evidence is from, the verdict."""

    run_dir: Path
    source: JudgedFrom
    result: Result

    @property
    def sentence(self) -> str:
        """Return for a person which run was judged by which profile."""
        return (
            f"judged again from run {self.source.run_id} with profile digest {self.result.profile_sha256} "
            f"(that run's was {self.source.profile_sha256})"
        )


def judge_again(
    run_dir: Path, profile: Path, *, reports: Path, signer: Signer, keys: Sequence[Path], clock: Clock
) -> JudgedAgain:
    """Judge a run's evidence by another profile, in a new run directory; `run_dir` stays as it is.

    The new directory holds a copy of the evidence and verifies like any other. Nothing is left when this fails.

    Args:
        run_dir: a finished run.
        profile: the folder or file of a profile that asks for the same measurement.
        reports: where the new directory is made.
        signer: signs the new result.
        keys: files of the public keys that the run may be signed with.
        clock: names the new directory.

    Raises:
        UsageError: there is no such profile, or it has mistakes.
        PreconditionError: the run is unfinished, or measured something else than the profile asks for.
        RecordError: it is no run directory, or the new one cannot be written.
        TrustError: the run is not signed by one of these keys, or its evidence is not what was signed.
    """
    source = read_signed_result(run_dir, keys)
    asked = read_asked(profile)
    try:
        reports.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".judging-", dir=reports) as work:
            run_id, now_utc = new_run_id(), utc_text(clock.triple().realtime_ns)
            new_dir = create(Path(work), profile_name=asked.profile.name, run_id=run_id, started_at_utc=now_utc)
            judged_from = _set_up(new_dir, source, asked, run_id=run_id)
            result = conclude(new_dir, signer)
            final_dir = new_dir.rename(reports / new_dir.name)
        sync_folder(reports)
    except OSError as error:
        raise RecordError(
            f"{reports} cannot be written: {error.strerror}", hint="make room, or another folder with --reports"
        ) from error
    return JudgedAgain(run_dir=final_dir, source=judged_from, result=result)


def _set_up(new_dir: Path, source: SignedResult, asked: AskedProfile, *, run_id: str) -> JudgedFrom:
    """Fill the new directory: the old evidence, the new profile, the plan that joins them."""
    _copy_evidence(source, new_dir)
    plan = load_plan((new_dir / files.PLAN).read_bytes())
    old_text = (new_dir / files.PROFILE).read_bytes()
    own = parse_profile(old_text, file=files.PROFILE, folder=str(source.run_dir))
    refuse_other_measurement(plan, own, asked)
    judged_from = JudgedFrom(
        run_id=plan.run_id, profile_sha256=plan.profile_sha256, result_sha256=source.result_sha256
    )
    new_plan = replace(
        plan,
        format_version=PLAN_FORMAT_VERSION,
        run_id=run_id,
        hilrig_version=__version__,
        profile_name=asked.profile.name,
        profile_sha256=asked.profile.sha256,
        profile_duration_s=asked.profile.duration_s,
        limits=asked.profile.limits,
        power_loss=asked.profile.power_loss,
        judged_from=judged_from,
    )
    write_atomic(new_dir / files.PROFILE, asked.text)
    write_atomic(new_dir / files.PLAN, dump_plan(new_plan))
    return judged_from


def _copy_evidence(source: SignedResult, new_dir: Path) -> None:
    """Copy every file that the signed result rests on, and hold the copies against their signed digests.

    Raises:
        TrustError: one is missing, has changed, or is no file.
    """
    signed = source.result.files
    for name in sorted(signed.keys() & hash_files(source.run_dir).keys()):
        _copy(source.run_dir / name, new_dir / name)
    release_reserve(new_dir)
    copied = hash_files(new_dir)
    for name in sorted(signed):
        if copied.get(name) != signed[name]:
            what = "changed" if name in copied else "is missing"
            raise TrustError(
                f"{source.run_dir / name} {what} since the run was signed", hint=f"hilrig verify {source.run_dir}"
            )


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    file = open_untrusted(source)
    if file is None:
        return
    with file, os.fdopen(create_file(target), "wb") as copy:
        shutil.copyfileobj(file, copy)
        copy.flush()
        os.fsync(copy.fileno())
