"""The agent over a real store, signatures and releases; the service is scripted, the clock moved by hand."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from gated_releases import GUARDRAIL, IDENTITY, ROLLOUT, Publisher, utc
from hilrig.attest.desired_state import GuardrailMetric, RolloutMode
from hilrig.core.clock import ManualClock
from hilrig.core.errors import (
    ExpiredError,
    HilrigError,
    NoDecisionError,
    PreconditionError,
    StoreError,
    TrustError,
    WrongClassError,
)
from hilrig.node.agent import updates as updates_module
from hilrig.node.agent.admission import admit
from hilrig.node.agent.agent import Agent, Surroundings
from hilrig.node.agent.download import Downloads
from hilrig.node.agent.errors import DownloadError, RolledBackError, ServiceError, SmokeTestError
from hilrig.node.agent.reporting import Reports
from hilrig.node.agent.smoke import SmokeLimits
from hilrig.node.agent.updates import Updates
from hilrig.node.agent.watching import FileWatch
from hilrig.node.agent.window import ServiceWindow, ShadowWindow
from hilrig.node.disk import open_disk
from hilrig.node.seen import Seen, keep_seen, read_seen
from hilrig.node.store import Store
from hilrig.node.store_fault import StoreBusyError, StoreFault
from hilrig.node.trust import gate_accept, load_trusted_keys

NO_MODEL = "0" * 64


@dataclass
class ScriptedService:
    """A service with 30 requests for each look at it.

    Args:
        bad: releases that fail every second request.
        refuses: releases that it does not take.
        is_up: whether it answers.
        has_traffic: whether requests come.
        disagreeing: of every 100 inputs those on which the shadow decides otherwise.
    """

    serving: str = NO_MODEL
    shadowing: str | None = None
    bad: set[str] = field(default_factory=set)
    refuses: set[str] = field(default_factory=set)
    is_up: bool = True
    has_traffic: bool = True
    disagreeing: int = 0
    n: int = 0
    calls: list[tuple[str, str]] = field(default_factory=list)

    def require_alive(self) -> None:
        if not self.is_up:
            raise ServiceError("the service: connection refused")

    def window(self) -> ServiceWindow:
        self.require_alive()
        self.n += 30 if self.has_traffic else 0
        shadow = None
        if self.shadowing:
            n_disagreed = self.n * self.disagreeing // 100
            shadow = ShadowWindow(
                release_sha256=self.shadowing, n=self.n, n_failed=0, n_disagreed=n_disagreed, p95_ms=9.0
            )
        n_failed = self.n // 2 if self.serving in self.bad else 0
        return ServiceWindow(
            release_sha256=self.serving, since_s=1.0, n=self.n, n_failed=n_failed, n_timeout=n_failed,
            n_non_finite=0, p50_ms=5.0, p95_ms=9.0, p99_ms=10.0, shadow=shadow,
        )  # fmt: skip

    def serve(self, release_sha256: str) -> None:
        self._asked("serve", release_sha256)
        self.serving, self.shadowing, self.n = release_sha256, None, 0

    def shadow(self, release_sha256: str) -> None:
        self._asked("shadow", release_sha256)
        self.shadowing, self.n = release_sha256, 0

    def _asked(self, what: str, release_sha256: str) -> None:
        self.require_alive()
        self.calls.append((what, release_sha256))
        if release_sha256 in self.refuses:
            raise ServiceError("the service: status 422: the model did not load")


@dataclass
class Node:
    """A node with its store, its service and its agent, which may be started anew."""

    publisher: Publisher
    store: Store
    service: ScriptedService
    clock: ManualClock = field(default_factory=lambda: ManualClock(1_000_000_000))
    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    takes_reports: bool = True
    n_waits: int = 1_000_000

    def agent(self) -> Agent:
        """Return an agent as a new process would have it."""
        folder = self.store.folder
        disk = open_disk(folder)
        desired = self.publisher.out / "desired.dsse.json"
        (folder / "agent").mkdir(exist_ok=True)
        made = Updates(
            store=self.store,
            disk=disk,
            service=self.service,
            downloads=Downloads(folder / "agent/downloads", reserve_mib=0),
            smoke=SmokeLimits(),
            tell=lambda *_: None,
        )
        around = Surroundings(
            watch=FileWatch(desired),
            admit=lambda data: admit(
                data,
                name="desired",
                keys=load_trusted_keys(folder, "keys/desired"),
                identity=self.store.identity,
                seen=read_seen(folder),
                now_ns=time.time_ns(),
            ),
            keep=lambda admitted: keep_seen(disk, admitted.seen),
            clock=self.clock,
            wait=self._wait,
            tell=lambda event, code, fields: self.events.append((event, code, dict(fields))),
            reports=Reports(folder / "agent/reports.jsonl", self._take),
            period_s=30.0,
            found_at=str(desired),
        )
        return Agent(made, around)

    def once(self) -> str:
        """Follow the desired state once, as a new process."""
        return self.agent().once()

    def runs(self, sha256: str) -> bool:
        """Return whether store and service agree on this release, with no trial left."""
        state = self.store.state()
        return (state.current, state.candidate, self.service.serving) == (sha256, None, sha256)

    def _wait(self, pause_s: float) -> bool:
        self.n_waits -= 1
        self.clock.now_ns += round(pause_s * 1e9)
        return self.n_waits <= 0

    def _take(self, report: dict[str, Any]) -> bool:
        if self.takes_reports:
            self.taken.append(report)
        return self.takes_reports


@pytest.fixture(scope="module")
def publisher(tmp_path_factory) -> Publisher:
    return Publisher(tmp_path_factory.mktemp("published"))


@pytest.fixture
def node(publisher, tmp_path, monkeypatch) -> Node:
    """Return a node that runs release 1. The smoke test, a process of its own, is left to its own tests."""
    monkeypatch.setattr(updates_module, "smoke_test", lambda *_: {})
    store = publisher.store(os.fspath(tmp_path / "store"))
    first = publisher.release(1)
    store.stage(publisher.out / "releases" / first, accept=gate_accept(store.folder))
    store.activate(first, accept=gate_accept(store.folder))
    store.confirm(first)
    return Node(publisher, store, ScriptedService(serving=first))


def current(node: Node) -> str:
    return node.store.state().current or ""


def test_a_good_release_is_confirmed_and_the_one_before_is_the_way_back(node):
    """Blue-green: it serves, proves itself over the window, becomes current; the values are the reason."""
    before, good = current(node), node.publisher.release(2)
    node.publisher.desire(good, 2)
    assert "confirmed" in node.once()
    assert node.runs(good)
    state = node.store.state()
    assert state.previous == before
    assert "error_pct 0 (n" in state.reason
    assert state.desired_sequence == 2
    assert [report["event"] for report in node.taken] == ["agent.trial", "agent.confirmed"]


def test_a_broken_guardrail_takes_it_back_with_the_value(node):
    """The release that fails goes, the one before serves again, and the state says which number did it."""
    before, bad = current(node), node.publisher.release(3)
    node.service.bad.add(bad)
    node.publisher.desire(bad, 3)
    with pytest.raises(RolledBackError) as taken_back:
        node.once()
    assert taken_back.value.exit_code == 40
    assert node.runs(before)
    assert "error_pct 50 is 5 or more" in node.store.state().reason
    assert node.clock.now_ns < 5e9  # at the first reading that proves it, not at the end of the 10 s window
    assert node.taken[-1]["error_code"] == "HR-306"


def test_a_release_that_was_taken_back_is_refused_until_it_is_allowed_again(node):
    """Same desired state, a newer one without the word, then one with it: only the last gets it in."""
    bad = node.publisher.release(4)
    node.service.bad.add(bad)
    node.publisher.desire(bad, 4)
    with pytest.raises(RolledBackError):
        node.once()
    for sequence in (4, 5):
        node.publisher.desire(bad, sequence)
        with pytest.raises(StoreError, match="rolled back on this node") as refused:
            node.once()
        assert refused.value.exit_code == 40
    node.service.bad.clear()
    node.publisher.desire(bad, 6, allow_again=True)
    node.once()
    assert node.runs(bad)


def test_allowing_again_needs_a_higher_sequence(node):
    """The very desired state that was in force when it was taken back cannot allow it again."""
    bad = node.publisher.release(7)
    node.service.bad.add(bad)
    node.publisher.desire(bad, 7, allow_again=True)
    with pytest.raises(RolledBackError):
        node.once()
    with pytest.raises(StoreError, match="rolled back"):
        node.once()


def test_no_traffic_is_no_success(node):
    """A service that gets no request proves nothing: the release goes, and the reason says that nothing came."""
    before, silent = current(node), node.publisher.release(8)
    node.service.has_traffic = False
    node.publisher.desire(silent, 8)
    with pytest.raises(RolledBackError, match="no request came"):
        node.once()
    assert node.runs(before)


def test_a_release_that_the_service_does_not_take_is_taken_back(node):
    """A failed load leaves what served before serving, and bars the release."""
    before, bad = current(node), node.publisher.release(9)
    node.service.refuses.add(bad)
    node.publisher.desire(bad, 9)
    with pytest.raises(RolledBackError, match="did not take it"):
        node.once()
    assert node.runs(before)
    assert bad in node.store.state().barred


def test_a_service_that_is_down_is_no_fault_of_the_release(node):
    """Nothing is begun, nothing barred; when the service is back the release goes in."""
    good = node.publisher.release(10)
    node.publisher.desire(good, 10)
    node.service.is_up = False
    with pytest.raises(ServiceError):
        node.once()
    assert node.store.state().candidate is None
    node.service.is_up = True
    node.once()
    assert node.runs(good)


def test_a_canary_runs_on_its_nodes_only_until_the_others_are_named(node):
    """A node that is not among the canaries waits; a later desired state for all brings it there."""
    before, good = current(node), node.publisher.release(11)
    canary = replace(ROLLOUT, mode=RolloutMode.CANARY, canary_nodes=("cell-9",))
    node.publisher.desire(good, 11, rollout=canary)
    assert "waits" in node.once()
    assert node.runs(before)
    node.publisher.desire(good, 12, rollout=replace(canary, canary_nodes=("cell-9", IDENTITY.node_id)))
    node.once()
    assert node.runs(good)


SHADOW = replace(
    ROLLOUT,
    mode=RolloutMode.SHADOW,
    guardrails=(replace(GUARDRAIL, metric=GuardrailMetric.DISAGREEMENT_PCT),),
)


def test_a_shadow_serves_only_once_proven(node):
    """Beside the serving one first; it is served, and then current, after the window."""
    before, good = current(node), node.publisher.release(13)
    node.publisher.desire(good, 13, rollout=SHADOW)
    node.once()
    assert node.service.calls == [("shadow", good), ("serve", good)]
    assert node.runs(good)
    assert node.store.state().previous == before


def test_a_shadow_that_disagrees_never_serves(node):
    """Its decisions differ: it is dropped, the serving one was never touched, and it is not tried again."""
    before, other = current(node), node.publisher.release(14)
    node.service.disagreeing = 50
    node.publisher.desire(other, 14, rollout=SHADOW)
    with pytest.raises(RolledBackError, match="disagreement_pct 50"):
        node.once()
    assert node.runs(before)
    assert ("serve", other) not in node.service.calls
    assert node.service.shadowing is None
    with pytest.raises(StoreError, match="rolled back"):
        node.once()


def test_a_release_that_failed_in_the_shadow_is_barred_for_people_too(node):
    """The store knows: no hand activates it, until a newer desired state allows it; then it may try again."""
    before, other = current(node), node.publisher.release(50)
    accept = gate_accept(node.store.folder)
    node.service.disagreeing = 50
    node.publisher.desire(other, 50, rollout=SHADOW)
    with pytest.raises(RolledBackError):
        node.once()
    assert node.store.state().barred[other] == 50
    assert "in the shadow: disagreement_pct 50" in node.store.state().reason
    node.store.stage(node.publisher.out / "releases" / other, accept=accept)
    with pytest.raises(StoreError, match="rolled back on this node under the desired state 50"):
        node.store.activate(other, accept=accept)
    node.service.disagreeing = 0
    node.publisher.desire(other, 51, rollout=SHADOW, allow_again=True)
    node.once()
    assert node.runs(other)
    assert (node.store.state().previous, dict(node.store.state().barred)) == (before, {})


def test_a_release_is_collected_when_nothing_needs_it_any_more(node):
    """After a confirm and after a rollback only what may still run lies in the store: disks do not fill."""
    for sequence in (51, 52, 53):
        node.publisher.desire(node.publisher.release(sequence), sequence)
        node.once()
        state = node.store.state()
        assert set(node.store.releases()) == state.releases == {state.current, state.previous}
    bad = node.publisher.release(54)
    node.service.bad.add(bad)
    node.publisher.desire(bad, 54)
    with pytest.raises(RolledBackError):
        node.once()
    assert set(node.store.releases()) == node.store.state().releases
    assert bad not in node.store.releases()


def test_what_never_came_to_its_trial_makes_room_for_the_next(node, monkeypatch):
    """Releases that fail their smoke test, one after the other, do not pile up."""
    good_so_far = current(node)

    def fails(*_: Any) -> Any:
        raise SmokeTestError("it scores otherwise here")

    monkeypatch.setattr(updates_module, "smoke_test", fails)
    for sequence in (55, 56):
        broken = node.publisher.release(sequence)
        node.publisher.desire(broken, sequence)
        with pytest.raises(SmokeTestError):
            node.once()
        assert set(node.store.releases()) == {good_so_far, broken}


@pytest.mark.parametrize("fault", [StoreBusyError("another process"), StoreFault("EIO", code="HR-103")])
def test_a_store_that_cannot_be_tidied_up_fails_no_update(node, monkeypatch, fault):
    """Collecting is asked for and refused: confirmed is confirmed, rolled back is rolled back."""
    good, bad, asked = node.publisher.release(57), node.publisher.release(58), []

    def refuses() -> Any:
        asked.append(1)
        raise fault

    monkeypatch.setattr(node.store, "collect", refuses)
    node.publisher.desire(good, 57)
    assert "confirmed" in node.once()
    assert node.runs(good)
    assert asked
    node.service.bad.add(bad)
    node.publisher.desire(bad, 58)
    with pytest.raises(RolledBackError, match="error_pct 50"):
        node.once()
    assert node.runs(good)


def test_mender_827_a_lost_report_takes_nothing_back(node):
    """Nobody takes the report: the release stays, the report waits on disk, and goes out later, in order."""
    good = node.publisher.release(15)
    node.publisher.desire(good, 15)
    node.takes_reports = False
    node.once()
    assert node.runs(good)
    node.takes_reports = True
    node.once()
    assert [report["event"] for report in node.taken] == ["agent.trial", "agent.confirmed"]


def test_an_agent_that_was_stopped_in_a_trial_goes_on_with_it(node):
    """The candidate is in the store: the next agent watches it anew over a whole window, then confirms."""
    good = node.publisher.release(16)
    node.publisher.desire(good, 16)
    node.n_waits = 3
    assert "stopped" in node.once()
    assert node.store.state().candidate == good
    node.n_waits = 1_000
    assert "confirmed" in node.once()
    assert node.runs(good)


def test_a_newer_desired_state_ends_the_trial_of_an_older_one(node):
    """A release that was replaced before it was proven is taken back, and the new one goes on trial."""
    old, new = node.publisher.release(17), node.publisher.release(18)
    node.publisher.desire(old, 17)
    node.n_waits = 2
    node.once()
    node.n_waits = 1_000
    node.publisher.desire(new, 18)
    node.once()
    assert node.runs(new)
    assert old in node.store.state().barred


def test_a_trial_that_a_person_began_is_theirs(node):
    """A candidate that somebody activated by hand is not swept away: the agent says that it is there."""
    mine, theirs = node.publisher.release(19), node.publisher.release(20)
    accept = gate_accept(node.store.folder)
    node.store.stage(node.publisher.out / "releases" / theirs, accept=accept)
    node.store.activate(theirs, accept=accept)
    node.publisher.desire(mine, 19)
    with pytest.raises(StoreError, match="is on trial"):
        node.once()
    assert node.store.state().candidate == theirs


def test_a_rollback_at_a_boot_ends_the_trial(node):
    """The service restarts until the tries are used up: the store has decided, the agent says what."""
    bad = node.publisher.release(21)
    node.publisher.desire(bad, 21)
    agent = node.agent()
    asked = node.service.window
    looked = []

    def window() -> ServiceWindow:
        looked.append(1)
        if len(looked) == 3:
            for _ in range(4):
                node.store.boot()
        return asked()

    node.service.window = window  # type: ignore[method-assign]
    with pytest.raises(RolledBackError, match="used up its tries"):
        agent.once()


def test_the_gate_may_withdraw_what_it_passed(node):
    """A later FAILED beside the release takes it out of service, with the reason in the state."""
    before, good = current(node), node.publisher.release(22)
    node.publisher.desire(good, 22)
    node.once()
    node.publisher.decide(good, node.publisher.manifest(good), passed=False, sequence=23)
    with pytest.raises(NoDecisionError, match="withdrew"):
        node.once()
    assert node.runs(before)
    assert "withdrew" in node.store.state().reason


def test_a_release_that_the_gate_refused_later_is_not_started(node):
    """A decision of another class or an older one changes nothing; a newer refusal does, before the trial."""
    sha256 = node.publisher.release(24)
    node.store.stage(node.publisher.out / "releases" / sha256, accept=gate_accept(node.store.folder))
    node.publisher.decide(sha256, node.publisher.manifest(sha256), passed=False, sequence=99)
    node.publisher.desire(sha256, 24)
    with pytest.raises(NoDecisionError):
        node.once()
    assert node.service.calls == []


HOSTILE = {
    "another node": ({"nodes": ("cell-4",)}, WrongClassError),
    "another class": ({"device_class": "x86-rtx4000"}, WrongClassError),
    "over": ({"issued_at_utc": utc(-9), "expires_at_utc": utc(-8)}, ExpiredError),
    "from the future": ({"issued_at_utc": utc(5)}, PreconditionError),
    "a local file": ({"release_url": "file:///etc"}, TrustError),
    "out of the folder": ({"release_url": "../../etc"}, TrustError),
    "nothing there": ({"release_url": "releases/none"}, DownloadError),
    "another release": ({"release_url": "releases/{first}"}, TrustError),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_desired_state_changes_nothing(what, node):
    """Each is refused by its own kind of error; store and service stay as they were."""
    changes, kind = HOSTILE[what]
    before = current(node)
    if "release_url" in changes:
        changes = {"release_url": changes["release_url"].format(first=before)}
    node.publisher.desire(node.publisher.release(30), 30, **changes)
    with pytest.raises(kind) as refused:
        node.once()
    assert refused.type is kind
    assert node.runs(before)
    assert node.service.calls == []


def test_a_stranger_tells_a_node_nothing(node):
    """A desired state by another key, the gate's own included, or without a signature, is refused with 30."""
    sha256 = node.publisher.release(31)
    for signer in (node.publisher.stranger, node.publisher.gate):
        node.publisher.desire(sha256, 31, signer=signer)
        with pytest.raises(TrustError, match="unknown key"):
            node.once()
    path = node.publisher.desire(sha256, 31)
    unsigned = {**json.loads(path.read_bytes()), "signatures": []}
    path.write_text(json.dumps(unsigned, sort_keys=True, separators=(",", ":")))
    with pytest.raises(TrustError, match="0 signatures"):
        node.once()
    assert node.service.calls == []


