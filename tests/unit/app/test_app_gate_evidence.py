"""What lies in an evidence folder is found by what it is, and nothing else is opened."""

import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from hilrig.app.gate.evidence import DEPTH_MAX, find_evidence, read_evidence_file
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import TrustError, UsageError
from hilrig.core.gate_manifest import EvidenceEntry, EvidenceKind


def a_zip(name: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(name, "{}")
    return data.getvalue()


FOUND = {
    "compatibility.json": (b'{"schema": "hilrig.compat/1"}', EvidenceKind.COMPATIBILITY),
    "golden-x86.json": (b'{"schema": "hilrig.golden/1", "device_class": "x86-cpu"}', EvidenceKind.GOLDEN),
    "powerloss.json": (b'{"schema": "hilrig.power_loss/1"}', EvidenceKind.POWER_LOSS),
    "bundle.zip": (a_zip("bundle.json"), EvidenceKind.DIAGNOSTIC_BUNDLE),
    "node.log": (b"{}\n", EvidenceKind.NODE_LOG),
    "service.jsonl": (b"{}\n", EvidenceKind.NODE_LOG),
    "cell-1.journal.jsonl": (b"{}\n", EvidenceKind.NODE_JOURNAL),
    "desired.dsse.json": (b"{}", EvidenceKind.DESIRED_STATE),
    "on-call.md": (b"# x", EvidenceKind.DOCUMENT),
}


@pytest.mark.parametrize("name", FOUND)
def test_each_kind_is_found_also_in_a_folder(name: str, tmp_path: Path) -> None:
    """The digest is that of the bytes, the class that of a golden report, the topic the name of a document."""
    data, kind = FOUND[name]
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / name).write_bytes(data)
    (entry,) = find_evidence(tmp_path).entries
    assert (entry.path, entry.kind, entry.sha256) == (f"node/{name}", kind, sha256_hex(data))
    assert entry.device_class == ("x86-cpu" if kind is EvidenceKind.GOLDEN else "")
    assert entry.topic == ("on-call" if kind is EvidenceKind.DOCUMENT else "")
    assert read_evidence_file(tmp_path, entry) == data


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("notes.txt", b"x"),
        ("other.json", b'{"schema": "hilrig.golden/2"}'),
        ("list.json", b"[1]"),
        ("deep.json", b"[" * 100_000),
        ("cut.json", b'{"schema": "hilrig.gol'),
        ("other.zip", a_zip("x.txt")),
        ("cut.zip", a_zip("bundle.json")[:20]),
        (".hidden.md", b"x"),
    ],
)
def test_what_is_none_is_passed_over_by_name(name: str, data: bytes, tmp_path: Path) -> None:
    """Nothing is taken for evidence because of its name alone, and nothing is passed over in silence."""
    (tmp_path / name).write_bytes(data)
    found = find_evidence(tmp_path)
    assert not found.entries
    assert [words.partition(":")[0] for words in found.passed_over] == [name]


def test_a_release_folder_and_an_unfinished_run_are_passed_over(tmp_path: Path) -> None:
    """The release may be written into the evidence folder; half a run proves nothing."""
    for folder, name in (("release", "release.json"), ("half", "plan.json")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("{}")
    assert len(find_evidence(tmp_path).passed_over) == 2


def test_a_run_without_a_readable_result_is_passed_over(tmp_path: Path) -> None:
    """A result that is no JSON object names no class."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "result.json").write_text("[]")
    (tmp_path / "run" / "attestation.dsse.json").write_text("{}")
    assert find_evidence(tmp_path).passed_over == ["run: its result.json is not readable"]


def test_links_and_pipes_are_refused_by_name(tmp_path: Path) -> None:
    """A link could show another file tomorrow; a pipe must not make the gate wait."""
    (tmp_path / "link.md").symlink_to("/etc/hostname")
    with pytest.raises(TrustError, match=r"link\.md is not a regular file"):
        find_evidence(tmp_path)
    (tmp_path / "link.md").unlink()
    os.mkfifo(tmp_path / "pipe.log")
    with pytest.raises(TrustError, match=r"pipe\.log is not a regular file"):
        find_evidence(tmp_path)


def test_folders_end_somewhere(tmp_path: Path) -> None:
    """A tree without end is no evidence folder."""
    deep = tmp_path.joinpath(*["d"] * (DEPTH_MAX + 2))
    deep.mkdir(parents=True)
    (deep / "x.md").write_text("x")
    found = find_evidence(tmp_path)
    assert not found.entries
    assert "deeper" in found.passed_over[0]


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    """A wrong path is said, and is no empty folder."""
    with pytest.raises(UsageError, match="does not exist"):
        find_evidence(tmp_path / "none")


@pytest.mark.parametrize("path", ["", "/etc/hostname", "../x.md", "a/../../x.md", "a\nb"])
def test_a_manifest_leads_nowhere_else(path: str, tmp_path: Path) -> None:
    """A path of a manifest that climbs is refused before anything is opened."""
    entry = EvidenceEntry(path=path, kind=EvidenceKind.DOCUMENT, sha256="0" * 64)
    with pytest.raises(TrustError, match="not below the evidence folder"):
        read_evidence_file(tmp_path, entry)


def test_a_folder_on_the_way_that_is_a_link_is_refused(tmp_path: Path) -> None:
    """A link in the middle of a path leads out of the folder as well as one at its end."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x.md").write_text("x")
    (tmp_path / "link").symlink_to("real")
    entry = EvidenceEntry(path="link/x.md", kind=EvidenceKind.DOCUMENT, sha256=sha256_hex(b"x"))
    with pytest.raises(TrustError, match="symbolic link"):
        read_evidence_file(tmp_path, entry)


def test_a_golden_report_with_an_odd_class_has_none(tmp_path: Path) -> None:
    """What a file states is a claim: a class that is no text is none."""
    (tmp_path / "g.json").write_text(json.dumps({"schema": "hilrig.golden/1", "device_class": 1}))
    assert find_evidence(tmp_path).entries[0].device_class == ""
