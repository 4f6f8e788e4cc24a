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
        schema: format of this file: `hilrig.result/1`.
        run_id: eight hexadecimal digits, drawn for this run; the run directory's name ends with it.
        hilrig_version: of the hilrig that ran it.
        started_at_utc, ended_at_utc: wall clock, ISO 8601, for people; every duration has the monotonic clock.
        ended: how the run ended (`hilrig.core.run.Ended`), with `ended_reason` in words.
        ended_reason: why it ended so; empty for a run that was completed.
        exit_code: what `hilrig run` ended with.
        profile_name: the profile's `name`.
        profile_sha256: of profile.yaml, byte for byte.
        rig: name of the rig that it ran on.
        device_class: of the hardware: what the profile, the rig's file and the rig itself agree on.
        rig_info: the rig as found (`hilrig.core.rig.RigInfo` as JSON).
        model_bundle_sha256: over all files of the model: what identifies the model.
        model_files_sha256: sha256 of every file of the model, by path.
        pipeline_sha256: over preprocess and decide as declared, and the version of their code.
        feed: where the frames came from: the profile's `feed.source`.
        n_warmup_frames_cut: frames offered before the measured part; on record, in no statistic.
        judgement: verdict, checks, self-checks and all numbers.
        files: sha256 of every file of the run directory written before result.json, by name.
        judged_from: the run whose evidence was judged again; None for a run judged when it was measured.
        operator: who started the run, as they said; empty when nobody did.
        note: what they wrote to be read beside the verdict; empty when nothing.
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
