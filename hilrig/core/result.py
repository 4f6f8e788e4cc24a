"""The result of a run: what result.json holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hilrig.core.judged_from import JudgedFrom
from hilrig.core.verdict import Judgement

RESULT_SCHEMA = "hilrig.result/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run, judged.

    Args:
        judgement: verdict, checks, self-checks and all numbers.
        ended: how the run ended (`hilrig.core.run.Ended`), with `ended_reason` in words.
        model_files_sha256: sha256 of every file of the model, by path.
        pipeline_sha256: over preprocess and decide as declared, and the version of their code.
        files: sha256 of every file of the run directory written before result.json, by name.
        rig_info: the rig as found (`hilrig.core.rig.RigInfo` as JSON).
        judged_from: the run whose evidence was judged again; None for a run judged when it was measured.
        operator: who started the run, as they said; empty when nobody did. `note` is theirs as well.
    """

    schema: str
    run_id: str
    hilrig_version: str
    started_at_utc: str
    ended_at_utc: str
    ended: str
    ended_reason: str
    exit_code: int
    profile_name: str
    profile_sha256: str
    rig: str
    device_class: str
    rig_info: Mapping[str, Any]
    model_bundle_sha256: str
    model_files_sha256: Mapping[str, str]
    pipeline_sha256: str
    feed: str
    n_warmup_frames_cut: int
    judgement: Judgement
    files: Mapping[str, str]
    judged_from: JudgedFrom | None = None
    operator: str = ""
    note: str = ""