def test_a_replayed_desired_state_is_refused(node):
    """An older sequence never leads a node back, nor a second one of the same sequence aside."""
    old, new = node.publisher.release(32), node.publisher.release(33)
    replayed = node.publisher.desire(old, 32).read_bytes()
    path = node.publisher.desire(new, 33)
    node.once()
    path.write_bytes(replayed)
    with pytest.raises(ExpiredError, match="has the sequence 32; this node has followed 33"):
        node.once()
    node.publisher.desire(old, 33)
    with pytest.raises(TrustError, match="same sequence"):
        node.once()
    assert node.runs(new)


def test_a_desired_state_signed_anew_is_the_same_one(node):
    """Two signatures over one statement differ in their bytes, not in what they say."""
    good = node.publisher.release(34)
    first = node.publisher.desire(good, 34).read_bytes()
    node.once()
    assert node.publisher.desire(good, 34).read_bytes() != first
    assert "runs already" in node.once()


def test_the_loop_backs_off_from_what_keeps_failing(node):
    """A release that cannot be fetched is not tried every period: the pauses grow to a bound."""
    node.publisher.desire(node.publisher.release(35), 35, release_url="releases/none")
    node.n_waits = 40
    node.agent().run()
    times = [event for event in node.events if event[:2] == ("agent.failed", "HR-304")]
    assert len(times) == 39
    assert node.clock.now_ns > 30e9 * 32 * 20  # most pauses are 32 periods long


