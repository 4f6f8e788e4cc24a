"""The gate's decisions as they lie in folders: found, verified, none passed over in silence."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.app.gate.keys import GateTrust
from hilrig.attest.dsse import open_envelope
from hilrig.attest.envelope import verify_envelope
from hilrig.attest.gate_decision import VERIFICATION_SUMMARY, GateDecision, read_gate_decision
from hilrig.attest.statement import read_statement
from hilrig.core.errors import RecordError, TrustError, UnknownKeyError
from hilrig.core.release import GATE_DECISION_FILE
from hilrig.record.untrusted_file import read_untrusted

DECISIONS_FOLDER: Final = "decisions"
ENVELOPE_SUFFIX: Final = ".dsse.json"
REVOCATION_URI: Final = "hilrig:revocation"
"""What a revocation has in the place of a policy; its digest is that of the reason."""
MAX_DECISION_BYTES: Final = 1 << 20
"""As a node has it: a thousand model files fit."""

_PUBLISHED: Final = GATE_DECISION_FILE.removesuffix(ENVELOPE_SUFFIX) + "."
"""What decisions beside a published release begin with: gate.dsse.json, gate.revoked-<sequence>.dsse.json."""

_HINT: Final = "put the right file back, or take it out of the folder: it may be the newest decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDecision:
    """A decision that a trusted key of the gate signed, and where it lies."""

    path: Path
    envelope: bytes
    key_fingerprint: str
    decision: GateDecision

    @property
    def is_revocation(self) -> bool:
        """Return whether it takes another one back."""
        return self.decision.policy.uri == REVOCATION_URI


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncounted:
    """A decision that does not count, and why.

    Args:
        found: None where no known key signed it: then nothing is known of what it says.
    """

    path: Path
    why: TrustError
    found: FoundDecision | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDecisions:
    """What was found below a folder, in the order of the paths."""

    decisions: tuple[FoundDecision, ...]
    uncounted: tuple[Uncounted, ...]


def read_decisions(folder: Path, trusted: GateTrust) -> FoundDecisions:
    """Return the decisions in a folder, in folders named `decisions` below it, and in published releases.

    A file that cannot be read, or was changed, may be the newest refusal: then nobody can tell what counts.

    Raises:
        TrustError: there is no such folder, or such a file.
    """
    decisions, uncounted = [], []
    for path in sorted(_decision_files(folder)):
        found = None
        try:
            found = read_decision(path, trusted)
            if found is not None:
                trusted.require(found.key_fingerprint, found.decision)
                decisions.append(found)
        except TrustError as error:
            if found is None and not isinstance(error, UnknownKeyError):
                raise
            uncounted.append(Uncounted(path=path, why=error, found=found))
    return FoundDecisions(decisions=tuple(decisions), uncounted=tuple(uncounted))


def read_decision(path: Path, trusted: GateTrust) -> FoundDecision | None:
    """Return the decision in a file; None where it is a statement of another kind, such as a desired state.

    Whether the key counts for it is not asked here.

    Raises:
        UnknownKeyError: none of the trusted keys signed it.
        TrustError: it is missing, no regular file, too large, was changed, or no decision as the gate writes it.
    """
    envelope = _read(path)
    try:
        verified = verify_envelope(envelope, trusted.keys, name=str(path))
        if verified.statement.predicate_type != VERIFICATION_SUMMARY:
            return None
        decision = read_gate_decision(verified.statement, name=str(path))
    except UnknownKeyError as error:
        if _is_of_other_kind(envelope, str(path)):
            return None
        raise UnknownKeyError(error.message, hint="if this is a gate's key: --gate-key FILE.pub") from error
    except TrustError as error:
        named = error.message if str(path) in error.message else f"{path}: {error.message}"
        raise TrustError(named, hint=_HINT) from error
    return FoundDecision(path=path, envelope=envelope, key_fingerprint=verified.key_fingerprint, decision=decision)


def _is_of_other_kind(envelope: bytes, name: str) -> bool:
    """Return whether a stranger's file does not even claim to be a decision; both ways it does not count."""
    try:
        payload = open_envelope(envelope, name=name, max_signatures=1).payload
        return read_statement(payload, name=name).predicate_type != VERIFICATION_SUMMARY
    except TrustError:
        return False


def _read(path: Path) -> bytes:
    try:
        data = read_untrusted(path, max_bytes=MAX_DECISION_BYTES)
    except RecordError as error:
        raise TrustError(error.message, hint=_HINT) from error
    if data is None:
        raise TrustError(f"there is no decision {path}", hint="hilrig gate check RELEASE --key gate.pem")
    return data


def _decision_files(top: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(top, onerror=_refuse_unreadable):
        here = Path(folder)
        _refuse_link(here / DECISIONS_FOLDER)
        is_for_decisions = here == top or here.name == DECISIONS_FOLDER
        for name in names:
            if name.endswith(ENVELOPE_SUFFIX) and (is_for_decisions or name.startswith(_PUBLISHED)):
                yield here / name


def _refuse_link(folder: Path) -> None:
    """Refuse decisions behind a link: they would not be found, and one of them may be the newest."""
    if folder.is_symlink():
        raise TrustError(f"{folder} is a symbolic link, which is never followed", hint=_HINT)


def _refuse_unreadable(error: OSError) -> None:
    raise TrustError(
        f"{error.filename} cannot be read: {error.strerror}: nobody can tell what was decided",
        hint="--decisions DIR: the folder that release folders are in",
    ) from error
