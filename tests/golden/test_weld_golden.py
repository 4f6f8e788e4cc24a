"""The bundled weld station's golden set through hilrig's own pipeline, held against the limits of its profile."""

import shutil
from pathlib import Path

import pytest

from hilrig.app.golden.run import GoldenRequest, run_golden
from hilrig.core.clock import SystemClock
from hilrig.core.verdict import CheckStatus

STATION = Path(__file__).parents[2] / "profiles" / "weld-station"


def golden(station):
    return run_golden(GoldenRequest(profile=station), clock=SystemClock(), shown=lambda *_: None)


def test_a_few_of_its_frames_show_no_mistake_and_prove_too_little(tmp_path):
    """20 frames without a mistake: no limit fails, and each of a label says how many frames it would take."""
    for name in ("model.onnx", "profile.yaml"):
        shutil.copy(STATION / name, tmp_path / name)
    text = (tmp_path / "profile.yaml").read_text()
    start, end = text.index("  sha256: "), text.index("  # Held against")
    short = text[:start].replace("pool_frames: 320", "pool_frames: 20") + text[end:]
    (tmp_path / "profile.yaml").write_text(short)
    report = golden(tmp_path)
    assert report.n_frames == 20
    assert all(score.false_positives == score.false_negatives == 0 for score in report.labels)
    assert report.status is CheckStatus.INCONCLUSIVE
    assert all("such frames" in check.sentence for check in report.checks[1:])


@pytest.mark.nightly
def test_the_whole_set_keeps_every_limit():
    """All 320 pinned frames, every one decided: all limits of the profile hold by the worse end."""
    report = golden(STATION)
    assert (report.n_frames, report.n_not_decided, report.status) == (320, 0, CheckStatus.PASS)
    assert len(report.checks) == 1 + 4 * 3
