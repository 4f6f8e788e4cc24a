"""hilrig.app.gate.before: what a release takes from the one before it."""

from dataclasses import replace

import pytest

from gate_facts import make_manifest, make_run
from hilrig.app.gate.before import ReleaseBefore, golden_before
from hilrig.config.noun_json import to_json
from hilrig.core.errors import TrustError
from hilrig.core.gate_manifest import EvidenceEntry, EvidenceKind


def test_the_golden_reports_of_a_class_are_those_of_the_last_release(tmp_path):
    """Of its evidence the golden reports, of this class alone; without a release before nobody knows."""
    entries = tuple(
        EvidenceEntry(path=name, kind=kind, sha256=name[0] * 64, device_class=device_class)
        for name, kind, device_class in (
            ("a.json", EvidenceKind.GOLDEN, "x86-cpu"),
            ("b.json", EvidenceKind.GOLDEN, "jetson-orin-nx-8gb"),
            ("c.json", EvidenceKind.COMPATIBILITY, ""),
        )
    )
    manifest = replace(make_manifest([make_run("reports/run-1")]), evidence=entries)
    (tmp_path / "release_manifest.json").write_bytes(to_json(manifest))
    before = ReleaseBefore(folder=tmp_path)
    assert golden_before(before, "x86-cpu") == {"a" * 64}
    assert golden_before(before, "x86-avx2") == frozenset()
    assert golden_before(None, "x86-cpu") is None


def test_a_release_before_without_a_manifest_is_refused(tmp_path):
    """An empty folder tells nothing, which is not the same as no golden report."""
    with pytest.raises(TrustError, match=r"release_manifest\.json"):
        golden_before(ReleaseBefore(folder=tmp_path), "x86-cpu")
