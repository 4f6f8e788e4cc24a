"""A golden diagnostic bundle as evidence for the gate, read without any pipeline's libraries."""

from pathlib import Path

from hilrig.core.errors import RecordError
from hilrig.core.gate_facts import BundleFacts
from hilrig.gate.bundle_zip import BUNDLE_BYTES_MAX, Bundle, unpack
from hilrig.record.untrusted_file import read_untrusted


def read_bundle(path: Path) -> Bundle:
    """Return what is in a bundle's file.

    Raises:
        RecordError: there is none, or it is not exactly one that hilrig wrote.
    """
    data = read_untrusted(path, max_bytes=BUNDLE_BYTES_MAX)
    if data is None:
        raise RecordError(f"there is no bundle {path}", hint=f"hilrig golden bundle PROFILE --out {path}")
    return unpack(data, what=str(path))


def bundle_facts(data: bytes, *, path: str) -> BundleFacts:
    """Return what the gate knows of a bundle; `path` names it.

    Raises:
        RecordError: it is not exactly one that hilrig wrote.
    """
    bundle = unpack(data, what=path)
    return BundleFacts(
        path=path,
        bundle_sha256=bundle.info.bundle_sha256,
        pipeline_sha256=bundle.info.pipeline_sha256,
        n_inputs=len(bundle.inputs),
    )
