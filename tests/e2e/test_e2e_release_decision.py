"""The default policy turns a real run of the demo profile into a signed decision; any change of it refuses."""

import json
import time
from pathlib import Path

import pytest

from release_decisions import CLASS, WeldRelease

# Short: test_gate_decide (the default policy, every fact flipped), test_app_gate_hostile, test_app_gate_check.
pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

REFUSALS = {2, 10, 11, 22, 30}
LOG_S = 62.0
"""A log of less than a minute says nothing of what it grows by in an hour."""


@pytest.fixture(scope="module")
def decided(new_bench) -> WeldRelease:
    """Return a release with all its evidence, approved and decided on."""
    made = WeldRelease(new_bench("release"))
    made.set_up()
    made.measure()
    made.manifest()
    made.rehearse(lambda: complete(made))
    made.manifest()
    made.approve()
    called = made.check("--key", made.key("gate"))
    assert called.code == 0, called
    return made


def complete(made: WeldRelease) -> None:
    """Collect the rest of the evidence while the node serves."""
    end_s = time.monotonic() + LOG_S
    made.complete()
    time.sleep(max(0.0, end_s - time.monotonic()))


def test_the_default_policy_lets_the_demo_through(decided: WeldRelease) -> None:
    """Each of the thirteen items passes, but the soak that a person let wait; an agent is told PASSED."""
    outcome = decided.outcome()
    status = {item["item_id"]: item["status"] for item in outcome["items"]}
    assert status.pop("thermal-and-long-run") == "WAIVED"
    assert len(status) == 13  # twelve others and the manifest itself
    assert set(status.values()) == {"PASS"}
    asked = decided.call(
        "gate", "status", "--model", f"{decided.profile}/model.onnx", "--device-class", CLASS,
        "--decisions", str(decided.release / "decisions"), "--trust", "trust.json", "--json",
    )  # fmt: skip
    assert json.loads(asked.out)["status"] == "PASSED"


def test_one_bit_in_any_file_refuses_the_release(decided: WeldRelease, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence, release, approval, trust root, source: the middle byte of each changes, and nothing passes."""
    monkeypatch.setenv("HILRIG_HOME", str(decided.folder / "home"))
    assert decided.preview()[0] == 0
    n_files = 0
    for path in files_of(decided):
        kept = path.read_bytes()
        middle = len(kept) // 2
        path.chmod(0o644)
        path.write_bytes(kept[:middle] + bytes([kept[middle] ^ 1]) + kept[middle + 1 :])
        code, why = decided.preview()
        path.write_bytes(kept)
        assert code in REFUSALS, (path, why)
        assert names(why, path), (path, why)
        n_files += 1
    assert n_files > 35
    assert decided.preview()[0] == 0


def files_of(decided: WeldRelease) -> list[Path]:
    """Return every file that the decision rests on, without those that hold nothing."""
    folders = (decided.evidence, decided.release, Path(decided.profile))
    found = [path for folder in folders for path in sorted(folder.rglob("*"))]
    return [
        path
        for path in (*found, decided.folder / "trust.json")
        if path.is_file() and path.stat().st_size and "decisions" not in path.parts
    ]


def names(why: str, path: Path) -> bool:
    """Return whether a refusal says where to look: the file, its folder, the manifest, or the item."""
    return any(word in why for word in (path.name, path.parent.name, "manifest", "rollout-plan"))


@pytest.mark.parametrize(
    ("gone", "item"),
    [
        ("runs", "hil-validation"),
        ("golden.json", "hil-validation"),
        ("compatibility.json", "compatibility-matrix"),
        ("powerloss.json", "security-review"),
        ("node.log", "logging"),
        ("journal.jsonl", "rollout-plan"),
        ("desired.dsse.json", "rollout-plan"),
        ("bundle.zip", "support-readiness"),
        ("on-call.md", "support-readiness"),
        ("symptom-guide.md", "support-readiness"),
    ],
)
def test_without_a_piece_of_evidence_its_item_is_open(
    decided: WeldRelease, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gone: str, item: str
) -> None:
    """What is not there blocks, though nothing that is there fails: its item is NOT_MEASURED, exit code 11."""
    monkeypatch.setenv("HILRIG_HOME", str(decided.folder / "home"))
    place, aside = decided.evidence / gone, decided.folder / "aside"
    place.rename(aside)
    try:
        decided.remade(tmp_path / "release")
        code, _ = decided.preview(tmp_path / "release")
    finally:
        aside.rename(place)
    assert code == 11
    outcome = json.loads((tmp_path / "release" / "decisions" / f"{CLASS}.preview.json").read_bytes())
    status = {one["item_id"]: one["status"] for one in outcome["items"]}
    assert status[item] == "NOT_MEASURED"
