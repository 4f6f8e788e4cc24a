"""Which releases this node may run now: those that the gate passed for its device class.

The decision must also be for the node's stack.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.attest.gate_decision import GateDecision, verify_gate_decision
from hilrig.attest.keys import PUBLIC_SUFFIX, load_public_keys
from hilrig.attest.public_key import PublicKey
from hilrig.attest.validity import refuse_outside
from hilrig.core.errors import NoDecisionError, TrustError, UnknownKeyError, WrongClassError
from hilrig.core.release import GATE_DECISION_FILE, RELEASE_FILE, ReleaseManifest
from hilrig.node.identity import read_identity
from hilrig.node.layout import GATE_KEYS
from hilrig.node.release_files import Accept, ReleaseFolder
from hilrig.node.seen import read_later_decision, read_seen

_NAME: Final = f"the gate's decision ({GATE_DECISION_FILE})"
_PUBLISH: Final = "hilrig gate check for this device class, then hilrig node publish"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateTrust:
    """Whose decisions count on this node, and for what.

    Args:
        keys: of the gate; a desired state's keys are others, so that who brings out cannot also pass.
        device_class: of this node.
        stack_sha256: of this node's software; empty: not known, then a decision bound to a stack is refused.
        newest_signed_ns: the newest time that this node has seen in a signed statement.
    """

    keys: Sequence[PublicKey]
    device_class: str
    stack_sha256: str
    newest_signed_ns: int

    def accept(self, manifest: ReleaseManifest, release_sha256: str, envelopes: Sequence[bytes]) -> GateDecision:
        """Return the decision that lets this node run a release.

        Args:
            manifest: of the release.
            release_sha256: of release.json, which it was read from.
            envelopes: every decision on it that is known; the one with the highest sequence counts.

        Raises:
            NoDecisionError: there is none, it is on another release, or the gate refused this one.
            WrongClassError: it is for another device class or stack.
            ExpiredError: it is over.
            PreconditionError: this node's clock is not set.
            TrustError: no key of the gate signed it, or it is not over this model.
        """
        decision = self._newest([self._verified(envelope) for envelope in envelopes])
        _refuse_other_release(decision, release_sha256)
        _refuse_other_model(decision, manifest)
        self._refuse_other_device(decision, manifest)
        if not decision.passed:
            raise NoDecisionError(f"the gate refused the release {manifest.name} {manifest.version}")
        refuse_outside(
            decision.validity(), now_ns=time.time_ns(), newest_signed_ns=self.newest_signed_ns, name=_NAME
        )
        return decision

    def _verified(self, envelope: bytes) -> GateDecision:
        try:
            return verify_gate_decision(envelope, self.keys)
        except UnknownKeyError as error:
            hint = "if it is your gate's: put its public key into STORE/keys/gate"
            raise TrustError(error.message, hint=hint) from error

    def replaces(self, envelope: bytes, before: Sequence[bytes]) -> GateDecision | None:
        """Return the decision in `envelope` if it is on the same release and class as those before, and newer.

        Raises:
            TrustError: no key of the gate signed it, or one of `before`.
        """
        found, known = self._verified(envelope), self._newest([self._verified(one) for one in before])
        if (found.release_sha256, found.device_class) != (known.release_sha256, known.device_class):
            return None
        return found if _rank(found) > _rank(known) else None

    @staticmethod
    def _newest(decisions: Sequence[GateDecision]) -> GateDecision:
        """Return the decision that counts: a later one replaces the earlier, and of two at once a refusal."""
        if not decisions:
            raise NoDecisionError(
                f"the release has no {GATE_DECISION_FILE}: the gate never decided", hint=_PUBLISH
            )
        return max(decisions, key=_rank)

    def _refuse_other_device(self, decision: GateDecision, manifest: ReleaseManifest) -> None:
        if self.device_class != decision.device_class or self.device_class not in manifest.device_classes:
            raise WrongClassError(
                f"the gate decided for {decision.device_class}, the release is for"
                f" {', '.join(manifest.device_classes)}; this node is {self.device_class}",
                hint=_PUBLISH,
            )
        for bound in {decision.stack_sha256, manifest.stack_sha256} - {""}:
            if bound != self.stack_sha256:
                raise WrongClassError(
                    f"the release was measured on the software stack {bound[:12]};"
                    f" this node has {self.stack_sha256[:12] or 'none written in node.json'}",
                    hint="measure it on this stack, or publish it without binding it to one",
                )


def _rank(decision: GateDecision) -> tuple[int, bool]:
    return decision.sequence, not decision.passed


def gate_accept(store: Path) -> Accept:
    """Return what `Store.stage` and `activate` ask: whether the node of this store may run a release.

    Keys, identity and later decisions are read when it is asked, so that a key taken away counts at once.
    """

    def accept(release: ReleaseFolder) -> None:
        later = read_later_decision(store, release.sha256)
        envelopes = [release.decision] if later is None else [release.decision, later]
        gate_trust(store).accept(release.manifest, release.sha256, envelopes)

    return accept


def gate_trust(store: Path) -> GateTrust:
    """Return whose decisions count on the node of a store.

    Raises:
        TrustError: it has no gate key, or one cannot be read.
        UsageError: there is no store.
    """
    identity = read_identity(store)
    return GateTrust(
        keys=load_trusted_keys(store, GATE_KEYS),
        device_class=identity.device_class,
        stack_sha256=identity.stack_sha256,
        newest_signed_ns=read_seen(store).newest_signed_ns,
    )


def load_trusted_keys(store: Path, folder: str) -> tuple[PublicKey, ...]:
    """Return the public keys in one of the store's key folders.

    Raises:
        TrustError: there is none, or one cannot be read.
    """
    keys = load_public_keys(sorted((store / folder).glob(f"*{PUBLIC_SUFFIX}")))
    if not keys:
        raise TrustError(
            f"{store / folder} holds no public key: this node trusts nobody",
            hint="hilrig node init --gate-key FILE.pub --desired-key FILE.pub, or copy the file there",
        )
    return keys


def _refuse_other_release(decision: GateDecision, release_sha256: str) -> None:
    if decision.release_sha256 != release_sha256:
        raise NoDecisionError(
            f"the gate decided on the release {decision.release_sha256[:12]}, not on {release_sha256[:12]}",
            hint=_PUBLISH,
        )


def _refuse_other_model(decision: GateDecision, manifest: ReleaseManifest) -> None:
    listed = {file.path: file.sha256 for file in manifest.files}
    files = {path: listed[path] for path in manifest.model.files}  # its reader saw to it that all are listed
    for path in sorted(files.keys() | decision.model_files_sha256.keys()):
        if files.get(path) != decision.model_files_sha256.get(path):
            raise TrustError(f"the gate did not decide on the model file {path!a} of this release", hint=_PUBLISH)
    if decision.bundle_sha256 != manifest.bundle_sha256:
        raise TrustError(f"the gate decided on another bundle_sha256 than {RELEASE_FILE} states", hint=_PUBLISH)
