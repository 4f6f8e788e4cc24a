"""Triage with a golden diagnostic bundle: the frames are run here, through the profile that is here."""

import json

import pytest

from golden_stations import write_color_station
from hilrig.app.golden.making import BundleRequest, make_bundle
from hilrig.app.triage.triage import triage
from hilrig.core.clock import ManualClock
from hilrig.core.playbook import StepStatus


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """Return a bundle of the station as it was released."""
    folder = tmp_path_factory.mktemp("released")
    request = BundleRequest(profile=write_color_station(folder / "s"), out=folder / "b.zip", n_frames=8)
    make_bundle(request, clock=ManualClock(), shown=lambda *_: None)
    return folder / "b.zip"


@pytest.fixture
def node(tmp_path, monkeypatch):
    """Return the folder of a bare store; profiles are looked for beside it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "node").mkdir()
    (tmp_path / "node" / "node.json").write_text(json.dumps({"node_id": "press-7", "device_class": "x86-cpu"}))
    return tmp_path / "node"


def test_a_changed_pipeline_is_found_by_the_bundle(node, bundle):
    """The colour order was changed after the release: frames that were right come out differently here."""
    write_color_station(node.parent / "profiles" / "color-station", ("color_order: rgb", "color_order: bgr"))
    found = triage([str(node)], playbook_id="accuracy-drop", bundle=bundle)
    assert found.candidates[0].cause.cause_id == "config-rollout-mismatch"
    assert any(line.startswith("pipeline: ") for line in found.steps[3].evidence)


def test_a_bundle_that_agrees_is_no_signal(node, bundle):
    """Then it is not the pipeline; nothing is suspected for it."""
    write_color_station(node.parent / "profiles" / "color-station")
    found = triage([str(node)], playbook_id="accuracy-drop", bundle=bundle)
    assert found.steps[3].status is StepStatus.OK
    assert found.steps[3].evidence[0] == "golden bundle: 8 of 8 inputs as expected"
    assert found.candidates == ()
