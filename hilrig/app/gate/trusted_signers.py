"""Whose signatures count at the gate: by a trust root, or by key files that are named."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.app.finished.verify import Verified, verify_by, verify_by_root
from hilrig.app.trust.trust import TrustedKeys
from hilrig.attest.approval import approval_validity
from hilrig.attest.keys import load_public_keys
from hilrig.attest.public_key import PublicKey
from hilrig.core.approval import Approval
from hilrig.core.errors import TrustError, UsageError, WrongClassError
from hilrig.core.trust import Role

ROLE_SEPARATOR: Final = ":"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedSigners:
    """Keys that may sign runs, approvals and desired states.

    Args:
        runs: of rigs.
        approvers: of people.
        approver_roles: as whom the owner of a key may speak, by its fingerprint.
        publishers: of desired states.
        gates: of gates whose earlier decisions count.
        root: the trust root that they are from, which is asked for each signature; None: the keys were named.
    """

    runs: Sequence[PublicKey]
    approvers: Sequence[PublicKey]
    approver_roles: Mapping[str, frozenset[str]]
    publishers: Sequence[PublicKey]
    gates: Sequence[PublicKey] = ()
    root: TrustedKeys | None = None

    def verify_run(self, run_dir: Path) -> Verified:
        """Verify a run directory as `hilrig verify` does.

        Raises:
            TrustError: it is no run directory; or its key may not sign for its class, or did not count at its end.
        """
        return verify_by(run_dir, self.runs) if self.root is None else verify_by_root(run_dir, self.root)

    def accept_gate(self, fingerprint: str, device_class: str, *, now_ns: int) -> None:
        """Refuse to decide with a key that the trust root does not let sign for a device class now.

        Raises:
            TrustError: why not.
        """
        if self.root is not None:
            self.root.require(fingerprint, role=Role.GATE, device_class=device_class, signed_ns=now_ns)

    def accept_approval(self, approval: Approval, *, name: str) -> None:
        """Refuse an approval whose key may not speak for its role, or did not count when it was given.

        Raises:
            TrustError: why not.
        """
        roles = self.approver_roles.get(approval.key_fingerprint, frozenset())
        if approval.role not in roles:
            raise TrustError(
                f"{name} speaks as {approval.role}; its key {approval.key_fingerprint} may speak as"
                f" {', '.join(sorted(roles)) or 'nobody'}",
                hint="have somebody of that role approve, and remove this one",
            )

    def approvals_for(self, device_class: str, approvals: Sequence[Approval]) -> Iterator[Approval]:
        """Yield the approvals by keys that count for a device class.

        Raises:
            TrustError: a key is revoked, or did not count when it signed.
        """
        for approval in approvals:
            if self.root is not None:
                issued_ns = approval_validity(approval).issued_ns
                try:
                    self.root.require(
                        approval.key_fingerprint,
                        role=Role.APPROVER,
                        device_class=device_class,
                        signed_ns=issued_ns,
                    )
                except WrongClassError:
                    continue
            yield approval


def signers_of_root(root: TrustedKeys) -> TrustedSigners:
    """Return the signers of a trust root."""
    approvers = root.keys_of(Role.APPROVER)
    return TrustedSigners(
        runs=root.keys_of(Role.RIG),
        approvers=approvers,
        approver_roles={
            key.fingerprint: frozenset(root.root.keys[key.fingerprint].approver_roles) for key in approvers
        },
        publishers=root.keys_of(Role.PUBLISHER),
        gates=root.keys_of(Role.GATE),
        root=root,
    )


def named_signers(*, runs: Sequence[Path], approvers: Sequence[str], publishers: Sequence[Path]) -> TrustedSigners:
    """Return the signers whose public key files were named; an approver as `FILE.pub:ROLE`.

    Raises:
        UsageError: an approver is not named in this form.
        TrustError: a file is no public key.
    """
    keys: dict[str, PublicKey] = {}
    roles: dict[str, frozenset[str]] = {}
    for text in approvers:
        file, separator, role = text.rpartition(ROLE_SEPARATOR)
        if not separator or not file or not role:
            raise UsageError(f"'{text}' is not FILE.pub:ROLE", hint="--approver-key ann.pub:security")
        (key,) = load_public_keys([Path(file)])
        keys[key.fingerprint] = key
        roles[key.fingerprint] = roles.get(key.fingerprint, frozenset()) | {role}
    return TrustedSigners(
        runs=load_public_keys(runs),
        approvers=tuple(keys.values()),
        approver_roles=roles,
        publishers=load_public_keys(publishers),
    )