def test_the_loop_goes_on_when_the_desired_state_is_mended(node):
    """After a hostile one the loop follows the next good one, without a restart."""
    good = node.publisher.release(36)
    node.publisher.desire(good, 36, signer=node.publisher.stranger)
    agent = node.agent()
    node.n_waits = 3
    agent.run()
    node.publisher.desire(good, 36)
    node.n_waits = 100
    agent.run()
    assert node.runs(good)


def test_what_serves_is_brought_back_to_what_the_store_says(node):
    """The service was down when a release was taken back: the next look puts the right model in its place."""
    before = current(node)
    node.publisher.desire(before, 37)
    node.once()
    node.service.serving = NO_MODEL
    node.once()
    assert node.runs(before)


def test_a_server_that_tidied_up_takes_nothing_from_a_node(node):
    """What runs goes on running when its release is no longer offered: there is only no news of the gate."""
    good = node.publisher.release(40)
    node.publisher.desire(good, 40)
    node.once()
    node.publisher.desire(good, 41, release_url="releases/none")
    assert "runs already" in node.once()
    assert node.runs(good)


def test_a_desired_state_that_ends_while_it_is_followed_starts_nothing_more(node, monkeypatch):
    """Expiry counts at each look, not only at the first: what could not be fetched in time is not begun later."""
    late = node.publisher.release(42)
    node.publisher.desire(late, 42)
    agent = node.agent()
    node.service.is_up = False
    node.n_waits = 3
    agent.run()
    node.service.is_up = True
    after_days_ns = time.time_ns() + 31 * 86_400 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: after_days_ns)
    node.n_waits = 5
    agent.run()
    assert node.store.state().candidate is None
    assert node.events[-1][1] == "HR-302"


