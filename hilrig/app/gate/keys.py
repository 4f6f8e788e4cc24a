"""Whose decisions count as the gate's: keys that are named, or those of the trust root."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hilrig.app.folders import keys_folder
from hilrig.attest.gate_decision import GateDecision
from hilrig.attest.keys import PUBLIC_SUFFIX, load_public_keys
from hilrig.attest.public_key import PublicKey
from hilrig.core.errors import UsageError
from hilrig.core.trust import Role

if TYPE_CHECKING:
    from hilrig.app.trust.trust import TrustedKeys

OWN_GATE_KEY: Final = f"gate{PUBLIC_SUFFIX}"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateTrust:
    """Whose decisions count.

    Args:
        keys: that a decision may be signed with.
        root: the trust root that they are of, which says for what and when each counts; None: for all, always.
    """

    keys: tuple[PublicKey, ...]
    root: "TrustedKeys | None" = None

    def require(self, key_fingerprint: str, decision: GateDecision) -> None:
        """Refuse a decision whose key, although it signed it, does not count.

        Raises:
            TrustError: the key is revoked.
            WrongClassError: it may not sign for this class.
            ExpiredError: it did not count yet, or no longer.
        """
        if self.root is not None:
            signed_ns = decision.validity().issued_ns
            self.root.require(
                key_fingerprint, role=Role.GATE, device_class=decision.device_class, signed_ns=signed_ns
            )


def gate_trust(files: Sequence[Path], *, trust: Path | None, now_ns: int) -> GateTrust:
    """Return the trust in these key files or in this trust root; without any in this user's key `gate`.

    A rig's key never counts as one, although it lies in the same folder.

    Raises:
        UsageError: both were named, or none was and this user has no such key.
        TrustError: a file cannot be read, is no public key, or the trust root does not hold.
        ExpiredError: the trust root is over.
        PreconditionError: the clock is not set.
    """
    if trust is not None:
        if files:
            raise UsageError("--gate-key and --trust were given", hint="give one of the two")
        from hilrig.app.trust.trust import load_trust

        root = load_trust(trust, now_ns=now_ns)
        return GateTrust(keys=root.keys_of(Role.GATE), root=root)
    own = keys_folder() / OWN_GATE_KEY
    if not files and not own.is_file():
        raise UsageError(
            "no key of a gate is trusted here",
            hint=f"--gate-key GATE{PUBLIC_SUFFIX} or --trust trust.json; or put the gate's public key at {own}",
        )
    return GateTrust(keys=load_public_keys(files or [own]))
