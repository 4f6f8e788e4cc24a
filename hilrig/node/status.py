"""How it stands with a store, as a node tells it.

`hilrig node status` and `GET /node/status` say it.
"""

from pathlib import Path
from typing import Any, Final

from hilrig.core.errors import StoreError
from hilrig.core.release import ReleaseManifest
from hilrig.node.disk import ReadOnlyDisk
from hilrig.node.store import Store
from hilrig.node.store_fault import StoreFault
from hilrig.node.stored_release import manifest_of
from hilrig.node.transitions import StoreState

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def node_status(folder: Path) -> dict[str, Any]:
    """Return the status of a store; `active` is what a start would run now: its files are hashed, none changed.

    Raises:
        UsageError: there is no store.
        RecordError: its node.json is unreadable.
    """
    store = Store(folder, disk=ReadOnlyDisk(folder))
    frame = _frame(store, _state(store))
    try:
        booted = store.boot()
    except StoreError as error:
        code = error.code if isinstance(error, StoreFault) else ""
        return {**frame, "error_code": code, "reason": error.message}
    active = _release_json(booted.sha256, booted.manifest)
    return {**frame, "ready": True, "active": active, "reason": booted.reason}


def _release_json(sha256: str, manifest: ReleaseManifest | None) -> dict[str, Any]:
    """Return a release as a status shows it; of one whose manifest is unreadable only the name."""
    return {
        "release_sha256": sha256,
        "name": None if manifest is None else manifest.name,
        "version": None if manifest is None else manifest.version,
        "sequence": None if manifest is None else manifest.sequence,
        "bundle_sha256": None if manifest is None else manifest.bundle_sha256,
    }


def boot_id() -> str:
    """Return the identifier of this boot: after a power cut it is another."""
    return _BOOT_ID.read_text(encoding="ascii").strip()


def _state(store: Store) -> StoreState:
    try:
        return store.state()
    except StoreError:  # the start says so, too
        return StoreState()


def _frame(store: Store, state: StoreState) -> dict[str, Any]:
    candidate = _summary(store, state.candidate)
    return {
        "node_id": store.identity.node_id,
        "device_class": store.identity.device_class,
        "boot_id": boot_id(),
        "ready": False,
        "error_code": "",
        "active": None,
        "previous": _summary(store, state.previous),
        "candidate": candidate and {**candidate, "tries_left": state.tries_left},
        "min_sequence": state.min_sequence,
        "desired_sequence": state.desired_sequence,
        "reason": state.reason,
    }


def _summary(store: Store, sha256: str | None) -> dict[str, Any] | None:
    return None if sha256 is None else _release_json(sha256, manifest_of(store.folder, sha256))
