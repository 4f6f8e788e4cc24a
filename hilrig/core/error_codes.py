"""The error codes of the node: who acts on each, what it means, where the playbooks treat it, what to do next."""

from collections.abc import Iterable
from typing import Final, NamedTuple

OWNERS: Final = ("ML", "firmware", "backend", "security", "QA", "support")
"""The groups that a code, a cause or a checklist item can belong to."""


class ErrorCode(NamedTuple):
    """One code: which group acts on it, what happened in words.

    Args:
        section: `PAGE#HEADING` below docs/playbooks, where what to do is written.
        next_step: the command or the look that comes first.
    """

    owner: str
    meaning: str
    section: str
    next_step: str


_LOAD: Final = "model-fails-to-load"
_UPDATE: Final = "update-without-effect"
_LATENCY: Final = "latency-spikes"
_TRIAGE: Final = "hilrig triage STORE"

ERROR_CODES: Final[dict[str, ErrorCode]] = {
    "HR-101": ErrorCode(
        "firmware", "a file of the store does not have its digest", f"{_LOAD}#integrity", f"{_TRIAGE}, then dmesg"
    ),
    "HR-102": ErrorCode(
        "firmware",
        "the state and its backup are both unreadable",
        f"{_LOAD}#integrity",
        "hilrig node activate RELEASE --store STORE, with a release that is known to be safe",
    ),
    "HR-103": ErrorCode(
        "firmware",
        "the store's disk is full or refuses to write",
        f"{_LOAD}#integrity",
        "df STORE, dmesg, hilrig node collect --store STORE",
    ),
    "HR-104": ErrorCode(
        "firmware",
        "a candidate used up its tries without being confirmed",
        f"{_UPDATE}#rollback",
        f"{_TRIAGE}: the journal says how each try ended",
    ),
    "HR-105": ErrorCode(
        "ML",
        "a release is below the minimum sequence, or barred after a rollback",
        f"{_UPDATE}#rollback",
        "publish a mended release with a higher sequence",
    ),
    "HR-201": ErrorCode("ML", "no model is loaded", f"{_LOAD}#versions", "hilrig node status --store STORE"),
    "HR-202": ErrorCode(
        "ML", "the model or its runtime refused to load", f"{_LOAD}#operators", f"{_TRIAGE}: it tries to load it"
    ),
    "HR-203": ErrorCode(
        "ML",
        "there was no decision within the ceiling",
        f"{_LATENCY}#contention",
        "hilrig triage http://HOST:PORT, then hilrig run PROFILE on a rig of this class",
    ),
    "HR-204": ErrorCode(
        "ML",
        "the input is not a finite tensor of the model's shape and range",
        "accuracy-drop#input-pipeline",
        "hold the client's preprocess against that of release.json",
    ),
    "HR-205": ErrorCode(
        "ML",
        "the model gave a score that is not finite",
        "accuracy-drop#golden-set",
        "hilrig golden run PROFILE",
    ),
    "HR-206": ErrorCode(
        "firmware", "the queue is full", f"{_LATENCY}#contention", "hilrig triage http://HOST:PORT"
    ),
    "HR-207": ErrorCode(
        "firmware", "the inference process was lost", f"{_LOAD}#memory", "dmesg: look for the out-of-memory killer"
    ),
    "HR-301": ErrorCode(
        "security",
        "a signature or digest of a desired state or release does not hold",
        f"{_LOAD}#signature",
        "hilrig trust show; hold STORE/keys against it",
    ),
    "HR-302": ErrorCode(
        "security",
        "a desired state is old, expired, or for another node or class",
        f"{_UPDATE}#activation-conditions",
        "date -u on the node, then publish a newer desired state",
    ),
    "HR-303": ErrorCode(
        "ML",
        "the gate has not passed this release for this class and stack",
        f"{_LOAD}#signature",
        "hilrig gate status --model SHA256 --device-class CLASS",
    ),
    "HR-304": ErrorCode(
        "backend", "a download failed", f"{_LOAD}#integrity", "curl -I RELEASE_URL/release.json from the node"
    ),
    "HR-305": ErrorCode(
        "ML", "the smoke test of a release failed", f"{_LOAD}#operators", "hilrig compat check PROFILE"
    ),
    "HR-306": ErrorCode(
        "ML",
        "a guardrail was broken, or nothing proved it kept",
        f"{_UPDATE}#rollback",
        f"{_TRIAGE}: the journal says which guardrail",
    ),
    "HR-401": ErrorCode(
        "firmware", "the PLC does not answer", "error-codes#plc", "ping the PLC; watch register 0, the heartbeat"
    ),
    "HR-402": ErrorCode(
        "firmware",
        "decisions were late or absent: the fail-safe output was written",
        f"{_LATENCY}#contention",
        "hilrig triage http://HOST:PORT",
    ),
}
"""Every code that a node may report."""


def undocumented(codes: Iterable[str] = ERROR_CODES) -> tuple[str, ...]:
    """Return those of `codes` that nobody owns or no section treats: a release with them cannot be supported."""
    return tuple(sorted({code for code in codes if not all(ERROR_CODES.get(code, ("",)))}))
