"""Reads a model store for triage: every file as it lies there, nothing changed, nothing believed."""

import hashlib
import json
import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from hilrig.app.triage.load import try_to_load
from hilrig.attest.gate_decision import GateDecision, verify_gate_decision
from hilrig.attest.keys import load_public_keys
from hilrig.attest.public_key import PublicKey
from hilrig.attest.validity import refuse_outside
from hilrig.config.noun_json import from_json
from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.core.errors import HilrigError, RecordError
from hilrig.core.release import GATE_DECISION_FILE, RELEASE_FILE, ReleaseFile, ReleaseManifest
from hilrig.core.units import BYTES_PER_MIB
from hilrig.gate.playbooks.subject import Decision, LoadTried, ReleaseSeen, StoreSeen
from hilrig.record.untrusted_file import open_untrusted, read_json_object, read_untrusted

NODE_FILE: Final = "node.json"
N_RELEASES_MAX: Final = 50
"""Releases that are read: a node keeps three."""
ONNX_SUFFIX: Final = ".onnx"
_JSON_BYTES: Final = 1 << 20
_CHUNK_BYTES: Final = 1 << 20
_LINES_BYTES: Final = 8 << 20


def read_store(folder: Path) -> StoreSeen:
    """Return a store as it lies there; the models of the releases of interest are loaded in a child process.

    Raises:
        RecordError: it is no store, or its node.json is unreadable.
    """
    node = read_json_object(folder / NODE_FILE, max_bytes=_JSON_BYTES)
    if node is None:
        raise RecordError(f"{folder} is no model store: there is no {NODE_FILE}", hint="hilrig node init")
    state, state_fault = _state(folder)
    keys = _gate_keys(folder)
    barred = state.get("barred")
    releases = {
        path.name: _release(path, keys, str(node.get("device_class", "")))
        for path in _entries(folder / "releases")[:N_RELEASES_MAX]
        if path.is_dir() and not path.is_symlink()
    }
    seen = StoreSeen(
        folder=str(folder),
        node_id=str(node.get("node_id", "")),
        device_class=str(node.get("device_class", "")),
        stack_sha256=str(node.get("stack_sha256", "")),
        state_fault=state_fault,
        current=_text(state, "current"),
        previous=_text(state, "previous"),
        candidate=_text(state, "candidate"),
        tries_left=_whole(state, "tries_left"),
        min_sequence=_whole(state, "min_sequence"),
        barred=frozenset(map(str, barred if isinstance(barred, Mapping) else ())),
        desired_sequence=_whole(state, "desired_sequence"),
        reason=str(state.get("reason", "")),
        releases=releases,
        quarantined=tuple(path.name for path in _entries(folder / "quarantine")),
        downloads=tuple((path.name, _size(path)) for path in _entries(folder / "agent" / "downloads")),
        journal=tuple(map(_decision, read_lines(folder / "state" / "journal.jsonl"))),
        reports=tuple(read_lines(folder / "agent" / "reports.jsonl")),
        free_mib=_free_mib(folder),
        reserve_mib=float(_whole(node, "reserve_mib")),
    )
    return _with_loads(folder, seen)


