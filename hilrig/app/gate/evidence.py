"""What lies in an evidence folder, found by what it is; read back only as the manifest names it."""

import json
import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, Final

from hilrig.app.gate.release_folder import read_release_file
from hilrig.core import files
from hilrig.core.canonical import sha256_hex
from hilrig.core.compat import COMPAT_SCHEMA
from hilrig.core.errors import TrustError, UsageError
from hilrig.core.gate_manifest import EvidenceEntry, EvidenceKind
from hilrig.core.golden import GOLDEN_SCHEMA
from hilrig.core.power_loss import POWER_LOSS_SCHEMA
from hilrig.core.release import RELEASE_FILE

MAX_EVIDENCE_BYTES: Final = 64 << 20
"""Of one file; a day of a node's log takes about a tenth of it."""
DEPTH_MAX: Final = 4
"""Folders below the evidence folder that are looked through: deeper is no evidence folder any more."""
FILES_MAX: Final = 10_000
BUNDLE_INDEX: Final = "bundle.json"

_SCHEMAS: Final = {
    COMPAT_SCHEMA: EvidenceKind.COMPATIBILITY,
    GOLDEN_SCHEMA: EvidenceKind.GOLDEN,
    POWER_LOSS_SCHEMA: EvidenceKind.POWER_LOSS,
}
_DESIRED_SUFFIX: Final = "desired.dsse.json"
_JOURNAL_SUFFIX: Final = "journal.jsonl"


@dataclass
class EvidenceFound:
    """What was found below an evidence folder: the evidence, and what was passed over with the reason."""

    entries: list[EvidenceEntry] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)


