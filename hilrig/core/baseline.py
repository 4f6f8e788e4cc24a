"""A baseline: the finished run that later ones of its profile on its device class are shown beside."""

from dataclasses import dataclass

from hilrig.core.analysis import Distribution
from hilrig.core.verdict import Check, RunStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What of another run stands beside this one's numbers; no limit refers to it.

    Args:
        result_sha256: of that run's result.json.
        key_fingerprint: of the key that its signature was checked with.
        differs: what else than the model is not the same, in words: rate, rig, stack, hilrig's version.
    """

    run_id: str
    result_sha256: str
    key_fingerprint: str
    started_at_utc: str
    status: RunStatus
    profile_name: str
    rig: str
    device_class: str
    model_bundle_sha256: str
    hilrig_version: str
    checks: tuple[Check, ...]
    distribution: Distribution | None
    differs: tuple[str, ...] = ()
