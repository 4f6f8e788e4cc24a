"""Releases as they lie on a disk."""

from dataclasses import replace

import pytest

from hilrig.config.noun_json import to_json
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import NoDecisionError, TrustError, UsageError
from hilrig.core.release import GoldenSample, ReleaseFile
from hilrig.node.release_files import parse_manifest, read_release
from node_releases import SMALL, make_manifest, write_release

MANIFEST = make_manifest()
GRAPH, WEIGHTS = MANIFEST.files

WRONG = {
    "schema": {"schema": "hilrig.release/2"},
    "name for a model": {"name": "../weld"},
    "is not one line": {"version": "1\n2"},
    "sequence": {"sequence": -1},
    "device class": {"device_classes": ()},
    "stack_sha256": {"stack_sha256": "12"},
    "lists 0 files": {"files": ()},
    "a path twice": {"files": (GRAPH, GRAPH, WEIGHTS)},
    "is no path": {"files": (GRAPH, WEIGHTS, ReleaseFile(path="../x", sha256="0" * 64, size_bytes=1))},
    "below a path that is a file": {
        "files": (GRAPH, WEIGHTS, ReleaseFile(path="model.onnx/x", sha256="0" * 64, size_bytes=1))
    },
    "has no sha256": {"files": (GRAPH, WEIGHTS, ReleaseFile(path="x", sha256="../../x", size_bytes=1))},
    "a size that cannot be": {"files": (replace(GRAPH, size_bytes=-1), WEIGHTS)},
    "has a size that": {"files": (GRAPH, WEIGHTS, replace(GRAPH, path="copy", size_bytes=1))},
    "a file of its model": {"files": (GRAPH,)},
    "not that of the model's files": {"bundle_sha256": "0" * 64},
    "pins another": {"model": replace(MANIFEST.model, bundle_sha256="0" * 64)},
    "golden sample's input": {"golden": GoldenSample(input_sha256="0" * 64, scores=(0.5,), tolerance=0.1)},
}


@pytest.mark.parametrize("words", WRONG)
def test_a_manifest_that_states_what_cannot_be_is_refused(words):
    """Each such mistake is named, before a byte of the release is copied."""
    with pytest.raises(TrustError, match=words):
        parse_manifest(to_json(replace(MANIFEST, **WRONG[words])))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[1]",
        b"null",
        to_json(MANIFEST) + b"\n",
        to_json(MANIFEST).replace(b'"sequence":1', b'"sequence":1,"sequence":2'),
        to_json(MANIFEST).replace(b'"sequence":1', b'"sequence":1.0'),
        to_json(MANIFEST).replace(b'"sequence":1', b'"more":2,"sequence":1'),
        b"[" * 10000,
    ],
)
def test_what_is_not_canonical_is_refused(data):
    """Bytes that two readers could read differently are no manifest: their digest would name two releases."""
    with pytest.raises(TrustError):
        parse_manifest(data)


def test_a_release_is_read_with_its_decision(tmp_path):
    """Its name is the digest of its manifest."""
    sha256 = write_release(tmp_path / "r", decision=b"{}")
    release = read_release(tmp_path / "r")
    assert release.sha256 == sha256 == sha256_hex(to_json(make_manifest(SMALL)))
    assert release.decision == b"{}"
    assert release.manifest == MANIFEST


def test_a_folder_without_a_release_is_told(tmp_path):
    """The mistake of a wrong folder is not one of trust."""
    with pytest.raises(UsageError, match="is no release"):
        read_release(tmp_path)


def test_a_release_without_a_decision_is_refused(tmp_path):
    """Nobody decided on it."""
    write_release(tmp_path / "r")
    (tmp_path / "r" / "gate.dsse.json").unlink()
    with pytest.raises(NoDecisionError, match="gate.dsse.json"):
        read_release(tmp_path / "r")


def test_a_manifest_behind_a_link_is_refused(tmp_path):
    """A release folder that points elsewhere is not read."""
    write_release(tmp_path / "r")
    (tmp_path / "r" / "release.json").rename(tmp_path / "elsewhere")
    (tmp_path / "r" / "release.json").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is no release"):
        read_release(tmp_path / "r")
