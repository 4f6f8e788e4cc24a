"""What a node is told to run: a signed statement over one release, as docs/node.md lays it down."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pydantic_core import to_jsonable_python

from hilrig.attest.envelope import verify_envelope
from hilrig.attest.public_key import PublicKey
from hilrig.attest.statement import Statement, build_statement
from hilrig.attest.validity import Validity, parse_validity
from hilrig.config.noun_json import from_json
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import RecordError, TrustError
from hilrig.core.release import RELEASE_FILE

DESIRED_STATE: Final = "urn:hilrig:desired-state:v0.1"
DESIRED_SCHEMA: Final = "hilrig.desired-state/1"
DESIRED_FILE: Final = "desired.dsse.json"
EVERY_NODE: Final = "*"
MAX_WINDOW_S: Final = 7 * 86_400.0
"""A candidate is on trial for a week at most: after that nobody remembers what it was for."""

_NODE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")


class RolloutMode(str, Enum):
    """How a release takes the place of the one before."""

    CANARY = "canary"  # on the named nodes first; the others wait for a later desired state
    BLUE_GREEN = "blue_green"  # at once; the release before is kept to go back to
    SHADOW = "shadow"  # beside the serving one, answers compared; it serves once proven


class GuardrailMetric(str, Enum):
    """What a guardrail is held against, from the service's window."""

    P95_MS = "p95_ms"
    P99_MS = "p99_ms"
    ERROR_PCT = "error_pct"
    TIMEOUT_PCT = "timeout_pct"
    NON_FINITE_PCT = "non_finite_pct"
    DISAGREEMENT_PCT = "disagreement_pct"


