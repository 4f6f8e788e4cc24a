"""Reads a run directory for triage.

What counts is its result, what was taken for what, and the runs beside it.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from hilrig.app.finished.conclude import MAX_JSON_BYTES, read_evidence
from hilrig.config.noun_json import from_json
from hilrig.config.plan_file import load_plan
from hilrig.core import files
from hilrig.core.decision import found_labels, labels_of_bits
from hilrig.core.errors import RecordError
from hilrig.core.frame import Outcome
from hilrig.core.result import Result
from hilrig.core.run import RunPlan, RunRecord
from hilrig.core.verdict import CheckStatus, RunStatus
from hilrig.gate.playbooks.subject import Confusion, RunSeen
from hilrig.record.untrusted_file import read_untrusted

RUN_LOG: Final = "run.log"
N_SIBLINGS_MAX: Final = 200
"""Runs beside this one that are read, the newest first: a result is about 100 KiB."""
N_LOG_LINES: Final = 20
_LOG_BYTES: Final = 4 << 20
_LINE_CHARACTERS: Final = 200
NOTHING: Final = ""
SEVERAL: Final = "+"


def read_run(folder: Path) -> RunSeen:
    """Return a finished run with what triage looks at. Signatures are another command's matter: `hilrig verify`.

    Raises:
        RecordError: there is no result, or it is none that hilrig writes.
    """
    result = _result(folder)
    if result is None:
        raise RecordError(
            f"{folder} has no {files.RESULT}: the run is not finished", hint=f"hilrig recover {folder}"
        )
    plan = _plan(folder)
    beside = list(_beside(folder, result))
    reference = next((path for path, one in beside if _is_reference(one, result)), None)
    return RunSeen(
        folder=str(folder),
        result=result,
        plan=plan,
        confusion=_confusion(folder),
        reference=_plan(reference) if reference else None,
        reference_name=reference.name if reference else "",
        siblings=tuple(_siblings(result, [one for _, one in beside])),
        log_tail=_log_tail(folder),
    )


def _result(folder: Path) -> Result | None:
    data = read_untrusted(folder / files.RESULT, max_bytes=MAX_JSON_BYTES)
    return None if data is None else from_json(Result, data, what=str(folder / files.RESULT))


def _plan(folder: Path) -> RunPlan | None:
    try:
        data = read_untrusted(folder / files.PLAN, max_bytes=MAX_JSON_BYTES)
        return None if data is None else load_plan(data)
    except RecordError:
        return None  # told as a step that could not look


def _beside(folder: Path, result: Result) -> Iterator[tuple[Path, Result]]:
    """Yield the other runs of the profile in the same folder, the newest first."""
    others = sorted((path for path in folder.resolve().parent.iterdir() if path.is_dir()), reverse=True)
    for path in others[:N_SIBLINGS_MAX]:
        if path.name == folder.resolve().name:
            continue
        try:
            other = _result(path)
        except RecordError:
            continue
        if other is not None and other.profile_name == result.profile_name:
            yield path, other


def _is_reference(other: Result, result: Result) -> bool:
    """Return whether another run tells what is right: it passed, and is older."""
    return other.judgement.status is RunStatus.PASS and other.started_at_utc < result.started_at_utc


def _siblings(result: Result, others: list[Result]) -> Iterator[tuple[str, str]]:
    for one in (result, *others):
        if (one.model_bundle_sha256, one.pipeline_sha256) != (result.model_bundle_sha256, result.pipeline_sha256):
            continue
        statuses = {c.status for c in one.judgement.checks if c.check_id.startswith("detection.")}
        if statuses:
            worst = CheckStatus.FAIL if CheckStatus.FAIL in statuses else max(statuses, key=_is_open)
            yield one.device_class, worst.value


def _is_open(status: CheckStatus) -> bool:
    return status is not CheckStatus.PASS


def _confusion(folder: Path) -> Confusion | None:
    try:
        record = read_evidence(folder)
    except (
        RecordError,
        OSError,
        LookupError,
        ValueError,
    ):  # whatever foreign evidence is: the step could not look
        return None
    return confusion_of(record)


def confusion_of(record: RunRecord) -> Confusion | None:
    """Return what decided frames of known truth were taken for; None where nobody knows the truth."""
    labels, truths, frames = record.plan.model.labels, record.truths, record.frames
    bits = labels_of_bits(labels, record.plan.pipeline.decide.thresholds)
    decided = frames[frames["outcome"] == Outcome.DECIDED]
    pairs: Counter[tuple[str, str]] = Counter()
    answers: Counter[int] = Counter()
    shown = set()
    for index, truth in enumerate(truths):
        of_it = decided[decided["frame_id"] % len(truths) == index]
        if truth.labels is None or not len(of_it):
            continue
        shown.add(truth.labels)
        for mask, count in zip(*np.unique(of_it["defects"], return_counts=True), strict=True):
            answers[int(mask)] += int(count)
            if len(truth.labels) == 1:
                pairs[truth.labels[0], _found(found_labels(int(mask), bits))] += int(count)
    n_frames = sum(answers.values())
    if not n_frames:
        return None
    return Confusion(
        labels=labels,
        n_frames=n_frames,
        pairs=dict(pairs),
        commonest_share=max(answers.values()) / n_frames,
        n_truths=len(shown),
    )


def _found(found: tuple[str, ...]) -> str:
    return SEVERAL if len(found) > 1 else (found[0] if found else NOTHING)


def _log_tail(folder: Path) -> tuple[str, ...]:
    try:
        data = read_untrusted(folder / RUN_LOG, max_bytes=_LOG_BYTES) or b""
    except RecordError:
        return ()
    lines = data.decode(errors="replace").splitlines()[-N_LOG_LINES:]
    return tuple("".join(c if c.isprintable() else " " for c in line)[:_LINE_CHARACTERS] for line in lines)
