"""hilrig.app.finished.documents: what a page is rendered from is what the run directory holds."""

import base64

import numpy as np
import pytest

from finished_soaks import finish_soak
from hilrig.app.finished import documents
from hilrig.app.finished.documents import measured_frames, read_document, render_views
from hilrig.config.noun_json import to_json
from hilrig.core import files
from hilrig.core.baseline import Baseline
from hilrig.core.document import SignatureInfo
from hilrig.core.frame import Outcome
from hilrig.core.verdict import RunStatus

UNSIGNED = SignatureInfo(key_fingerprint="", envelope_file="", envelope_sha256="")


@pytest.fixture(scope="module")
def soak(tmp_path_factory):
    return finish_soak(tmp_path_factory.mktemp("soak"))


def test_measured_frames_are_those_after_the_warm_up(soak):
    """As many as were measured, from 0 on, with the latency of the record and -1 where there is none."""
    frames = measured_frames(soak.record)
    table = soak.record.frames[soak.record.plan.n_warmup_frames :]
    decided = table["outcome"] == Outcome.DECIDED
    expected = np.where(decided, table["t_decided_ns"] - table["t_intended_ns"], -1)
    assert frames.due_ns[0] == 0
    assert frames.due_ns.size == soak.record.plan.n_measured_frames
    assert np.array_equal(frames.latency_ns, expected)
    assert np.array_equal(frames.outcome, table["outcome"])
    assert (frames.due_ns.dtype, frames.latency_ns.dtype, frames.outcome.dtype) == (np.int64, np.int64, np.uint8)
    assert not decided.all()


def test_a_document_holds_the_profile_the_pictures_and_no_baseline(soak):
    """The profile is the text that was judged by; a run without a baseline has none."""
    document = read_document(soak.run_dir, soak.result, UNSIGNED, frames=None)
    assert document.profile_text == (soak.run_dir / files.PROFILE).read_text()
    assert len(document.thumbnails) == len(soak.result.judgement.worst_frames)
    assert document.baseline is None
    assert document.frames is None


def test_the_baseline_of_the_run_directory_is_shown(soak, tmp_path):
    """baseline.json is evidence like the rest."""
    baseline = Baseline(
        run_id="b",
        result_sha256="0" * 64,
        key_fingerprint="SHA256:x",
        started_at_utc="2026-01-01T00:00:00Z",
        status=RunStatus.PASS,
        profile_name="weld-station",
        rig="bench-7",
        device_class="x86-cpu",
        model_bundle_sha256="1" * 64,
        hilrig_version="0.1.0",
        checks=soak.result.judgement.checks,
        distribution=soak.result.judgement.distribution,
    )
    (tmp_path / files.BASELINE).write_bytes(to_json(baseline))
    assert read_document(tmp_path, soak.result, UNSIGNED, frames=None).baseline == baseline


def test_a_profile_that_is_no_utf_8_is_shown_all_the_same(soak, tmp_path):
    """A wrong byte costs one character of the listing, not the report."""
    (tmp_path / files.PROFILE).write_bytes(b"name: caf\xe9\n")
    document = read_document(tmp_path, soak.result, UNSIGNED, frames=None)
    assert document.profile_text == "name: caf�\n"


def test_the_picture_is_drawn_once(soak, monkeypatch):
    """It is a view of its own and part of the page, and takes longer than all the rest."""
    drawn = []
    load = documents.registry.load

    def counted(kind, name):
        drawn.append(name)
        return load(kind, name)

    monkeypatch.setattr(documents.registry, "load", counted)
    views = render_views(read_document(soak.run_dir, soak.result, UNSIGNED, frames=None))
    assert drawn.count("png") == 1
    assert set(views) == set(files.VIEW_FILES)
    assert base64.b64encode(views[files.REPORT_PNG]) in views[files.REPORT_HTML]