SHADOW_METRICS: Final = frozenset(
    {GuardrailMetric.P95_MS, GuardrailMetric.ERROR_PCT, GuardrailMetric.DISAGREEMENT_PCT}
)
"""What the service tells of a model in the shadow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """One limit that a release must keep while it is on trial.

    Args:
        success_max: proven good at this value or below.
        failure_min: proven bad at this value or above; in between is undecided.
        min_samples: requests without which nothing is proven.
        max_missing: readings of one trial (about 20) that may give nothing new.
        consecutive_errors: such readings in a row that end the trial.
    """

    metric: GuardrailMetric
    success_max: float
    failure_min: float
    min_samples: int
    max_missing: int
    consecutive_errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How the release is brought out: for `window_s` its guardrails are watched, then it stays or goes."""

    mode: RolloutMode
    canary_nodes: tuple[str, ...]
    window_s: float
    guardrails: tuple[Guardrail, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredState:
    """What nodes are told.

    Args:
        release_sha256: of release.json; in the statement it is the subject.
        nodes: node ids, or `*`.
        sequence: a node never goes back to a lower one.
        issued_at_utc: ISO 8601, as is `expires_at_utc`.
        release_url: a folder's path or a URL; relative to where the desired state was found, or absolute.
        allow_again: a node may run this release although it once rolled it back.
    """

    schema: str = DESIRED_SCHEMA
    release_sha256: str
    nodes: tuple[str, ...]
    device_class: str
    sequence: int
    issued_at_utc: str
    expires_at_utc: str
    release_url: str
    rollout: Rollout
    allow_again: bool = False

    def validity(self) -> Validity:
        """Return from when to when it holds."""
        return parse_validity(
            issued_at_utc=self.issued_at_utc, expires_at_utc=self.expires_at_utc, name="the desired state"
        )

    def is_for(self, node_id: str) -> bool:
        """Return whether a node is told by it."""
        return EVERY_NODE in self.nodes or node_id in self.nodes


def build_desired_state(desired: DesiredState) -> bytes:
    """Return the statement of a desired state as canonical JSON, to be signed.

    Raises:
        TrustError: no node would accept it: the message says why.
    """
    _refuse_senseless(desired, DESIRED_FILE)
    predicate = to_jsonable_python(desired)
    del predicate["release_sha256"]
    return build_statement(DESIRED_STATE, {RELEASE_FILE: desired.release_sha256}, predicate)


def verify_desired_state(data: bytes, keys: Sequence[PublicKey], *, name: str = DESIRED_FILE) -> DesiredState:
    """Return the desired state in the envelope `data`, which messages call `name`, if one of `keys` signed it.

    Raises:
        UnknownKeyError: none of `keys` signed it.
        TrustError: the signature does not hold, or it is no desired state that makes sense.
    """
    return read_desired_state(verify_envelope(data, keys, name=name).statement, name=name)


def read_desired_state(statement: Statement, *, name: str) -> DesiredState:
    """Return the desired state in a statement whose signature holds.

    Raises:
        TrustError: a field is missing, unknown, of another kind or makes no sense.
    """
    if statement.predicate_type != DESIRED_STATE:
        raise TrustError(f"{name} is a statement of the type {statement.predicate_type[:80]!a}, no desired state")
    if set(statement.subjects) != {RELEASE_FILE} or "release_sha256" in statement.predicate:
        raise TrustError(f"{name} should have one subject, {RELEASE_FILE}")
    whole = {**statement.predicate, "release_sha256": statement.subjects[RELEASE_FILE]}
    try:
        desired = from_json(DesiredState, canonical_json(whole), what=name)
    except RecordError as error:
        raise TrustError(f"{name} is no desired state: {error.message}") from error
    _refuse_senseless(desired, name)
    return desired


def _refuse_senseless(desired: DesiredState, name: str) -> None:
    for fault in (*_faults(desired), *_rollout_faults(desired.rollout)):
        raise TrustError(f"{name}: {fault}", hint="hilrig node publish writes one that makes sense")
    desired.validity()


def _faults(desired: DesiredState) -> Iterator[str]:
    if desired.schema != DESIRED_SCHEMA:
        yield f"schema is {desired.schema[:40]!a}; expected {DESIRED_SCHEMA}"
    if desired.sequence < 1:
        yield f"sequence is {desired.sequence}; expected 1 or more"
    if not desired.nodes:
        yield "it names no node"
    for node_id in (*desired.nodes, *desired.rollout.canary_nodes):
        if node_id != EVERY_NODE and not _NODE_ID.fullmatch(node_id):
            yield f"{node_id[:40]!a} cannot be a node's id"
    if not desired.release_url or not desired.release_url.isprintable():
        yield "release_url is empty, or holds what cannot be printed"


def _rollout_faults(rollout: Rollout) -> Iterator[str]:
    if not 0 < rollout.window_s <= MAX_WINDOW_S:
        yield f"window_s is {rollout.window_s:g}; expected more than 0, at most {MAX_WINDOW_S:g}"
    if not rollout.guardrails:
        yield "without a guardrail nothing would ever be proven"
    if (rollout.mode is RolloutMode.CANARY) != bool(rollout.canary_nodes):
        yield f"canary_nodes belong to the mode canary, and it needs them; the mode is {rollout.mode.value}"
    for guardrail in rollout.guardrails:
        for fault in _guardrail_faults(guardrail, rollout.mode):
            yield f"the guardrail {guardrail.metric.value}: {fault}"


def _guardrail_faults(guardrail: Guardrail, mode: RolloutMode) -> Iterator[str]:
    in_shadow = mode is RolloutMode.SHADOW
    if in_shadow and guardrail.metric not in SHADOW_METRICS:
        yield "the service does not tell it of a model in the shadow"
    if not in_shadow and guardrail.metric is GuardrailMetric.DISAGREEMENT_PCT:
        yield "only a model in the shadow can disagree with the serving one"
    if not (math.isfinite(guardrail.failure_min) and 0 <= guardrail.success_max < guardrail.failure_min):
        yield f"success_max {guardrail.success_max:g} should be below failure_min {guardrail.failure_min:g}"
    if guardrail.min_samples < 1:
        yield f"min_samples is {guardrail.min_samples}; without a sample nothing is proven"
    if guardrail.max_missing < 0 or guardrail.consecutive_errors < 1:
        yield "max_missing should be 0 or more, consecutive_errors 1 or more"
