"""Where the service's models come from: the releases of the node's store that this node may run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from hilrig.core.errors import UsageError
from hilrig.core.release import ReleaseManifest
from hilrig.node.boot import Booted
from hilrig.node.release_files import Accept, ReleaseFolder
from hilrig.node.status import node_status
from hilrig.node.store import Store
from hilrig.node.store_fault import RELEASE_REFUSED, StoreFault
from hilrig.node.transitions import StoreState

RELEASE_NAME_MAX: Final = 128


class Release(Protocol):
    """A release of the store, its files hashed."""

    @property
    def sha256(self) -> str:
        """The digest of release.json."""

    @property
    def manifest(self) -> ReleaseManifest:
        """What release.json states."""

    @property
    def folder(self) -> Path:
        """Where release.json and model/ lie."""


class StoreSource:
    """The store as the service uses it. Its methods hash and wait for disks: call them in a thread.

    Args:
        store: the node's.
        accept: whether this node may run a release; asked again for each that is to be loaded while the node runs.
    """

    def __init__(self, store: Store, *, accept: Accept) -> None:
        self._store, self._accept = store, accept
        self._told_of: StoreState | None = None
        self._told: Mapping[str, Any] = {}

    @property
    def node_id(self) -> str:
        """Return the node's name."""
        return self._store.identity.node_id

    def boot(self) -> Booted:
        """Return the release to serve; a candidate loses one of its tries.

        Raises:
            StoreFault: nothing is safe to serve.
        """
        return self._store.boot()

    def open_release(self, sha256: str) -> ReleaseFolder:
        """Return a release that may be served now.

        Raises:
            UsageError: the store does not have it.
            StoreFault: HR-101, it is damaged; HR-105, it was rolled back, or is below the minimum sequence.
            TrustError: the gate's decision does not hold for this node.
        """
        state = self._store.state()
        release = self._store.open_release(sha256)
        if sha256 in state.barred and sha256 != state.current:  # barred in the shadow, later the way back
            raise StoreFault(f"{release} was rolled back on this node", code=RELEASE_REFUSED)
        if release.manifest.sequence < state.min_sequence and sha256 not in state.releases:
            raise StoreFault(f"{release} is below the minimum sequence {state.min_sequence}", code=RELEASE_REFUSED)
        self._accept(release)
        return release

    def is_withdrawn(self, sha256: str) -> bool:
        """Return whether the store has gone back from this release; False while the store cannot be read."""
        state = self._state()
        return state is not None and sha256 in state.barred and sha256 not in (state.current, state.candidate)

    def named(self, name: str) -> str:
        """Return the release that a model's name means: the one on trial, the current, the previous, the only one.

        Raises:
            UsageError: there is none, or more than one.
        """
        if not 1 <= len(name) <= RELEASE_NAME_MAX:
            raise UsageError("a model's name has 1 to 128 characters")
        releases, state = self._store.releases(), self._store.state()
        for sha256 in (state.candidate, state.current, state.previous):
            if sha256 in releases and releases[sha256].name == name:
                return sha256
        hits = [sha256 for sha256, manifest in releases.items() if manifest.name == name]
        if len(hits) != 1:
            raise UsageError(f"{len(hits)} releases in the store have this name", hint="ask by release_sha256")
        return hits[0]

    def status(self) -> Mapping[str, Any]:
        """Return the JSON of `hilrig node status`; files are hashed again after a change of state only.

        What serves was hashed when it was loaded, and the next start hashes it again. A store that is not ready is
        looked at anew each time: it may have been mended.
        """
        state = self._state()
        if state is None or state != self._told_of:
            self._told = node_status(self._store.folder)
            self._told_of = state if self._told["ready"] else None
        return self._told

    def _state(self) -> StoreState | None:
        try:
            return self._store.state()
        except StoreFault:
            return None