def test_a_verdict_is_not_unsaid_while_the_store_is_busy(node):
    """Proven bad while another process holds the store: it is taken back at the next try, whatever comes since."""
    before, bad = current(node), node.publisher.release(43)
    node.service.bad.add(bad)
    node.publisher.desire(bad, 43)
    agent, refusals = node.agent(), []
    rollback = node.store.rollback

    def busy_once(*arguments: Any, **named: Any) -> str:
        if not refusals:
            refusals.append(1)
            node.service.bad.clear()
            raise StoreBusyError("another process")
        return rollback(*arguments, **named)

    node.store.rollback = busy_once  # type: ignore[method-assign]
    node.n_waits = 60
    agent.run()
    assert node.runs(before)
    assert bad in node.store.state().barred


def test_reports_that_nobody_takes_are_bounded(tmp_path):
    """The queue keeps the newest hundred; a line that was cut off by a power loss is passed over."""
    path = tmp_path / "reports.jsonl"
    reports = Reports(path, None)
    for number in range(130):
        reports.add({"number": number})
    assert [report["number"] for report in reports.waiting()] == list(range(30, 130))
    path.write_bytes(path.read_bytes()[:-4])
    assert len(reports.waiting()) == 99


def test_a_report_that_cannot_be_written_hurts_nobody(tmp_path):
    """A missing folder, as a full disk would: no error comes out."""
    Reports(tmp_path / "none" / "reports.jsonl", lambda _: True).add({"number": 1})


