"""The steps of an update, from an admitted desired state to the end of a trial.

Each step can be run again: an agent that was killed comes back, finds in the store how far it came, and goes on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Final, Protocol

from hilrig.attest.desired_state import DesiredState, RolloutMode
from hilrig.core.errors import HilrigError, NoDecisionError
from hilrig.core.release import GATE_DECISION_FILE
from hilrig.node.agent.download import Downloads, read_small
from hilrig.node.agent.errors import DownloadError, RolledBackError, ServiceError
from hilrig.node.agent.places import FolderPlace, WebPlace, place_of_release
from hilrig.node.agent.smoke import SmokeLimits, smoke_test
from hilrig.node.agent.window import ServiceWindow
from hilrig.node.disk import Disk
from hilrig.node.layout import RELEASES
from hilrig.node.refusals import refuse_barred
from hilrig.node.release_files import MAX_SMALL_BYTES, read_release
from hilrig.node.seen import keep_later_decision, keep_seen, read_later_decision, read_seen
from hilrig.node.store import Store
from hilrig.node.trust import gate_accept, gate_trust

TRIES: Final = 3
"""Starts in which a candidate has to be confirmed: a node that loses power twice in a trial is not at its end."""
_LOOK: Final = "hilrig node status, and the log of hilrig node serve"


class Service(Protocol):
    """What the agent asks of the inference service."""

    def require_alive(self) -> None:
        """Return when the service answers at all.

        Raises:
            ServiceError: it does not.
        """

    def window(self) -> ServiceWindow:
        """Return what was counted; raises ServiceError."""

    def serve(self, release_sha256: str) -> None:
        """Have a release serve; raises ServiceError."""

    def shadow(self, release_sha256: str) -> None:
        """Have a release run beside the serving one; raises ServiceError."""


class Begun(Enum):
    """What became of a desired state at once."""

    RUNS_ALREADY = "runs already"
    WAITS = "waits"  # for a desired state that names this node
    ON_TRIAL = "on trial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a trial ended, and why: with the values."""

    is_confirmed: bool
    reason: str


