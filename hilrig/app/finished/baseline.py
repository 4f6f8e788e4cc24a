"""Baselines: one finished PASS for each profile on each device class.

Each is kept as a copy, so that its run may go.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from hilrig.app.finished.signed_result import SignedResult, read_signed_result
from hilrig.app.folders import baselines_folder
from hilrig.app.run.request import RunRequest
from hilrig.config.noun_json import from_json, to_json
from hilrig.core.baseline import Baseline
from hilrig.core.clock import Clock
from hilrig.core.conditions import Conditions
from hilrig.core.errors import PreconditionError, RecordError, UsageError
from hilrig.core.rig import RigInfo
from hilrig.core.run import RunPlan
from hilrig.core.verdict import RunStatus
from hilrig.record.run_directory import write_atomic
from hilrig.record.untrusted_file import read_untrusted
from hilrig.record.utc import utc_text
from hilrig.verdict.many_runs.conditions import MODEL, changes, conditions_of_plan, conditions_of_result

MAX_BASELINE_BYTES: Final = 16 << 20
SUFFIX: Final = ".json"

_NAME_PART: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBaseline:
    """A baseline as it is kept.

    Args:
        baseline: what a report shows; its `differs` is empty, since that depends on the run beside it.
        conditions: what its run was made with.
        run_dir: where that run lay when it was chosen.
        set_at_utc: when that was.
    """

    baseline: Baseline
    conditions: Conditions
    run_dir: str
    set_at_utc: str


def baseline_of(run_dir: Path, keys: Sequence[Path]) -> Baseline:
    """Return a finished run as a baseline; its `differs` is empty.

    Args:
        run_dir: a finished run, whatever its verdict.
        keys: files of the public keys that it may be signed with.

    Raises:
        RecordError: it is no run directory. PreconditionError: the run is unfinished.
        TrustError: it is not signed by one of these keys, or the result is not what was signed.
    """
    return _as_baseline(read_signed_result(run_dir, keys))


def set_baseline(run_dir: Path, *, keys: Sequence[Path], clock: Clock) -> tuple[KeptBaseline, KeptBaseline | None]:
    """Keep a finished PASS as the baseline of its profile and device class; return it and the one before it.

    Raises:
        PreconditionError: its verdict is not PASS, or it is unfinished.
        RecordError: it is no run directory, or the copy cannot be written.
        TrustError: as `baseline_of`.
    """
    signed = read_signed_result(run_dir, keys)
    _refuse_other_than_pass(signed)
    kept = KeptBaseline(
        baseline=_as_baseline(signed),
        conditions=conditions_of_result(signed.result),
        run_dir=str(run_dir),
        set_at_utc=utc_text(clock.triple().realtime_ns),
    )
    path = _path_of(signed.result.profile_name, signed.result.device_class)
    before = _read_kept(path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(path, to_json(kept))
    except OSError as error:
        raise RecordError(
            f"{path} cannot be written: {error.strerror}", hint="make room, or the folder writable"
        ) from error
    return kept, before


def find_kept(profile_name: str, device_class: str) -> KeptBaseline | None:
    """Return what is kept of the baseline of a profile on a device class; None when none is set.

    Raises:
        RecordError: there is one, and it cannot be read.
    """
    return _read_kept(_path_of(profile_name, device_class))


def list_baselines(profile_name: str | None = None) -> list[KeptBaseline]:
    """Return all baselines, or those of a profile, by profile and device class.

    Raises:
        RecordError: one cannot be read.
    """
    found = [kept for path in _files() if (kept := _read_kept(path)) is not None]
    return [kept for kept in found if profile_name in (None, kept.baseline.profile_name)]


def unset_baseline(profile_name: str, device_class: str | None = None) -> tuple[str, str]:
    """Forget a baseline, also one that cannot be read; return its profile and device class.

    Args:
        profile_name: the profile's.
        device_class: may be left out when the profile has a baseline on one class only.

    Raises:
        UsageError: there is none, or there are several and no class was given.
    """
    paths = {_class_in(path): path for path in _files() if path.name.startswith(f"{profile_name}@")}
    chosen = [name for name in paths if device_class in (None, name)]
    if not chosen:
        on_class = "" if device_class is None else f" on {device_class}"
        raise UsageError(f"{profile_name} has no baseline{on_class}", hint="hilrig baseline list")
    if len(chosen) > 1:
        raise UsageError(
            f"{profile_name} has a baseline on {' and on '.join(chosen)}",
            hint=f"hilrig baseline unset {profile_name} --device-class {chosen[0]}",
        )
    paths[chosen[0]].unlink(missing_ok=True)
    return profile_name, chosen[0]


def resolve_baseline(request: RunRequest, plan: RunPlan, rig: RigInfo, *, keys: Sequence[Path]) -> Baseline | None:
    """Return what a run is to be shown beside, with what else than the model differs; None for nothing.

    Args:
        request: names a run directory, or leaves it to the one that is set for the plan's profile and class.
        plan: of the run.
        rig: as found.
        keys: files of the public keys that a named run may be signed with.

    Raises:
        HilrigError: the named run cannot be used (as `baseline_of`), or the one that is set cannot be read.
    """
    if request.baseline is not None:
        signed = read_signed_result(request.baseline, keys)
        baseline, conditions = _as_baseline(signed), conditions_of_result(signed.result)
    else:
        kept = find_kept(plan.profile_name, plan.device_class)
        if kept is None:
            return None
        baseline, conditions = kept.baseline, kept.conditions
    return replace(baseline, differs=changes(conditions, conditions_of_plan(plan, rig), but={MODEL}))


def _as_baseline(signed: SignedResult) -> Baseline:
    result = signed.result
    return Baseline(
        run_id=result.run_id,
        result_sha256=signed.result_sha256,
        key_fingerprint=signed.key_fingerprint,
        started_at_utc=result.started_at_utc,
        status=result.judgement.status,
        profile_name=result.profile_name,
        rig=result.rig,
        device_class=result.device_class,
        model_bundle_sha256=result.model_bundle_sha256,
        hilrig_version=result.hilrig_version,
        checks=result.judgement.checks,
        distribution=result.judgement.distribution,
    )


def _refuse_other_than_pass(signed: SignedResult) -> None:
    status = signed.result.judgement.status
    if status is not RunStatus.PASS:
        raise PreconditionError(
            f"{signed.run_dir} is a {status.value}: only a PASS can be the baseline of others. "
            f"{signed.result.judgement.sentence}",
            hint="hilrig list",
        )


def _path_of(profile_name: str, device_class: str) -> Path:
    """Return the file of a baseline; `@` stands in neither name."""
    for what, text in (("profile's name", profile_name), ("device class", device_class)):
        if not _NAME_PART.fullmatch(text):
            raise RecordError(f"a {what} should match {_NAME_PART.pattern}, found {text!r}")
    return baselines_folder() / f"{profile_name}@{device_class}{SUFFIX}"


def _class_in(path: Path) -> str:
    return path.name.removesuffix(SUFFIX).partition("@")[2]


def _files() -> Iterator[Path]:
    yield from sorted(baselines_folder().glob(f"*@*{SUFFIX}"))


def _read_kept(path: Path) -> KeptBaseline | None:
    profile_name, _, device_class = path.name.removesuffix(SUFFIX).partition("@")
    hint = f"hilrig baseline unset {profile_name} --device-class {device_class}, then set it again"
    try:
        data = read_untrusted(path, max_bytes=MAX_BASELINE_BYTES)
        kept = None if data is None else from_json(KeptBaseline, data, what=str(path))
    except RecordError as error:
        raise RecordError(error.message, hint=hint) from error
    if kept is not None and (kept.baseline.profile_name, kept.baseline.device_class) != (
        profile_name,
        device_class,
    ):
        raise RecordError(f"{path} holds the baseline of another profile or device class", hint=hint)
    return kept
