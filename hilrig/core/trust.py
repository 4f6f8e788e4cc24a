"""The trust root: which keys may sign what, until when.

The next version of it is signed by the thresholds of both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

TRUST_SCHEMA = "hilrig.trust/1"
ANY_CLASS = "*"
TOKEN_SCHEME = "hsm:"  # noqa: S105 - the name of a place, no secret
"""Begins the name of a key in a PKCS#11 token, `hsm:ID?label=TOKEN`, where else a key file is named."""


class Role(str, Enum):
    """What a key may sign: the root, a rig's runs, the gate's decisions, a person's approvals, a desired state."""

    ROOT = "root"
    RIG = "rig"
    GATE = "gate"
    APPROVER = "approver"
    PUBLISHER = "publisher"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A key of a trust root.

    Args:
        public_key: in PEM.
        device_classes: whose runs or decisions it may sign; `*` for all.
        approver_roles: as whom its owner may approve: `security`, `quality`, ...
        revoked_at_utc: from when on nothing it signed counts, whenever that was; empty: it is not revoked.
    """

    fingerprint: str
    public_key: str
    owner: str
    device_classes: tuple[str, ...]
    approver_roles: tuple[str, ...]
    not_before_utc: str
    not_after_utc: str
    revoked_at_utc: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleKeys:
    """The keys of a role by fingerprint, and how many different ones must sign."""

    keys: tuple[str, ...]
    threshold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRoot:
    """One version of the trust root. The next one is version + 1 and signed by the thresholds of both."""

    schema: str = TRUST_SCHEMA
    version: int
    issued_at_utc: str
    expires_at_utc: str
    roles: Mapping[str, RoleKeys]
    keys: Mapping[str, TrustedKey]
