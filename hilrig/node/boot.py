"""What runs now: decided anew at every start, from what is really on the disk."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.core.errors import UsageError
from hilrig.core.release import ReleaseManifest
from hilrig.node.crash_points import CrashPoints
from hilrig.node.disk import Disk
from hilrig.node.lock import store_lock
from hilrig.node.quarantine import quarantine_release
from hilrig.node.release_files import MODEL_FOLDER, ReleaseFolder
from hilrig.node.state_file import StateFile
from hilrig.node.store_fault import DAMAGED, NO_RELEASE, TRIES_USED_UP, StoreFault
from hilrig.node.stored_release import DamagedReleaseError, whole_release
from hilrig.node.transitions import StoreState, fallen_back, rolled_back, tried, without_candidate

_WAIT_S: Final = 30.0  # for another process that changes the store: staging a large model takes that long


@dataclass(frozen=True, slots=True, kw_only=True)
class Booted:
    """The release that serves now; all of its files were hashed.

    Args:
        folder: of the release in the store.
        is_candidate: it is on trial: whoever started it confirms it or rolls it back.
        tries_left: of a candidate, after this start.
        reason: why this one.
    """

    sha256: str
    manifest: ReleaseManifest
    folder: Path
    is_candidate: bool
    tries_left: int
    reason: str

    @property
    def model_folder(self) -> Path:
        """Return where the files are that the manifest lists."""
        return self.folder / MODEL_FOLDER


class Boot:
    """Decides what runs.

    Args:
        disk: of the store.
        states: its state.
        points: told of every step.
    """

    def __init__(self, disk: Disk, states: StateFile, points: CrashPoints) -> None:
        self._disk = disk
        self._states = states
        self._points = points
        self._damage: list[str] = []

    def run(self) -> Booted:
        """Return what runs now.

        Raises:
            StoreFault: nothing is safe to run.
            StoreBusyError: another process keeps changing the store.
            OSError: the disk refuses.
        """
        self._points.reach("boot.begin")
        booted = self._steady()
        if booted is None:
            with store_lock(self._disk, doing="boot", wait_s=_WAIT_S):
                booted = self._settled()
        self._points.reach("boot.done", release_sha256=booted.sha256)
        return booted

    def _steady(self) -> Booted | None:
        """Return the current release where nothing has to be decided or written down: no lock is needed."""
        loaded = self._states.load()
        state = loaded.state
        if loaded.fault or state.candidate or not state.current:
            return None
        try:
            release = whole_release(self._disk.folder, state.current)
        except (DamagedReleaseError, UsageError):
            return None
        return _booted(release, state)

    def _settled(self) -> Booted:
        state = self._readable()
        if state.candidate is not None:
            state, booted = self._tried(state, state.candidate)
            if booted is not None:
                return booted
        while state.current is not None:
            release = self._whole(state.current)
            if release is not None:
                return _booted(release, state, *self._damage)
            state = self._keep(fallen_back(state, reason=self._damage[-1]))
        raise self._nothing(state)

    def _readable(self) -> StoreState:
        loaded = self._states.load()
        if not loaded.fault:
            return loaded.state
        return self._keep(loaded.state)

    def _tried(self, state: StoreState, candidate: str) -> tuple[StoreState, Booted | None]:
        """Return the candidate with one of its tries spent, or the state without it."""
        if state.tries_left <= 0:
            reason = f"{TRIES_USED_UP}: {candidate[:12]} used up its tries without being confirmed"
            return self._keep(rolled_back(state, reason=reason)), None
        release = self._whole(candidate)
        if release is None:
            return self._keep(without_candidate(state, reason=self._damage[-1])), None
        spent = tried(state)
        try:
            self._states.replace(spent)
        except OSError as error:  # a try that is not written down could be had for ever
            self._damage.append(f"{candidate[:12]} is not tried: the disk refuses to note it ({error.strerror})")
            return state, None
        self._points.reach("boot.try", release_sha256=candidate, tries_left=spent.tries_left)
        return spent, _booted(release, spent)

    def _whole(self, sha256: str) -> ReleaseFolder | None:
        """Return a release if it is whole; put it aside if it is not."""
        try:
            return whole_release(self._disk.folder, sha256)
        except DamagedReleaseError as damage:
            self._damage.append(damage.message)
            with suppress(OSError):
                quarantine_release(self._disk, sha256, damage)
        except UsageError:
            self._damage.append(f"{DAMAGED}: the release {sha256[:12]} is gone from the store")
        return None

    def _keep(self, state: StoreState) -> StoreState:
        """Write down a step back. On a disk that refuses it is taken all the same, and again at the next start."""
        with suppress(OSError):
            self._states.replace(state)
        return state

    def _nothing(self, state: StoreState) -> StoreFault:
        why = "; ".join(self._damage) or f"no release is confirmed ({state.change}: {state.reason})"
        return StoreFault(
            f"nothing in {self._disk.folder} is safe to run: {why}",
            code=DAMAGED if self._damage else NO_RELEASE,
            hint="stage and activate a release: hilrig node stage, hilrig node activate",
        )


def _booted(release: ReleaseFolder, state: StoreState, *damage: str) -> Booted:
    return Booted(
        sha256=release.sha256,
        manifest=release.manifest,
        folder=release.folder,
        is_candidate=release.sha256 == state.candidate,
        tries_left=state.tries_left,
        reason="; ".join(damage) or state.reason,
    )
