"""The steps of the playbook update-without-effect."""

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Final

from hilrig.gate.playbooks.answer import Answer
from hilrig.gate.playbooks.subject import ReleaseSeen, StoreSeen, Subject

N_DECISIONS: Final = 6
"""Lines of the journal that are shown: an update makes three or four."""


def active_downloaded(subject: Subject) -> Answer:
    """Hold the newest release of the store against the one that runs."""
    answer = Answer()
    service, store = subject.service, subject.store
    if service is not None:
        for role in ("active", "candidate", "previous"):
            answer.note(f"service: {role} {(service.release(role) or 'none')[:12]}")
    if store is None:
        return answer
    answer.saw(f"current {store.releases.get(store.current or '', 'none')}")
    newest = _waiting(store)
    if newest is not None:
        answer.found("staged-not-active", f"{newest} is in the store and does not run")
    return answer


def _waiting(store: StoreSeen) -> ReleaseSeen | None:
    """Return the newest release if it neither runs nor is on trial."""
    newest, current = store.newest, store.releases.get(store.current or "")
    if newest is None or newest.manifest is None or newest.sha256 in {store.current, store.candidate}:
        return None
    least = current.manifest.sequence if current and current.manifest else 0
    return newest if newest.manifest.sequence > least else None


def activation_conditions(subject: Subject) -> Answer:
    """See whether the newest release was ever activated, and what was refused."""
    answer = Answer()
    store = subject.store
    if store is not None:
        answer.saw(f"desired sequence {store.desired_sequence}, minimum sequence {store.min_sequence}")
        newest = _waiting(store)
        if newest is not None and newest.sha256 not in {one.candidate for one in store.journal}:
            answer.found("never-activated", f"{newest}: the journal has no activation of it")
    for line in subject.lines_with("HR-302", "HR-303"):
        answer.found("desired-refused", line)
    return answer


def rollback(subject: Subject) -> Answer:
    """Look for a rollback, and for what barred the newest release."""
    answer = Answer()
    store = subject.store
    if store is not None:
        for decision in store.journal[-N_DECISIONS:]:
            answer.saw(str(decision))
        _went_back(answer, store)
    for line in subject.lines_with("HR-306"):
        answer.found("guardrail-broken", line)
    for line in subject.lines_with("HR-104"):
        answer.found("tries-used-up", line)
    return answer


def _went_back(answer: Answer, store: StoreSeen) -> None:
    newest = store.newest
    if newest is not None and newest.sha256 in store.barred:
        answer.found("barred", f"{newest} may not run again on this node")
    for decision in store.journal:
        if decision.change == "rollback":
            answer.found("rolled-back", str(decision))
            answer.found(*_why(str(decision), decision.reason))
        if decision.change == "bar":
            answer.found("guardrail-broken", str(decision))


def _why(text: str, reason: str) -> tuple[str, str]:
    """Return the signal for what made a node go back."""
    if "HR-104" in reason:
        return "tries-used-up", text
    return (
        ("guardrail-broken", text)
        if "guardrail" in reason or "_ms" in reason or "_pct" in reason
        else ("rolled-back", text)
    )


def caching(subject: Subject) -> Answer:
    """Hold what the service says against the store's state."""
    answer = Answer()
    service, store = subject.service, subject.store
    if service is None:
        return answer
    active = service.release("active")
    counted = str((service.window or {}).get("release_sha256") or "")
    answer.note(f"service: serves {(active or 'nothing')[:12]}, counts decisions of {counted[:12] or 'none'}")
    if active and counted and counted != active:
        answer.found("window-of-old", f"active is {active[:12]}, decisions are counted for {counted[:12]}")
    wanted = (store.candidate or store.current) if store else None
    if active and wanted:
        answer.saw(f"the store's state names {wanted[:12]}")
    if active and wanted and active != wanted:
        answer.found(
            "service-holds-old", f"the service serves {active[:12]}, the store's state names {wanted[:12]}"
        )
    return answer


def manifest_consistency(subject: Subject) -> Answer:
    """See whether model and configuration of a release belong together."""
    answer = Answer()
    store = subject.store
    if store is None:
        return answer
    for release in store.releases.values():
        manifest = release.manifest
        if manifest is not None:
            answer.saw(f"{release}: config {manifest.config_version}, bundle {manifest.bundle_sha256[:12]}")
        if "files" in release.decision_fault or "bundle" in release.decision_fault:
            answer.found("decision-of-another-bundle", f"{release}: {release.decision_fault}")
    for one, other in combinations(store.releases.values(), 2):
        _compare(answer, store, one, other)
    return answer


def _compare(answer: Answer, store: StoreSeen, one: ReleaseSeen, other: ReleaseSeen) -> None:
    if one.manifest is None or other.manifest is None or one.manifest.name != other.manifest.name:
        return
    is_same_bundle = one.manifest.bundle_sha256 == other.manifest.bundle_sha256
    if one.manifest.version == other.manifest.version and not is_same_bundle:
        answer.found("same-version-other-content", f"{one} and {other} have other model files")
    of_interest = {store.newest.sha256 if store.newest else None, store.current}
    if is_same_bundle and {one.sha256, other.sha256} == of_interest:
        answer.found("same-bundle-other-config", f"{one} and {other} have the same model files")


STEPS: Final[Mapping[str, tuple[Callable[[Subject], Answer], str]]] = {
    "active-downloaded": (active_downloaded, "the newest release of the store is the one that runs"),
    "activation-conditions": (activation_conditions, "nothing was refused, the newest release was activated"),
    "rollback": (rollback, "the node never went back"),
    "caching": (caching, "the service serves what the store says"),
    "manifest-consistency": (manifest_consistency, "model and configuration are of one bundle"),
}
"""By step: what looks, and its sentence when all is well."""
