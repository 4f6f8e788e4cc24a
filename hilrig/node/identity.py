"""Who a node is: node.json of its store."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.config.noun_json import from_json
from hilrig.core.errors import RecordError, UsageError
from hilrig.node.safe_files import is_name, is_sha256, read_below

NODE_FORMAT: Final = "hilrig.node/1"
NODE_FILE: Final = "node.json"
_MAX_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeIdentity:
    """Who the node is, and how much of its disk stays free.

    Args:
        node_id: its name, as desired states call it.
        device_class: what releases must be for.
        stack_sha256: digest of its software stack; empty: not known, so no release that is bound to one is taken.
        reserve_mib: what staging leaves free on the disk, for logs and the next change of state.
    """

    format: str = NODE_FORMAT
    node_id: str
    device_class: str
    stack_sha256: str = ""
    reserve_mib: int = 64


def read_identity(store: Path) -> NodeIdentity:
    """Return who the node of a store is.

    Raises:
        UsageError: there is no store.
        RecordError: its node.json is not one.
    """
    try:
        data = read_below(store, NODE_FILE, max_bytes=_MAX_BYTES)
    except OSError as error:
        raise UsageError(
            f"{store} is no model store: {NODE_FILE}: {error.strerror}",
            hint=f"hilrig node init --store {store} --node-id NAME",
        ) from error
    identity = from_json(NodeIdentity, data, what=str(store / NODE_FILE))
    if identity.format != NODE_FORMAT:
        raise RecordError(f"{store / NODE_FILE}: expected the format {NODE_FORMAT}, found {identity.format!a}")
    refuse_senseless(identity)
    return identity


def refuse_senseless(identity: NodeIdentity) -> None:
    """Refuse an identity that nothing could be addressed to.

    Raises:
        UsageError: a field cannot be meant.
    """
    for what, text in (("node id", identity.node_id), ("device class", identity.device_class)):
        if not is_name(text):
            raise UsageError(f"the {what} {text!a} is no name", hint="letters, digits, '.', '_', '-'; at most 128")
    if identity.stack_sha256 and not is_sha256(identity.stack_sha256):
        raise UsageError(f"the stack {identity.stack_sha256!a} is no sha256")
    if identity.reserve_mib < 0:
        raise UsageError(f"a reserve of {identity.reserve_mib} MiB is less than nothing")
