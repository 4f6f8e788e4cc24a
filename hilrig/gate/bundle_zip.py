"""The golden diagnostic bundle as bytes: a zip that is stored, in order, without times, so that equal is equal.

What is read back is written again and compared: a bundle is exactly what `pack` makes, or it is refused. A second
directory, a comment, bytes before or behind, a name that only one of two headers has: none of them survives that.
"""

import io
import re
import stat
import struct
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from hilrig.config.keys import NAME_PATTERN
from hilrig.config.noun_json import from_json, to_json
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import RecordError
from hilrig.core.golden_bundle import BUNDLE_SCHEMA, BundleInfo, ExpectedFrame
from hilrig.core.units import BYTES_PER_MIB

N_INPUTS_MAX: Final = 24
BUNDLE_BYTES_MAX: Final = 8 * BYTES_PER_MIB
"""What still goes through a ticket system as an attachment."""

INFO: Final = "bundle.json"
EXPECTED: Final = "expected.json"
LOG: Final = "log.jsonl"
INPUT_NAME: Final = re.compile(r"inputs/[0-9]{3}\.png")

_FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)  # the first that a zip can state
_FILE_MODE: Final = (stat.S_IFREG | 0o644) << 16
_UNIX: Final = 3  # `create_system`: else it depends on where the bundle was made
_ZIP_FAULTS: Final = (BadZipFile, RuntimeError, EOFError, ValueError, OSError, struct.error)
"""What zipfile raises on bytes that are no zip, or an encrypted one."""
_HINT: Final = "ask for the bundle again; hilrig golden bundle makes it"


class Bundle(NamedTuple):
    """A bundle's contents: the frames in the order of their names, the pictures by name, the log's tail."""

    info: BundleInfo
    expected: tuple[ExpectedFrame, ...]
    inputs: Mapping[str, bytes]
    log: bytes


def pack(bundle: Bundle) -> bytes:
    """Return the bytes of a bundle; `info.files_sha256` is filled in."""
    files = {EXPECTED: to_json(bundle.expected), **bundle.inputs, **({LOG: bundle.log} if bundle.log else {})}
    digests = {name: sha256_hex(data) for name, data in files.items()}
    info = replace(bundle.info, files_sha256=digests)
    return _zip({INFO: to_json(info), **files})


def unpack(data: bytes, *, what: str) -> Bundle:
    """Return what is in a bundle; `what` names the file.

    Raises:
        RecordError: it is no bundle, or not one that hilrig wrote: nothing of it is used then.
    """
    files = _unzip(data, what=what)
    if _zip(files) != data:
        raise _refused(what, "its bytes are not those that hilrig writes for these files")
    info = from_json(BundleInfo, _file(files, INFO, what), what=f"{what}: {INFO}")
    if info.schema != BUNDLE_SCHEMA:
        raise _refused(what, f"schema {info.schema[:80]!a} instead of {BUNDLE_SCHEMA}")
    if not re.fullmatch(NAME_PATTERN, info.profile_name):  # a path here would choose what is run
        raise _refused(what, f"{INFO} names no profile")
    found = {name: sha256_hex(content) for name, content in files.items() if name != INFO}
    if found != dict(info.files_sha256):
        raise _refused(what, f"its files are not those that {INFO} lists")
    expected = from_json(tuple[ExpectedFrame, ...], _file(files, EXPECTED, what), what=f"{what}: {EXPECTED}")
    inputs = {name: content for name, content in files.items() if INPUT_NAME.fullmatch(name)}
    if [frame.name for frame in expected] != list(inputs) or not inputs:
        raise _refused(what, f"{EXPECTED} does not speak of each picture once, in order")
    return Bundle(info=info, expected=expected, inputs=inputs, log=files.get(LOG, b""))


def _zip(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with ZipFile(target, "w", ZIP_STORED) as archive:
        for name in sorted(files):
            entry = ZipInfo(name, _FIXED_TIME)
            entry.external_attr, entry.create_system = _FILE_MODE, _UNIX
            archive.writestr(entry, files[name])
    return target.getvalue()


def _unzip(data: bytes, *, what: str) -> dict[str, bytes]:
    """Return the files of a zip, none of which is larger than the zip itself."""
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _refuse_foreign(entries, n_bytes=len(data), what=what)
            return {entry.filename: archive.read(entry) for entry in entries}
    except _ZIP_FAULTS as error:
        raise _refused(what, f"it is no zip: {error}") from error


def _refuse_foreign(entries: Sequence[ZipInfo], *, n_bytes: int, what: str) -> None:
    names = [entry.filename for entry in entries]
    if len(names) > N_INPUTS_MAX + len((INFO, EXPECTED, LOG)):
        raise _refused(what, f"it has {len(names)} files, at most {N_INPUTS_MAX} pictures are expected")
    if len(set(names)) < len(names):
        raise _refused(what, "a name is given twice")
    for entry in entries:
        shown = entry.filename[:80].encode("unicode_escape").decode()
        if entry.filename not in {INFO, EXPECTED, LOG} and not INPUT_NAME.fullmatch(entry.filename):
            raise _refused(what, f"'{shown}' does not belong in it")
        if entry.external_attr != _FILE_MODE:
            raise _refused(what, f"'{shown}' is a link or something else but a plain file")
        if entry.compress_type != ZIP_STORED or entry.file_size != entry.compress_size:
            raise _refused(what, f"'{shown}' is compressed: what it grows to is nobody's guess")
    if sum(entry.file_size for entry in entries) > n_bytes:
        raise _refused(what, "its files are larger than itself")


def _file(files: Mapping[str, bytes], name: str, what: str) -> bytes:
    if name not in files:
        raise _refused(what, f"{name} is missing")
    return files[name]


def _refused(what: str, why: str) -> RecordError:
    return RecordError(f"{what} is no golden diagnostic bundle: {why}", hint=_HINT)