def test_a_lost_record_of_what_was_seen_is_said(node):
    """A node that cannot tell what is old follows nothing: it does not begin from zero."""
    keep_seen(open_disk(node.store.folder), Seen(desired_sequence=5))
    (node.store.folder / "agent/seen.json").write_bytes(b"{")
    node.publisher.desire(node.publisher.release(38), 38)
    with pytest.raises(HilrigError, match=r"seen\.json"):
        node.once()


HOLD = """
import sys, threading
from pathlib import Path
from hilrig.node.agent.opening import AgentSettings, opened_agent
settings = AgentSettings(store=Path(sys.argv[1]), desired="/none", service="http://127.0.0.1:1", period_s=1)
with opened_agent(settings, threading.Event()):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.waiting
def test_a_second_agent_ends_with_who_holds_the_lock(node):
    """Two agents on one store: the second says which process is the first; after that one was killed it may."""
    from threading import Event

    from hilrig.node.agent.opening import AgentSettings, opened_agent

    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, node.store.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    settings = AgentSettings(store=node.store.folder, desired="/none", service="http://127.0.0.1:1", period_s=1)
    try:
        assert first.stdout.readline() == b"held\n"
        with pytest.raises(StoreBusyError, match=f"process {first.pid}"), opened_agent(settings, Event()):
            pass
    finally:
        first.kill()
        first.communicate(timeout=10)
    with opened_agent(settings, Event()):
        pass
