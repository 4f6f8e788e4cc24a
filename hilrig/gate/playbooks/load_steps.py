"""The steps of the playbook model-fails-to-load."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from hilrig.gate.playbooks.answer import Answer
from hilrig.gate.playbooks.subject import ReleaseSeen, StoreSeen, Subject

_UNSUPPORTED: Final = re.compile(
    r"not implemented|no kernel|is not a registered|unsupported|opset|ir_version|ir version", re.IGNORECASE
)
"""What ONNX Runtime says of an operator, opset or IR version that it does not have."""
_OUT_OF_MEMORY: Final = re.compile(r"bad_alloc|out of memory|cannot allocate|failed to allocate", re.IGNORECASE)
_OTHER_SHAPE: Final = re.compile(r"no input|no output|shape|expected the (?:input|output)", re.IGNORECASE)
LOAD_CODES: Final = ("HR-202", "HR-305")


def versions(subject: Subject) -> Answer:
    """Collect what is there and what it is for."""
    answer = Answer()
    if subject.service:
        status = subject.service.status
        answer.saw(f"service: ready {subject.service.is_ready}, error code {subject.service.error_code or 'none'}")
        answer.saw(f"service: node {status.get('node_id')}, class {status.get('device_class')}")
    if subject.run:
        result = subject.run.result
        answer.saw(
            f"run: model {result.model_bundle_sha256[:12]}, class {result.device_class}, ended {result.ended}"
        )
        if subject.run.log_tail:
            answer.saw(*(f"run.log: {line}" for line in subject.run.log_tail[-3:]))
    store = subject.store
    if store:
        answer.saw(
            f"node {store.node_id}, class {store.device_class}, stack {store.stack_sha256[:12] or 'unknown'}"
        )
        if store.state_fault:
            answer.found("digest-mismatch", f"state/active.json: {store.state_fault}")
        for release in _running(store):
            answer.saw(f"release {release}")
            _wrong_class(answer, store, release)
    return answer


def _wrong_class(answer: Answer, store: StoreSeen, release: ReleaseSeen) -> None:
    manifest = release.manifest
    if manifest is None:
        return
    if store.device_class not in manifest.device_classes:
        classes = ", ".join(manifest.device_classes)
        answer.found("wrong-class", f"{release} is for {classes}; the node is of the class {store.device_class}")
    if manifest.stack_sha256 not in {"", store.stack_sha256}:
        answer.found("wrong-class", f"{release} is for the stack {manifest.stack_sha256[:12]}, which this is not")


def signature(subject: Subject) -> Answer:
    """Check that a trusted gate let the release through, for this node, now."""
    answer = Answer()
    for release in _running(subject.store):
        answer.saw(f"{release}: the gate's decision is {release.decision or 'unknown'}")
        if release.decision_fault:
            answer.found(_decision_signal(release), f"{release}: {release.decision_fault}")
    for line in subject.lines_with("HR-301"):
        answer.found("signature-refused", line)
    for line in subject.lines_with("HR-303"):
        answer.found("not-passed", line)
    return answer


def _decision_signal(release: ReleaseSeen) -> str:
    if not release.decision:
        return "decision-unsigned"
    if release.decision == "FAILED":
        return "not-passed"
    return "wrong-class" if "class" in release.decision_fault else "decision-over"


def integrity(subject: Subject) -> Answer:
    """Compare files, their sizes and digests with the manifest; look at what the store put aside."""
    answer = Answer()
    if subject.store:
        _store_integrity(answer, subject.store)
    for line in subject.lines_with("HR-101", "HR-102"):
        answer.found("digest-mismatch", line)
    for line in subject.lines_with("HR-103"):
        answer.found("disk-refuses", line)
    for line in subject.lines_with("HR-304"):
        answer.found("partial-download", line)
    return answer


def _store_integrity(answer: Answer, store: StoreSeen) -> None:
    answer.note(f"free on the disk {store.free_mib:.0f} MiB, of which {store.reserve_mib:g} MiB stay free")
    for release in store.releases.values():
        for damage in release.damage:
            is_partial = "missing" in damage or "short" in damage
            answer.found("partial-download" if is_partial else "digest-mismatch", f"{release}: {damage}")
        if not release.damage:
            answer.saw(f"{release}: every file is as release.json says")
    for name in store.quarantined:
        answer.found("quarantined", f"quarantine/{name}")
    for name, n_bytes in store.downloads:
        answer.found("partial-download", f"agent/downloads/{name}: {n_bytes} bytes, never finished")
    if store.free_mib < store.reserve_mib:
        answer.found(
            "disk-refuses", f"{store.free_mib:.0f} MiB are free, {store.reserve_mib:g} MiB must stay free"
        )
    for decision in store.journal:
        if decision.change == "damaged":
            answer.found("digest-mismatch", str(decision))


def memory(subject: Subject) -> Answer:
    """Look at what loading takes, and whether something killed it."""
    answer = Answer()
    for release in _running(subject.store):
        load = release.load
        if load and load.peak_ram_mib is not None:
            answer.saw(f"{release}: loading took {load.peak_ram_mib:.0f} MiB at its peak, on this machine")
        if load and (load.was_killed or _OUT_OF_MEMORY.search(load.error)):
            answer.found("load-killed", f"{release}: {load.error}")
    for line in subject.log:
        if line.get("peak_ram_mb") is not None:
            answer.saw(f"log: {line.get('event')} with peak_ram_mb {line['peak_ram_mb']}")
    for text in subject.lines_with("HR-207"):
        answer.found("process-lost", text)
    if subject.service and subject.service.error_code == "HR-207":
        answer.found("process-lost", "the service says HR-207")
    return answer


def operators(subject: Subject) -> Answer:
    """Load the model here, and read what the runtime said there."""
    answer = Answer()
    for release in _running(subject.store):
        load = release.load
        if load is None or load.was_killed:
            continue
        if load.error:
            _refused(answer, f"{release}: {load.runtime}: {load.error}")
        else:
            answer.saw(f"{release}: loads with {load.runtime} in {load.load_time_ms:.0f} ms, on this machine")
    for line in subject.lines_with(*LOAD_CODES):
        _refused(answer, line)
    if subject.service and subject.service.error_code in LOAD_CODES:
        _refused(answer, f"the service says {subject.service.error_code}")
    _failed_run(answer, subject)
    return answer


def _refused(answer: Answer, text: str) -> None:
    answer.found("load-refused", text)
    if _UNSUPPORTED.search(text):
        answer.found("operator-unsupported", text)
    elif _OTHER_SHAPE.search(text):
        answer.found("shape-mismatch", text)


def _failed_run(answer: Answer, subject: Subject) -> None:
    """Read what a run says whose target failed."""
    if subject.run is None:
        return
    n_decided = {one.metric: one.value for one in subject.run.result.judgement.measurements}.get("frames_decided")
    if n_decided:
        answer.saw(f"run: {n_decided:g} frames were decided")
    else:
        answer.note(f"run: {subject.run.result.judgement.sentence}")
    for line in subject.run.log_tail:
        if _UNSUPPORTED.search(line):
            _refused(answer, f"run.log: {line}")
        if _OUT_OF_MEMORY.search(line):
            answer.found("load-killed", f"run.log: {line}")


def _running(store: StoreSeen | None) -> Iterator[ReleaseSeen]:
    """Yield the releases that run, or are newer than what does; without any of them all."""
    if store is not None:
        of_interest = store.of_interest()
        yield from of_interest or store.releases.values()


STEPS: Final[Mapping[str, tuple[Callable[[Subject], Answer], str]]] = {
    "versions": (versions, "nothing contradicts itself"),
    "signature": (signature, "the gate let this release through, for this node"),
    "integrity": (integrity, "every file is what release.json says, nothing was put aside"),
    "memory": (memory, "nothing was killed for its memory"),
    "operators": (operators, "the model loads"),
}
"""By step: what looks, and its sentence when all is well."""
