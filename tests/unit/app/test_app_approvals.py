"""hilrig.app.gate.approvals: a person's approval lands in the release folder, and nothing there is replaced."""

import os
from pathlib import Path

import pytest

from gate_facts import make_manifest, make_run
from hilrig.app.gate.approvals import ApprovalRequest, approve
from hilrig.attest.approval import verify_approval
from hilrig.config.noun_json import to_json
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import HilrigError, PreconditionError, UsageError
from trust_roots import NOW_NS, Roots

MANIFEST = to_json(make_manifest([make_run("reports/run-1")]))
REQUEST = ApprovalRequest(
    role="quality", reason=" The soak ran 8 h. ", waives=("rollout-plan", "rollout-plan"), expires_days=30.0
)


@pytest.fixture
def release(tmp_path) -> Path:
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "release_manifest.json").write_bytes(MANIFEST)
    return folder


def give(release: Path, roots: Roots, request: ApprovalRequest = REQUEST) -> tuple[Path, object]:
    return approve(release, request, roots.signer("ann").signer, now_ns=NOW_NS)


def test_an_approval_is_over_the_very_bytes_of_the_manifest(release, tmp_path):
    """Role, reason without the blanks around it, each item once, 30 days; signed by the person's key."""
    roots = Roots(tmp_path)
    path, _ = give(release, roots)
    found = verify_approval(path.read_bytes(), [roots.key("ann")], name=path.name)
    assert found.manifest_sha256 == sha256_hex(MANIFEST)
    assert (found.role, found.reason, found.waives) == ("quality", "The soak ran 8 h.", ("rollout-plan",))
    assert found.issued_at_utc.startswith("2026-11-21T06:00:00")
    assert found.expires_at_utc.startswith("2026-12-21T06:00:00")
    assert found.key_fingerprint == roots.key("ann").fingerprint


def test_a_second_approval_lies_beside_the_first(release, tmp_path):
    """What was signed once stays; the name tells whose key it was."""
    roots = Roots(tmp_path)
    first, second = give(release, roots)[0], give(release, roots)[0]
    assert first.parent == second.parent == release / "approvals"
    assert first.name.endswith("-1.dsse.json")
    assert second.name.endswith("-2.dsse.json")
    assert first.name[:16] == second.name[:16]


@pytest.mark.parametrize("kind", ["missing", "link", "pipe", "changed"])
def test_without_a_plain_manifest_there_is_nothing_to_approve(release, tmp_path, kind):
    """No manifest, a link to one, a pipe, one that hilrig did not write: refused, and no approval is written."""
    manifest = release / "release_manifest.json"
    manifest.rename(tmp_path / "elsewhere.json")
    if kind == "link":
        manifest.symlink_to(tmp_path / "elsewhere.json")
    elif kind == "pipe":
        os.mkfifo(manifest)
    elif kind == "changed":
        manifest.write_bytes(MANIFEST + b"\n")
    with pytest.raises(HilrigError, match=r"release_manifest\.json"):
        give(release, Roots(tmp_path))
    assert not (release / "approvals").exists()


@pytest.mark.parametrize(
    "request_",
    [
        ApprovalRequest(role="quality", reason="  ", waives=(), expires_days=30.0),
        ApprovalRequest(role="Quality", reason="r", waives=(), expires_days=30.0),
        ApprovalRequest(role="quality", reason="r", waives=("a b",), expires_days=30.0),
        ApprovalRequest(role="quality", reason="r", waives=(), expires_days=400.0),
        ApprovalRequest(role="quality", reason="r", waives=(), expires_days=-1.0),
    ],
)
def test_what_no_gate_takes_is_not_written(release, tmp_path, request_):
    """No reason, an impossible role or item, too long, over before it begins."""
    with pytest.raises(UsageError):
        give(release, Roots(tmp_path), request_)
    assert not (release / "approvals").exists()


def test_a_folder_that_cannot_be_written_is_said(release, tmp_path):
    """A file where the folder should be."""
    (release / "approvals").write_text("in the way")
    with pytest.raises(PreconditionError, match="approvals"):
        give(release, Roots(tmp_path))
