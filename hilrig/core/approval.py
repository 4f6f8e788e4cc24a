"""What people sign at the gate: an approval of a manifest, perhaps with a waiver for items of the policy."""

from dataclasses import dataclass

APPROVAL_SCHEMA = "hilrig.approval/1"
REASON_MAX_CHARS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One person's signed word on one manifest.

    Args:
        manifest_sha256: what it is about, and nothing else.
        role: as whom the person speaks: `security`, `quality`, ...
        reason: why, in their words; never empty.
        waives: ids of items that may stay open.
        key_fingerprint: of the key that signed it; empty before it is signed.
    """

    schema: str = APPROVAL_SCHEMA
    manifest_sha256: str
    role: str
    reason: str
    waives: tuple[str, ...]
    issued_at_utc: str
    expires_at_utc: str
    key_fingerprint: str = ""
