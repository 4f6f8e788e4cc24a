"""The agent brings releases to trial, to stay or to go back: a real store, a scripted service, a clock by hand."""

from dataclasses import replace
from typing import Any

import pytest

from following_nodes import current
from gated_releases import GUARDRAIL, IDENTITY, ROLLOUT
from hilrig.attest.desired_state import GuardrailMetric, RolloutMode
from hilrig.core.errors import StoreError
from hilrig.node.agent import updates as updates_module
from hilrig.node.agent.errors import RolledBackError, ServiceError, SmokeTestError
from hilrig.node.agent.window import ServiceWindow
from hilrig.node.store_fault import StoreBusyError, StoreFault
from hilrig.node.trust import gate_accept


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
