"""Triage and explain as commands: each playbook finds a fault that was planted in a real run, store or service."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gated_releases import Publisher
from needed_programs import need
from node_releases import accept_any
from node_services import serving_node, tiny_store

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_app_triage_*

STATION = Path(__file__).parents[2] / "profiles" / "weld-station"


def weld_station(folder: Path, *changes: tuple[str, str]) -> str:
    """Copy the weld station for a run of two seconds, with texts of its profile replaced."""
    shutil.copytree(STATION, folder)
    path = folder / "profile.yaml"
    text = path.read_text()
    for old, new in (
        ("duration_minutes: 1 ", "duration_minutes: 0.034 "),
        ("  warmup_s: 5 ", "  self_test_s: 0.2\n  warmup_s: 0.5 "),
        ("pool_frames: 120", "pool_frames: 24"),
        ("defect_ratio: 0.3", "defect_ratio: 0.9"),
        ("p99_max_ms: 45 ", "p99_max_ms: 4500 "),
        ("p95_max_ms: 30\n", "p95_max_ms: 3000\n"),
        ("decision_gap_max_ms: 500 ", "decision_gap_max_ms: 50000 "),
        ("depth: 4 ", "depth: 64 "),
        *changes,
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text)
    return str(folder)


def triaged(bench, *arguments):
    """Return exit code and document of a triage."""
    called = bench.call("triage", *map(str, arguments), "--json")
    assert "Traceback" not in called.err, called
    return called.code, json.loads(called.out)


def test_swapped_labels_are_named(bench):
    """Two labels of the real model change places in the profile: frames, not the profile, tell."""
    swapped = ("labels: [porosity, crack, undercut", "labels: [crack, porosity, undercut")
    bench.call("run", weld_station(bench.folder / "station", swapped))
    (run_dir,) = bench.run_dirs()
    code, found = triaged(bench, run_dir)
    assert code == 0, found
    assert (found["playbook_id"], found["owner"]) == ("accuracy-drop", "ML")
    assert found["candidates"][0]["cause"]["cause_id"] == "label-order"
    assert "taken for" in " ".join(found["steps"][3]["evidence"])


@pytest.mark.nightly
def test_a_wrong_scale_is_named(bench):
    """The pixels come without the division by 255: the model is blind, and the frames of the real run show how."""
    wrong = ("scale: 0.00392156862745098 ", "scale: 1 ")
    bench.call("run", weld_station(bench.folder / "station", wrong))
    (run_dir,) = bench.run_dirs()
    code, found = triaged(bench, run_dir)
    assert code == 0, found
    assert found["playbook_id"] == "accuracy-drop"
    assert "wrong-normalization" in {one["cause"]["cause_id"] for one in found["candidates"]}


@pytest.mark.nightly
def test_a_hog_beside_the_model_is_named(bench):
    """Twice as many busy processes as there are CPUs take the CPU from the worker: a co-resident service it is."""
    tight = (
        ("p99_max_ms: 4500 ", "p99_max_ms: 12 "),
        ("p95_max_ms: 3000\n", "p95_max_ms: 11\n"),
        ("duration_minutes: 0.034 ", "duration_minutes: 0.3 "),
    )
    need("stress-ng")
    hog = subprocess.Popen(["stress-ng", "--cpu", str(2 * (os.cpu_count() or 1)), "--timeout", "120"])
    try:
        called = bench.call("run", weld_station(bench.folder / "station", *tight))
    finally:
        hog.terminate()
        hog.wait()
    assert called.code in (10, 11), called
    (run_dir,) = bench.run_dirs()
    code, found = triaged(bench, run_dir)
    assert code == 0, found
    assert found["playbook_id"] == "latency-spikes"
    assert "background-services" in {one["cause"]["cause_id"] for one in found["candidates"]}


def test_a_running_service_and_its_store_are_compared(bench):
    """With the URL alone nobody can tell whether it serves what it should; with the store it is known."""
    store = tiny_store(bench.folder)
    with serving_node(store.folder) as node:
        code, found = triaged(bench, node.url)
        assert (code, found["candidates"]) == (11, []), found
        assert found["steps"][3]["status"] == "UNKNOWN", found
        code, found = triaged(bench, store.folder, node.url)
        assert (code, found["steps"][3]["status"]) == (11, "OK"), found


def test_the_screen_names_owner_mitigation_and_next_step(bench):
    """What a technician reads: the playbook and why, the safe action, each step, the causes, what to do next."""
    publisher = Publisher(bench.folder)
    store = publisher.store()
    older = publisher.release(1)
    store.stage(publisher.out / "releases" / older, accept=accept_any)
    store.activate(older, accept=accept_any)
    store.confirm(older)
    newer = publisher.release(2)
    store.stage(publisher.out / "releases" / newer, accept=accept_any)
    called = bench.call("triage", str(store.folder))
    assert called.code == 0, called
    for words in (
        "update-without-effect, because:",
        "do now      Pause the rollout",
        "owner backend",
        "next: Publish",
    ):
        assert words in called.out, called


@pytest.mark.parametrize("what", ["gone", "http://127.0.0.1:9/"])
def test_what_cannot_be_read_ends_with_22(bench, what):
    """A missing folder, a service that is not there: one message, the next step, no traceback."""
    called = bench.call("triage", what)
    assert called.code == 22, called
    assert "next:" in called.err, called
    assert "Traceback" not in called.err, called


def test_explain_says_what_a_code_means(bench):
    """Owner, section, next step; unknown words end with 2 and the nearest."""
    called = bench.call("explain", "HR-305")
    assert called.code == 0, called
    for words in ("owner    ML", "docs/playbooks/model-fails-to-load.md#operators", "next: hilrig compat check"):
        assert words in called.out, called
    wrong = bench.call("explain", "latency.p99_max_sm")
    assert wrong.code == 2, wrong
    assert "latency.p99_max_ms" in wrong.err, wrong
    assert json.loads(bench.call("explain", "33", "--json").out)["owner"] == "backend"
