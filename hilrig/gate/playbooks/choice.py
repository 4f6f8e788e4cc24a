"""Which playbook fits what there is to see, with the reason."""

from typing import NamedTuple

from hilrig.core.run import Ended
from hilrig.core.verdict import CheckStatus, Judgement
from hilrig.gate.playbooks.load_steps import LOAD_CODES
from hilrig.gate.playbooks.subject import RunSeen, ServiceSeen, StoreSeen, Subject

_LOAD, _ACCURACY, _LATENCY, _UPDATE = (
    "model-fails-to-load",
    "accuracy-drop",
    "latency-spikes",
    "update-without-effect",
)


class Choice(NamedTuple):
    """A playbook by its id, and what speaks for it."""

    playbook_id: str
    because: str


def choose(subject: Subject) -> Choice:
    """Return the playbook for a subject: no decision comes first, a wrong one before a late one."""
    found = None
    if subject.service is not None:
        found = _of_service(subject.service)
    if found is None and subject.store is not None:
        found = _of_store(subject.store, subject)
    if found is None and subject.golden is not None and subject.golden.differing:
        found = Choice(_ACCURACY, f"{len(subject.golden.differing)} inputs of the golden bundle differ")
    if found is None and subject.run is not None:
        found = _of_run(subject.run)
    return found or Choice(*_default(subject))


def _default(subject: Subject) -> tuple[str, str]:
    if subject.run is not None:
        return _LATENCY, "no check failed; lateness is what a run sees best"
    return _UPDATE, "the node is ready; whether it runs what it should is what is left to ask"


def _of_service(service: ServiceSeen) -> Choice | None:
    code = service.error_code
    if code == "HR-203":
        return Choice(_LATENCY, "the service says HR-203: the model is overdue")
    if not service.is_ready:
        return Choice(_LOAD, f"the service is not ready: {code or 'no error code'}")
    n_timeout = service.number("n_timeout") or 0
    if n_timeout:
        return Choice(_LATENCY, f"{n_timeout:g} decisions of the window came too late")
    return None


def _of_store(store: StoreSeen, subject: Subject) -> Choice | None:
    return _damaged(store) or _refused(store) or _went_back(store) or _undecided(store, subject)


def _damaged(store: StoreSeen) -> Choice | None:
    damaged = next((one for one in store.releases.values() if one.damage), None)
    if store.state_fault or damaged or store.quarantined:
        what = store.state_fault or (str(damaged) if damaged else f"quarantine/{store.quarantined[0]}")
        return Choice(_LOAD, f"the store is damaged: {what}")
    return None


def _refused(store: StoreSeen) -> Choice | None:
    refused = next((one for one in store.of_interest() if one.load and one.load.error), None)
    if refused is not None and refused.sha256 not in store.barred:
        return Choice(_LOAD, f"{refused} does not load")
    return None


def _went_back(store: StoreSeen) -> Choice | None:
    return Choice(_UPDATE, f"the node went back from {min(store.barred)[:12]}") if store.barred else None


def _undecided(store: StoreSeen, subject: Subject) -> Choice | None:
    if store.current is None and store.candidate is None and not store.releases:
        return Choice(_LOAD, "the store has no release")
    unsafe = next((one for one in store.of_interest() if one.decision_fault), None)
    if unsafe is not None:
        return Choice(_LOAD, f"{unsafe}: {unsafe.decision_fault}")
    if store.newest is not None and store.newest.sha256 not in {store.current, store.candidate}:
        return Choice(_UPDATE, f"{store.newest} is in the store and does not run")
    lines = subject.lines_with(*LOAD_CODES)
    return Choice(_LOAD, lines[-1]) if lines else None


def _of_run(run: RunSeen) -> Choice | None:
    judgement = run.result.judgement
    if run.result.ended == Ended.PROCESS_LOST.value:
        return Choice(_LOAD, f"a process was lost: {run.result.ended_reason}")
    for prefixes, playbook_id in (
        (("detection.", "golden."), _ACCURACY),
        (("latency.", "frames.drop", "frames.consecutive", "frames.failsafe"), _LATENCY),
        (("resources.",), _LATENCY),
        (("frames.failed",), _LOAD),
    ):
        failed = _failed(judgement, prefixes)
        if failed:
            return Choice(playbook_id, f"{failed} is FAIL")
    if any(check.check_id == "target.accelerator" and not check.ok for check in judgement.self_checks):
        return Choice(_LATENCY, "the self-check target.accelerator failed")
    return None


def _failed(judgement: Judgement, prefixes: tuple[str, ...]) -> str:
    return next(
        (
            check.check_id
            for check in judgement.checks
            if check.status is CheckStatus.FAIL and check.check_id.startswith(prefixes)
        ),
        "",
    )
