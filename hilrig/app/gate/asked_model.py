"""Which model somebody asks about: by a digest, or by the files themselves."""

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from hilrig.core.errors import UsageError

CHUNK_BYTES: Final = 1 << 20

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedModel:
    """What is asked about: a sha256, and the file that it is of where one was given."""

    sha256: str
    file: Path | None


def asked_model(text: str) -> AskedModel:
    """Return what `--model` means: a sha256 in hex, or the path of a file, which is hashed.

    Raises:
        UsageError: it is neither.
    """
    if _SHA256.fullmatch(text.lower()):
        return AskedModel(sha256=text.lower(), file=None)
    digest = _hash_file(Path(text))
    if digest is None:
        raise UsageError(
            f"{text[:200]!a} is neither a readable file nor a sha256 in hex",
            hint="hilrig gate status --model FILE|SHA256 --device-class CLASS",
        )
    return AskedModel(sha256=digest, file=Path(text))


def difference(model: AskedModel, *, files_sha256: Mapping[str, str], bundle_sha256: str) -> str | None:
    """Return None when a model is the one with these files; else why it is not, empty when it is quite another.

    A graph says nothing of the weights that lie in other files: so they are hashed too, or the digest of all
    is asked for.

    Args:
        model: that somebody asks about.
        files_sha256: of the files of the model that was decided on, by path.
        bundle_sha256: over all of them.
    """
    if model.sha256 == bundle_sha256:
        return None
    here = sorted(path for path, digest in files_sha256.items() if digest == model.sha256)
    if not here:
        return ""
    if len(files_sha256) == 1:
        return None
    if model.file is None:
        return (
            f"{model.sha256[:12]} is {here[0]} alone, of a model of {len(files_sha256)} files: the others could be"
            f" any; ask with the file, or for the bundle_sha256 {bundle_sha256}"
        )
    file = model.file
    reasons = [_first_difference(files_sha256, path, file) for path in here]
    return None if None in reasons else reasons[0]


def _first_difference(files_sha256: Mapping[str, str], path: str, file: Path) -> str | None:
    """Return which other file does not lie about `file`, the model's `path`, as it was decided on."""
    above = Path(os.path.abspath(file)).parents  # noqa: PTH100 - a link's own place counts, not its end
    depth = len(PurePosixPath(path).parts)
    if depth > len(above):
        return f"{file} does not lie where {path} could"
    folder = above[depth - 1]
    for other, expected in sorted(files_sha256.items()):
        if other == path:
            continue
        found = _hash_file(folder / other)
        if found != expected:
            what = "is missing" if found is None else f"has the sha256 {found[:12]}"
            return f"{folder / other} {what}; the gate decided on {expected[:12]}"
    return None


def _hash_file(path: Path) -> str | None:
    """Return the sha256 of a file; None where there is no regular file that can be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would block
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    digest = hashlib.sha256()
    with os.fdopen(fd, "rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
