"""The model store of a node: its releases, which of them runs, the way back; whole whenever the power goes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hilrig.core.errors import UsageError
from hilrig.core.release import ReleaseManifest
from hilrig.node import disk as disks
from hilrig.node.boot import Boot, Booted
from hilrig.node.collect import Collected, collect
from hilrig.node.crash_points import Tell, points_of_environment, tell_nobody
from hilrig.node.disk import Disk
from hilrig.node.identity import NodeIdentity, read_identity
from hilrig.node.layout import RELEASES
from hilrig.node.lock import store_lock
from hilrig.node.new_store import make_store
from hilrig.node.refusals import (
    find_release,
    refuse_barred,
    refuse_below,
    refuse_running,
    refuse_second,
    refuse_senseless,
)
from hilrig.node.release_files import Accept, ReleaseFolder, read_release
from hilrig.node.staging import Staging, sweep
from hilrig.node.state_file import StateFile
from hilrig.node.store_fault import RELEASE_REFUSED, StoreFault, disk_faults
from hilrig.node.stored_release import manifest_of, whole_release
from hilrig.node.transitions import StoreState, asked, barred, confirmed, on_trial, rolled_back, unbarred

MAX_TRIES: Final = 100
"""Of a candidate: more starts than that prove nothing, and a node that boots in a loop must come to its end."""


class Store:
    """A store that `Store.create` made.

    Each verb that changes it takes the store's lock, and comes to the same end when it is run again after a cut.
    Every one of them raises StoreFault with HR-103 when the disk refuses, StoreBusyError when another process is
    changing the store.

    Args:
        folder: the store.
        disk: its disk; None: the real one.
        tell: told of every point that is reached.

    Raises:
        UsageError: there is no store.
        RecordError: its node.json is unreadable.
    """

    def __init__(self, folder: Path, *, disk: Disk | None = None, tell: Tell = tell_nobody) -> None:
        self.folder = folder
        self.identity: NodeIdentity = read_identity(folder)
        self._disk = disk or disks.open_disk(folder)
        self._points = points_of_environment(tell)
        self._states = StateFile(self._disk, self._points)

    @classmethod
    def create(
        cls,
        folder: Path,
        identity: NodeIdentity,
        *,
        keys: Mapping[str, bytes] | None = None,
        tell: Tell = tell_nobody,
    ) -> "Store":
        """Make a store, or come to the end of making one; return it.

        Args:
            folder: empty, or not there yet.
            identity: who the node is.
            keys: public keys by their path there: `keys/gate/NAME.pub`, `keys/desired/NAME.pub`. A store that is
                there already gets those which are new.
            tell: as of the class.

        Raises:
            UsageError: the folder holds something else, or the store of another node.
        """
        disk = disks.open_disk(folder)
        with disk_faults(folder):
            make_store(disk, points_of_environment(tell), identity, keys or {})
        return cls(folder, disk=disk, tell=tell)

    def stage(self, source: Path, *, accept: Accept) -> str:
        """Bring a release in from a folder; return its sha256. One that is there is read and hashed again.

        Args:
            source: release.json, gate.dsse.json, files/<sha256>; files that the store has may be missing.
            accept: whether this node may run it; asked before anything is written.

        Raises:
            UsageError: there is no release.
            TrustError: it is not accepted, or its files are not those of its manifest.
            StoreFault: HR-103, there is no room; HR-105, it is below the minimum sequence.
        """
        release = read_release(source)
        with self._change("stage"):
            self._points.reach("stage.begin", release_sha256=release.sha256)
            accept(release)
            refuse_below(release, self._states.load_or_salvage())
            Staging(self._disk, self._points, reserve_mib=self.identity.reserve_mib).stage(release)
            self._points.reach("stage.done", release_sha256=release.sha256)
        return release.sha256

    def activate(
        self,
        sha256: str,
        *,
        accept: Accept,
        tries: int = 3,
        desired_sequence: int = 0,
        allow_barred_by: int | None = None,
        reason: str = "",
    ) -> None:
        """Put a staged release on trial: the next start runs it. One that is on trial or current already stays so.

        Args:
            sha256: of the release.
            accept: whether this node may run it.
            tries: starts that it has to be confirmed in, 1 to 100.
            desired_sequence: of the desired state that asks for it.
            allow_barred_by: sequence of a desired state that asks for a release that was rolled back; it must be
                newer than the one of that moment.
            reason: why, for the status and the journal.

        Raises:
            UsageError: the store does not have it.
            TrustError: it is not accepted.
            StoreFault: HR-101, it is damaged; HR-105, it is below the minimum sequence, or barred; another
                release is on trial.
        """
        if not 1 <= tries <= MAX_TRIES:
            raise UsageError(f"{tries} tries cannot be meant, expected 1 to {MAX_TRIES}")
        with self._change("activate"):
            self._points.reach("activate.begin", release_sha256=sha256)
            release = whole_release(self.folder, sha256)
            accept(release)
            state = self._states.load_or_salvage()
            if sha256 != (state.candidate or state.current):
                refuse_second(state)
                refuse_below(release, state)
                refuse_barred(sha256, state, allow_barred_by)
                why = reason or f"{release} is on trial"
                self._states.replace(
                    on_trial(state, sha256, tries=tries, desired_sequence=desired_sequence, reason=why)
                )
            self._points.reach("activate.done", release_sha256=sha256)

    def boot(self) -> Booted:
        """Return which release serves now, all of it hashed; a candidate on trial loses one of its tries.

        Raises:
            StoreFault: nothing is safe to run.
        """
        with disk_faults(self.folder):
            return Boot(self._disk, self._states, self._points).run()

    def confirm(self, sha256: str, *, reason: str = "") -> None:
        """Make the candidate current; what was current stays as the way back. Fine if that has happened already.

        Raises:
            UsageError: this release is not on trial.
            StoreFault: HR-101, it is damaged.
        """
        with self._change("confirm"):
            self._points.reach("confirm.begin", release_sha256=sha256)
            state = self._states.load().state
            if not (state.current == sha256 and state.candidate is None):
                self._confirm(state, sha256, reason)
            self._points.reach("confirm.done", release_sha256=sha256)

    def rollback(self, reason: str, *, sha256: str | None = None) -> str:
        """Drop the candidate, or without one go back from the current release to the previous; return which went.

        Args:
            reason: why, for the status and the journal.
            sha256: the release that is to go; fine if it has gone already. None: the candidate, or else the
                current one, but never a second after one that just went.

        Raises:
            UsageError: this release does not run.
            StoreFault: there is nothing to go back to, or that is damaged.
        """
        with self._change("rollback"):
            self._points.reach("rollback.begin")
            gone = self._rollback(self._states.load().state, reason, sha256)
            self._points.reach("rollback.done", release_sha256=gone)
        return gone

    def bar(self, sha256: str, *, desired_sequence: int, reason: str) -> None:
        """Refuse a release from now on that failed without running for the line. Fine if it is barred already.

        Args:
            sha256: of the release; the store need not have it any more.
            desired_sequence: of the desired state that asked for it.
            reason: why, for the status and the journal.

        Raises:
            UsageError: it is no release, or it runs: that is a rollback's matter.
        """
        refuse_senseless(sha256)
        with self._change("bar"):
            state = self._states.load().state
            refuse_running(sha256, state)
            if state.barred.get(sha256, -1) < desired_sequence:
                why = f"barred {sha256[:12]}: {reason}"
                self._states.replace(barred(state, sha256, desired_sequence=desired_sequence, reason=why))

    def unbar(self, sha256: str, *, allowed_by: int, reason: str) -> None:
        """Let a release be tried again. Fine if it is not barred.

        Args:
            sha256: of the release.
            allowed_by: sequence of the desired state that allows it; newer than that of the bar.
            reason: why, for the status and the journal.

        Raises:
            StoreFault: HR-105, the desired state is not newer.
        """
        with self._change("unbar"):
            state = self._states.load().state
            refuse_barred(sha256, state, allowed_by)
            if sha256 in state.barred:
                self._states.replace(unbarred(state, sha256, reason=f"{sha256[:12]} may be tried again: {reason}"))

    def follow(self, desired_sequence: int, *, reason: str = "") -> None:
        """Keep that the desired state with this sequence was followed: a node never goes back to an older one."""
        with self._change("follow"):
            state = self._states.load().state
            if desired_sequence > state.desired_sequence:
                self._states.replace(
                    asked(state, desired_sequence=desired_sequence, reason=reason or state.reason)
                )

    def collect(self) -> Collected:
        """Remove all releases but the current, the previous and the candidate.

        Raises:
            StoreFault: HR-102, the state is unreadable: the one before it does not know what ran since.
        """
        with self._change("collect"):
            self._points.reach("collect.begin")
            collected = collect(self._disk, self._points, self._states.load_whole())
            self._points.reach("collect.done")
        return collected

    def state(self) -> StoreState:
        """Return what the store runs by its state, without a look at the files.

        Raises:
            StoreFault: HR-102, it is unreadable.
        """
        return self._states.load().state

    def open_release(self, sha256: str) -> ReleaseFolder:
        """Return a release of the store after every file of it was hashed.

        Raises:
            UsageError: the store does not have it.
            StoreFault: HR-101, it is damaged.
        """
        return whole_release(self.folder, sha256)

    def releases(self) -> dict[str, ReleaseManifest]:
        """Return the manifests of all releases that are there, by sha256; no file is hashed."""
        found = {sha256: manifest_of(self.folder, sha256) for sha256 in self._disk.names(RELEASES)}
        return {sha256: manifest for sha256, manifest in found.items() if manifest is not None}

    def find(self, name: str) -> str:
        """Return the sha256 of a release of the store by its first characters or by its model's name.

        Raises:
            UsageError: there is none, or more than one.
        """
        return find_release(self.releases(), name)

    def _confirm(self, state: StoreState, sha256: str, reason: str) -> None:
        if state.candidate != sha256:
            raise UsageError(
                f"{sha256[:12]} is not on trial; {(state.candidate or 'nothing')[:12]} is",
                hint=f"hilrig node status --store {self.folder}",
            )
        release = whole_release(self.folder, sha256)
        before = manifest_of(self.folder, state.current) if state.current else None
        min_sequence = 0 if before is None else before.sequence
        self._states.replace(
            confirmed(state, min_sequence=min_sequence, reason=reason or f"{release} is confirmed")
        )

    def _rollback(self, state: StoreState, reason: str, sha256: str | None) -> str:
        runs = state.candidate or state.current
        just_gone = state.change == "rollback" and sha256 is None
        if just_gone or (sha256 in state.barred and sha256 != runs):
            return sha256 or ""
        if runs is None or sha256 not in {None, runs}:
            raise UsageError(f"{(sha256 or 'nothing')[:12]} does not run; {(runs or 'nothing')[:12]} does")
        if state.candidate is None:
            self._require_way_back(state)
        self._states.replace(rolled_back(state, reason=f"rolled back {runs[:12]}: {reason}"))
        return runs

    def _require_way_back(self, state: StoreState) -> None:
        if state.previous is None:
            raise StoreFault(
                f"there is no release before {(state.current or '')[:12]} to go back to",
                code=RELEASE_REFUSED,
                hint="stage and activate another: hilrig node stage, hilrig node activate",
            )
        whole_release(self.folder, state.previous)

    @contextmanager
    def _change(self, doing: str) -> Iterator[None]:
        with disk_faults(self.folder), store_lock(self._disk, doing=doing):
            sweep(self._disk)
            yield
