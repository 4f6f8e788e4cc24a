import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_jsonable_python

from hilrig.attest.desired_state import (
    DesiredState,
    Guardrail,
    GuardrailMetric,
    Rollout,
    RolloutMode,
    build_desired_state,
    read_desired_state,
    verify_desired_state,
)
from hilrig.attest.envelope import sign
from hilrig.attest.statement import Statement
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import TrustError, UnknownKeyError

GUARDRAIL = Guardrail(
    metric=GuardrailMetric.P95_MS,
    success_max=20.0,
    failure_min=40.0,
    min_samples=100,
    max_missing=5,
    consecutive_errors=3,
)
ROLLOUT = Rollout(mode=RolloutMode.BLUE_GREEN, canary_nodes=(), window_s=60.0, guardrails=(GUARDRAIL,))
DESIRED = DesiredState(
    release_sha256="1" * 64,
    nodes=("cell-3", "cell-4"),
    device_class="x86-cpu",
    sequence=4,
    issued_at_utc="2026-11-21T05:33:12Z",
    expires_at_utc="2026-12-21T05:33:12Z",
    release_url="releases/weld-7",
    rollout=ROLLOUT,
)


def with_guardrail(**changes) -> DesiredState:
    return replace(DESIRED, rollout=replace(ROLLOUT, guardrails=(replace(GUARDRAIL, **changes),)))


def with_rollout(**changes) -> DesiredState:
    return replace(DESIRED, rollout=replace(ROLLOUT, **changes))


SENSELESS = {
    "no samples": with_guardrail(min_samples=0),
    "success over failure": with_guardrail(success_max=41.0),
    "success equals failure": with_guardrail(success_max=40.0),
    "negative limit": with_guardrail(success_max=-1.0),
    "no errors allowed to end it": with_guardrail(consecutive_errors=0),
    "negative missing": with_guardrail(max_missing=-1),
    "disagreement without a shadow": with_guardrail(metric=GuardrailMetric.DISAGREEMENT_PCT),
    "p99 of a shadow": replace(
        with_guardrail(metric=GuardrailMetric.P99_MS),
        rollout=replace(
            ROLLOUT, mode=RolloutMode.SHADOW, guardrails=(replace(GUARDRAIL, metric=GuardrailMetric.P99_MS),)
        ),
    ),
    "no guardrail": with_rollout(guardrails=()),
    "no window": with_rollout(window_s=0.0),
    "endless window": with_rollout(window_s=1e9),
    "canary without nodes": with_rollout(mode=RolloutMode.CANARY),
    "canary nodes for all at once": with_rollout(canary_nodes=("cell-3",)),
    "no nodes": replace(DESIRED, nodes=()),
    "a path as a node": replace(DESIRED, nodes=("../cell",)),
    "sequence 0": replace(DESIRED, sequence=0),
    "no release": replace(DESIRED, release_url=""),
    "a line break in the release": replace(DESIRED, release_url="a\nb"),
    "ends before it begins": replace(DESIRED, expires_at_utc="2026-11-21T05:33:11Z"),
    "another schema": replace(DESIRED, schema="hilrig.desired-state/2"),
}


def unchecked(desired: DesiredState) -> bytes:
    """Return the statement that `build_desired_state` would refuse to write."""
    document = json.loads(build_desired_state(DESIRED))
    predicate = to_jsonable_python(desired)
    del predicate["release_sha256"]
    return canonical_json({**document, "predicate": predicate})


def test_a_desired_state_is_read_back_as_it_was_made(rig_key):
    """Every mode and field survives signing and reading."""
    signer, key = rig_key
    shadow = Rollout(
        mode=RolloutMode.SHADOW,
        canary_nodes=(),
        window_s=5,
        guardrails=(replace(GUARDRAIL, metric=GuardrailMetric.DISAGREEMENT_PCT),),
    )
    canary = replace(ROLLOUT, mode=RolloutMode.CANARY, canary_nodes=("cell-3",))
    for desired in (DESIRED, replace(DESIRED, rollout=shadow, allow_again=True), replace(DESIRED, rollout=canary)):
        assert verify_desired_state(sign(build_desired_state(desired), signer), [key]) == desired


@pytest.mark.parametrize("what", SENSELESS)
def test_what_makes_no_sense_is_neither_written_nor_read(what, rig_key):
    """A guardrail that proves nothing, a rollout for nobody: refused by the writer, and by a node all the same."""
    signer, key = rig_key
    with pytest.raises(TrustError):
        build_desired_state(SENSELESS[what])
    with pytest.raises(TrustError):
        verify_desired_state(sign(unchecked(SENSELESS[what]), signer), [key])


@pytest.mark.parametrize(
    "change",
    [
        {"unknown": 1},
        {"sequence": "4"},
        {"sequence": 4.5},
        {"sequence": True},
        {"release_sha256": "1" * 64},
        {"nodes": "cell-3"},
        {"allow_again": "yes"},
        {"rollout": {"mode": "at_night", "canary_nodes": [], "window_s": 1, "guardrails": []}},
    ],
)
def test_an_unknown_field_or_kind_is_refused(change, rig_key):
    """A field that this node does not know may be a restriction: it is never passed over."""
    signer, key = rig_key
    document = json.loads(build_desired_state(DESIRED))
    document["predicate"] |= change
    with pytest.raises(TrustError):
        verify_desired_state(sign(canonical_json(document), signer), [key])


def test_an_unknown_metric_is_refused(rig_key):
    """A guardrail on something that no service tells could never be proven: it is refused at once."""
    signer, key = rig_key
    document = json.loads(build_desired_state(DESIRED))
    document["predicate"]["rollout"]["guardrails"][0]["metric"] = "happiness_pct"
    with pytest.raises(TrustError, match="metric"):
        verify_desired_state(sign(canonical_json(document), signer), [key])


def test_a_foreign_key_tells_a_node_nothing(rig_key, other_key):
    """A desired state by another key, the gate's included, is refused."""
    with pytest.raises(UnknownKeyError):
        verify_desired_state(sign(build_desired_state(DESIRED), other_key[0]), [rig_key[1]])


def test_it_says_for_whom_it_is():
    """A node is told by its id or by the star, never by a part of its id."""
    assert DESIRED.is_for("cell-3")
    assert not DESIRED.is_for("cell")
    assert replace(DESIRED, nodes=("*",)).is_for("anything")


@given(
    st.dictionaries(
        st.sampled_from(["schema", "nodes", "sequence", "rollout", "x"]),
        st.none() | st.integers() | st.text() | st.lists(st.text()),
    )
)
def test_whatever_a_predicate_holds_the_reader_returns_or_refuses(predicate):
    """No predicate makes the reader fail in another way than by refusing it."""
    statement = Statement(
        predicate_type="urn:hilrig:desired-state:v0.1", subjects={"release.json": "1" * 64}, predicate=predicate
    )
    with pytest.raises(TrustError):
        read_desired_state(statement, name="desired.dsse.json")