def find_evidence(folder: Path) -> EvidenceFound:
    """Return the evidence below a folder, by path. A release folder in it is passed over.

    Raises:
        UsageError: there is no such folder, or far too much in it.
        TrustError: something in it is neither a file nor a folder, or cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(f"the evidence folder {folder} does not exist", hint="hilrig gate manifest --help")
    found = EvidenceFound()
    _look_through(folder, PurePosixPath(), found)
    found.entries.sort(key=lambda entry: entry.path)
    return found


def read_evidence_file(folder: Path, entry: EvidenceEntry) -> bytes:
    """Return the bytes of a piece of evidence (of a run: its result.json), which have the digest of the manifest.

    Raises:
        TrustError: it is missing, changed, no regular file, or not below the folder.
    """
    _refuse_climbing(folder, entry.path)
    path = folder / entry.path
    data = read_release_file(
        path / files.RESULT if entry.kind is EvidenceKind.RUN else path, max_bytes=_max(entry)
    )
    if data is None:
        raise TrustError(
            f"the evidence {path} is missing; the manifest lists it",
            hint="put it back, or make the manifest again",
        )
    if sha256_hex(data) != entry.sha256:
        raise TrustError(
            f"the evidence {path} was changed: its sha256 is {sha256_hex(data)[:12]}, the manifest lists"
            f" {entry.sha256[:12]}",
            hint="put back what the manifest was made from, or make the manifest again: hilrig gate manifest",
        )
    return data


def _max(entry: EvidenceEntry) -> int:
    return MAX_EVIDENCE_BYTES if entry.kind is not EvidenceKind.RUN else MAX_EVIDENCE_BYTES // 2


def _refuse_climbing(folder: Path, path: str) -> None:
    """Refuse a path that leads out of the folder, through a link too."""
    parts = PurePosixPath(path).parts
    if not parts or PurePosixPath(path).is_absolute() or ".." in parts or not path.isprintable():
        raise TrustError(f"the manifest names the evidence {path[:80]!a}, which is not below the evidence folder")
    for depth in range(1, len(parts) + 1):
        if folder.joinpath(*parts[:depth]).is_symlink():
            raise TrustError(
                f"the evidence {folder.joinpath(*parts[:depth])} is a symbolic link, which is never followed",
                hint="put the file itself there",
            )


def _look_through(folder: Path, at: PurePosixPath, found: EvidenceFound) -> None:
    for name in sorted(os.listdir(folder / at)):  # noqa: PTH208 - names, not paths
        here = at / name
        if len(found.entries) + len(found.passed_over) > FILES_MAX:
            raise UsageError(
                f"{folder} holds more than {FILES_MAX} files", hint="give a folder with the evidence alone"
            )
        mode = (folder / here).lstat().st_mode
        if stat.S_ISDIR(mode):
            _look_into(folder, here, found)
        elif not stat.S_ISREG(mode):
            raise TrustError(f"{folder / here} is not a regular file", hint="put the file itself there")
        elif name.startswith("."):
            found.passed_over.append(f"{here}: its name begins with a dot")
        else:
            _add_file(folder, here, found)


def _look_into(folder: Path, here: PurePosixPath, found: EvidenceFound) -> None:
    held = set(os.listdir(folder / here))  # noqa: PTH208 - names, not paths
    if files.RESULT in held and files.ATTESTATION in held:
        _add_run(folder, here, found)
    elif RELEASE_FILE in held:
        found.passed_over.append(f"{here}: a release folder")
    elif files.PLAN in held:
        found.passed_over.append(f"{here}: a run that was not finished and signed")
    elif len(here.parts) > DEPTH_MAX:
        found.passed_over.append(f"{here}: deeper than {DEPTH_MAX} folders")
    else:
        _look_through(folder, here, found)


def _add_run(folder: Path, here: PurePosixPath, found: EvidenceFound) -> None:
    data = read_release_file(folder / here / files.RESULT, max_bytes=MAX_EVIDENCE_BYTES // 2) or b""
    device_class = _json_object(data).get("device_class")
    if not isinstance(device_class, str):
        found.passed_over.append(f"{here}: its {files.RESULT} is not readable")
        return
    found.entries.append(
        EvidenceEntry(path=str(here), kind=EvidenceKind.RUN, sha256=sha256_hex(data), device_class=device_class)
    )


def _add_file(folder: Path, here: PurePosixPath, found: EvidenceFound) -> None:
    if (folder / here).lstat().st_size > MAX_EVIDENCE_BYTES:
        found.passed_over.append(f"{here}: larger than {MAX_EVIDENCE_BYTES >> 20} MiB")
        return
    data = read_release_file(folder / here, max_bytes=MAX_EVIDENCE_BYTES) or b""
    kind = next(_kinds(here, data), None)
    if kind is None:
        found.passed_over.append(f"{here}: no kind of evidence that the gate knows")
        return
    device_class = _json_object(data).get("device_class") if kind is EvidenceKind.GOLDEN else ""
    found.entries.append(
        EvidenceEntry(
            path=str(here),
            kind=kind,
            sha256=sha256_hex(data),
            device_class=device_class if isinstance(device_class, str) else "",
            topic=here.stem if kind is EvidenceKind.DOCUMENT else "",
        )
    )


def _kinds(path: PurePosixPath, data: bytes) -> Iterator[EvidenceKind]:
    if path.name.endswith(_DESIRED_SUFFIX):
        yield EvidenceKind.DESIRED_STATE
    elif path.name.endswith(_JOURNAL_SUFFIX):
        yield EvidenceKind.NODE_JOURNAL
    elif path.suffix in {".log", ".jsonl"}:
        yield EvidenceKind.NODE_LOG
    elif path.suffix == ".md":
        yield EvidenceKind.DOCUMENT
    elif path.suffix == ".zip" and _is_bundle(data):
        yield EvidenceKind.DIAGNOSTIC_BUNDLE
    elif path.suffix == ".json":
        schema = _json_object(data).get("schema")
        if isinstance(schema, str) and schema in _SCHEMAS:
            yield _SCHEMAS[schema]


def _is_bundle(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return BUNDLE_INDEX in archive.namelist()
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError):
        return False


def _json_object(data: bytes) -> dict[str, Any]:
    """Return the object in `data`, empty where there is none: this only tells what a file is."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