def read_lines(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the JSON objects of a file, one a line; lines that are none are passed over, as a cut leaves them.

    Raises:
        RecordError: the file is a link or no file, or too long.
    """
    data = read_untrusted(path, max_bytes=_LINES_BYTES) or b""
    for line in data.splitlines():
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def _state(folder: Path) -> tuple[Mapping[str, Any], str]:
    """Return the state that holds, and what is wrong with active.json."""
    faults = []
    for name in ("active.json", "active.json.1"):
        try:
            state = read_json_object(folder / "state" / name, max_bytes=_JSON_BYTES)
        except RecordError as error:
            faults.append(error.message)
            continue
        if state is None:
            faults.append(f"{name} is missing")
            continue
        if _sum_fits(state):
            return state, "; ".join(faults)
        faults.append(f"the sum of {name} does not fit it")
    return {}, "; ".join(faults)


def _sum_fits(state: Mapping[str, Any]) -> bool:
    try:
        document = canonical_json({key: value for key, value in state.items() if key != "sum"})
    except (ValueError, RecursionError):  # NaN, half a character: nothing that a store writes
        return False
    return bool(sha256_hex(document) == state.get("sum"))


def _gate_keys(folder: Path) -> list[PublicKey]:
    paths = [path for path in _entries(folder / "keys" / "gate") if path.suffix == ".pub"]
    return list(load_public_keys(paths)) if paths else []


def _release(folder: Path, keys: Sequence[PublicKey], device_class: str) -> ReleaseSeen:
    manifest, damage = _manifest(folder)
    decision, fault = _decided(folder, keys, device_class)
    if decision is not None and not fault and decision.release_sha256 != folder.name:
        fault = "the decision is about other files: another release.json"
    return ReleaseSeen(
        sha256=folder.name,
        manifest=manifest,
        damage=(*damage, *(_damage(folder, manifest.files) if manifest else ())),
        decision="" if decision is None else ("PASSED" if decision.passed else "FAILED"),
        decision_fault=fault,
    )


def _manifest(folder: Path) -> tuple[ReleaseManifest | None, tuple[str, ...]]:
    try:
        data = read_untrusted(folder / RELEASE_FILE, max_bytes=_JSON_BYTES)
        if data is None:
            return None, (f"{RELEASE_FILE} is missing",)
        if sha256_hex(data) != folder.name:
            return None, (f"{RELEASE_FILE} does not have the digest that the release is named after",)
        return from_json(ReleaseManifest, data, what=RELEASE_FILE), ()
    except RecordError as error:
        return None, (error.message,)


def _decided(folder: Path, keys: Sequence[PublicKey], device_class: str) -> tuple[GateDecision | None, str]:
    """Return the gate's decision, and why it does not hold on this node now."""
    try:
        data = read_untrusted(folder / GATE_DECISION_FILE, max_bytes=_JSON_BYTES)
        if data is None:
            return None, f"{GATE_DECISION_FILE} is missing"
        decision = verify_gate_decision(data, keys)
    except HilrigError as error:
        return None, error.message
    if not decision.passed:
        return decision, "the gate refused this release"
    if decision.device_class != device_class:
        return decision, f"the decision is for the class {decision.device_class}, the node is {device_class}"
    return decision, _over(decision)


def _over(decision: GateDecision) -> str:
    try:
        refuse_outside(decision.validity(), now_ns=time.time_ns(), newest_signed_ns=0, name="the gate's decision")
    except HilrigError as error:
        return error.message
    return ""


def _damage(folder: Path, listed: Sequence[ReleaseFile]) -> Iterator[str]:
    for file in listed:
        fault = _fault(folder / "model" / file.path, file)
        if fault:
            yield f"model/{file.path}: {fault}"


def _fault(path: Path, file: ReleaseFile) -> str:
    """Return what is wrong with one file, empty when nothing is."""
    try:
        opened = open_untrusted(path)
    except RecordError as error:
        return error.message
    if opened is None:
        return "it is missing"
    with opened:
        n_bytes = os.fstat(opened.fileno()).st_size
        if n_bytes < file.size_bytes:
            return f"too short: {n_bytes} of {file.size_bytes} bytes"
        if n_bytes > file.size_bytes:
            return f"too long: {n_bytes} bytes, expected {file.size_bytes}"
        digest = _sha256(opened)
    return "" if digest == file.sha256 else f"has the digest {digest[:12]}, expected {file.sha256[:12]}"


def _sha256(opened: Any) -> str:
    digest = hashlib.sha256()
    while chunk := opened.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _with_loads(folder: Path, seen: StoreSeen) -> StoreSeen:
    """Return the store with what became of loading each model of interest that is whole."""
    loads = {
        release.sha256: _load(folder, release)
        for release in seen.of_interest()
        if release.manifest and release.manifest.model.files and not release.damage
    }
    releases = {sha256: replace(one, load=loads.get(sha256)) for sha256, one in seen.releases.items()}
    return replace(seen, releases=releases)


def _load(folder: Path, release: ReleaseSeen) -> LoadTried | None:
    graph = release.manifest.model.files[0] if release.manifest else ""
    if not graph.endswith(ONNX_SUFFIX):
        return None  # an engine of another runtime, built for another machine
    return try_to_load(folder / "releases" / release.sha256 / "model" / graph)


def _decision(line: Mapping[str, Any]) -> Decision:
    return Decision(
        at_utc=str(line.get("at_utc", "")),
        change=str(line.get("change", "")),
        reason=str(line.get("reason", "")),
        current=_text(line, "current"),
        previous=_text(line, "previous"),
        candidate=_text(line, "candidate"),
    )


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _size(path: Path) -> int:
    found = path.lstat()
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _free_mib(folder: Path) -> float:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize / BYTES_PER_MIB


def _text(document: Mapping[str, Any], key: str) -> str | None:
    value = document.get(key)
    return value if isinstance(value, str) else None


def _whole(document: Mapping[str, Any], key: str) -> int:
    value = document.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
