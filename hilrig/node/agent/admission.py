"""Whether a desired state is for this node now, asked before anything is done."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hilrig.attest.desired_state import DesiredState, build_desired_state, verify_desired_state
from hilrig.attest.public_key import PublicKey
from hilrig.attest.validity import refuse_outside
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import ExpiredError, TrustError, UnknownKeyError, WrongClassError
from hilrig.node.identity import NodeIdentity
from hilrig.node.seen import Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A desired state that this node follows, and what it has seen with it."""

    desired: DesiredState
    seen: Seen


def admit(
    data: bytes, *, name: str, keys: Sequence[PublicKey], identity: NodeIdentity, seen: Seen, now_ns: int
) -> Admitted:
    """Return the desired state in the envelope `data`.

    Args:
        data: as it was found.
        name: what messages call it.
        keys: whose desired states count; the gate's are others.
        identity: of this node.
        seen: by this node before.
        now_ns: CLOCK_REALTIME.

    Raises:
        TrustError: the signature does not hold, it makes no sense, or it is another one of the same sequence.
        WrongClassError: it is for another node or class.
        ExpiredError: it is over, or older than one that this node has seen.
        PreconditionError: this node's clock is not set.
    """
    try:
        desired = verify_desired_state(data, keys, name=name)
    except UnknownKeyError as error:
        hint = "if it is your publisher's: put its public key into STORE/keys/desired"
        raise TrustError(error.message, hint=hint) from error
    _refuse_other_node(desired, identity, name)
    _refuse_replay(desired, seen, name)
    validity = desired.validity()
    refuse_outside(validity, now_ns=now_ns, newest_signed_ns=seen.newest_signed_ns, name=name)
    grown = replace(
        seen.signed_at(validity.issued_ns), desired_sequence=desired.sequence, desired_sha256=_digest(desired)
    )
    return Admitted(desired=desired, seen=grown)


def _refuse_other_node(desired: DesiredState, identity: NodeIdentity, name: str) -> None:
    if not desired.is_for(identity.node_id):
        raise WrongClassError(
            f"{name} is for {', '.join(desired.nodes)}; this node is {identity.node_id}",
            hint="give this node the desired state that names it",
        )
    if desired.device_class != identity.device_class:
        raise WrongClassError(
            f"{name} is for the class {desired.device_class}; this node is {identity.device_class}",
            hint="give this node the desired state of its class",
        )


def _refuse_replay(desired: DesiredState, seen: Seen, name: str) -> None:
    if desired.sequence < seen.desired_sequence:
        raise ExpiredError(
            f"{name} has the sequence {desired.sequence}; this node has followed {seen.desired_sequence}",
            hint="sign a new one with a higher sequence: a node never goes back",
        )
    if desired.sequence == seen.desired_sequence and _digest(desired) != seen.desired_sha256:
        raise TrustError(
            f"{name} is another desired state with the same sequence {desired.sequence}",
            hint="sign it anew with a higher sequence",
        )


def _digest(desired: DesiredState) -> str:
    """Return what one desired state has in common however often it is signed."""
    return sha256_hex(build_desired_state(desired))