class Updates:
    """Brings one node's store and service to a desired state.

    Args:
        store: of the node.
        disk: of the same folder, for what the agent keeps itself.
        service: of the node.
        downloads: where releases are fetched to.
        smoke: what a release may take in its test.
        tell: told of each step by its name, with what belongs to it.
    """

    def __init__(
        self,
        *,
        store: Store,
        disk: Disk,
        service: Service,
        downloads: Downloads,
        smoke: SmokeLimits,
        tell: Callable[[str, Mapping[str, Any]], None],
    ) -> None:
        self._store = store
        self._disk = disk
        self.service = service
        self._downloads = downloads
        self._smoke = smoke
        self._tell = tell
        self._accept = gate_accept(store.folder)

    def begin(self, desired: DesiredState, *, found_at: str) -> Begun:
        """Bring a release as far as its trial, or say why there is none.

        Raises:
            TrustError: it is not the release that was signed, or the gate does not let this node run it.
            DownloadError: it could not be fetched.
            SmokeTestError: it does not run here.
            StoreError: it is barred or below the minimum, or the store refuses.
            ServiceError: the service does not answer: nothing was begun.
            RolledBackError: the service did not take it.
        """
        sha256, state = desired.release_sha256, self._store.state()
        place = place_of_release(desired.release_url, found_at=found_at)
        if state.current == sha256 and state.candidate is None:
            self._ask_for_news(sha256, place)
            self._store.follow(desired.sequence)
            return Begun.RUNS_ALREADY
        if desired.rollout.mode is RolloutMode.CANARY and self._node_id() not in desired.rollout.canary_nodes:
            return Begun.WAITS
        if state.candidate != sha256:
            self._refuse_barred(desired)
            self._end_own_trial(desired)
            self._stage(sha256, place)
            facts = smoke_test(self._store.folder / RELEASES / sha256, sha256, self._smoke)
            self._tell("smoke", {"release_sha256": sha256, **facts})
        self._put_on_trial(desired)
        return Begun.ON_TRIAL

    def gone(self, desired: DesiredState) -> Ended | None:
        """Return how a trial ended without the agent, by a person or at a boot; None: it has not."""
        state = self._store.state()
        if desired.rollout.mode is RolloutMode.SHADOW or state.candidate == desired.release_sha256:
            return None
        return Ended(is_confirmed=state.current == desired.release_sha256, reason=state.reason)

    def confirm(self, desired: DesiredState, reason: str) -> Ended:
        """Keep a release that has proven itself; from then on nothing but a newer word takes it back.

        Raises:
            StoreError: the store refuses.
        """
        sha256 = desired.release_sha256
        if desired.rollout.mode is RolloutMode.SHADOW:
            self._activate(desired)
            self._serve_or_roll_back(sha256)
        self._store.confirm(sha256, reason=f"proven under the desired state {desired.sequence}: {reason}")
        self._downloads.remove(sha256)
        self._collect()
        return Ended(is_confirmed=True, reason=reason)

    def roll_back(self, desired: DesiredState, reason: str) -> Ended:
        """Take a release back, bar it, have the one before serve again.

        Raises:
            StoreError: the store refuses.
        """
        if desired.rollout.mode is RolloutMode.SHADOW:
            why = f"in the shadow: {reason}"
            self._store.bar(desired.release_sha256, desired_sequence=desired.sequence, reason=why)
        else:
            self._store.rollback(reason, sha256=desired.release_sha256)
        self._downloads.remove(desired.release_sha256)
        self.restore()
        self._collect()
        return Ended(is_confirmed=False, reason=reason)

    def restore(self) -> None:
        """Have the service run what the store says, if it runs something else; best effort: asked again later."""
        state = self._store.state()
        current = state.current
        if current is None or state.candidate is not None or self._runs_only(current):
            return
        try:
            self.service.serve(current)
        except ServiceError as error:
            self._tell("restore.failed", {"release_sha256": current, "reason": error.message})

    def _collect(self) -> None:
        """Remove the releases that nothing needs any more; best effort: room is no matter of this update."""
        try:
            collected = self._store.collect()
        except HilrigError as error:
            self._tell("collect.failed", {"reason": error.message})
            return
        if collected.releases:
            self._tell("collect", {"releases": list(collected.releases), "freed_bytes": collected.freed_bytes})

    def _runs_only(self, sha256: str) -> bool:
        try:
            window = self.service.window()
        except ServiceError:
            return False
        return window.release_sha256 == sha256 and window.shadow is None

    def _node_id(self) -> str:
        return self._store.identity.node_id

    def _refuse_barred(self, desired: DesiredState) -> None:
        """Refuse what was rolled back here before anything of it is fetched; the store asks once more."""
        refuse_barred(desired.release_sha256, self._store.state(), _allowed_by(desired))

    def _end_own_trial(self, desired: DesiredState) -> None:
        """End a trial that an older desired state began; one that a person began is theirs to end."""
        candidate = self._store.state().candidate
        if candidate is not None and candidate == read_seen(self._store.folder).on_trial:
            reason = f"the desired state {desired.sequence} replaced it before it was proven"
            self._store.rollback(reason, sha256=candidate)

    def _stage(self, sha256: str, place: FolderPlace | WebPlace) -> None:
        if sha256 not in self._store.releases():
            self._collect()  # what never came to its trial still lies there
            folder = self._downloads.fetch(place, sha256, accept=self._accept)
            self._tell("download", {"release_sha256": sha256})
            self._store.stage(folder, accept=self._accept)
            self._downloads.remove(sha256)
        self._refresh_decision(sha256, place)
        self._accept(self._store.open_release(sha256))

    def _put_on_trial(self, desired: DesiredState) -> None:
        self.service.require_alive()  # a service that is down is no fault of the release
        if desired.rollout.mode is RolloutMode.SHADOW:
            self._unbar(desired)
            self.service.shadow(desired.release_sha256)
            return
        self._activate(desired)
        self._serve_or_roll_back(desired.release_sha256)

    def _unbar(self, desired: DesiredState) -> None:
        """Let the service take a release that failed here before and is allowed again."""
        if desired.release_sha256 in self._store.state().barred:
            why = f"the desired state {desired.sequence} allows it"
            self._store.unbar(desired.release_sha256, allowed_by=desired.sequence, reason=why)

    def _activate(self, desired: DesiredState) -> None:
        seen = read_seen(self._store.folder)
        keep_seen(self._disk, replace(seen, on_trial=desired.release_sha256))
        self._store.activate(
            desired.release_sha256,
            accept=self._accept,
            tries=TRIES,
            desired_sequence=desired.sequence,
            allow_barred_by=_allowed_by(desired),
            reason=f"on trial by the desired state {desired.sequence} ({desired.rollout.mode.value})",
        )

    def _serve_or_roll_back(self, sha256: str) -> None:
        try:
            self.service.serve(sha256)
        except ServiceError as error:
            reason = f"the service did not take it: {error.message}"
            self._store.rollback(reason, sha256=sha256)
            self.restore()
            self._collect()
            raise RolledBackError(f"rolled back {sha256[:12]}: {reason}", hint=_LOOK) from error

    def _ask_for_news(self, sha256: str, place: FolderPlace | WebPlace) -> None:
        """Look for a later decision on what runs; one that was tidied away on the server is no fault of it."""
        try:
            self._refresh_decision(sha256, place)
        except DownloadError as error:
            self._tell("decision.unknown", {"release_sha256": sha256, "reason": error.message})

    def _refresh_decision(self, sha256: str, place: FolderPlace | WebPlace) -> None:
        """Look whether the gate has decided anew on a release of the store; a refusal takes it out of service."""
        known = self._known_decisions(self._store.folder / RELEASES / sha256, sha256)
        found = read_small(place, GATE_DECISION_FILE, max_bytes=MAX_SMALL_BYTES)
        if found in known:
            return
        decision = gate_trust(self._store.folder).replaces(found, known)
        if decision is None or decision.release_sha256 != sha256:
            return
        keep_later_decision(self._disk, sha256, found)
        self._tell("decision", {"release_sha256": sha256, "passed": decision.passed})
        if not decision.passed and self._store.state().current == sha256:
            self._store.rollback("the gate withdrew its decision", sha256=sha256)
            self.restore()
            self._collect()
            raise NoDecisionError(f"the gate withdrew its decision on {sha256[:12]}: it was taken out of service")

    def _known_decisions(self, folder: Path, sha256: str) -> list[bytes]:
        later = read_later_decision(self._store.folder, sha256)
        return [read_release(folder).decision, *([] if later is None else [later])]


def _allowed_by(desired: DesiredState) -> int | None:
    """Return what may lift the bar on a release that failed here; None: nothing."""
    return desired.sequence if desired.allow_again else None
