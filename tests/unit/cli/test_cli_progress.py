"""hilrig.cli.progress: a run in words."""

import pytest

from hilrig.cli import progress

MEASURING = {
    "phase": "measure",
    "n_frames": 1800,
    "n_offered": 901,
    "n_decided": 900,
    "n_dropped": 1,
    "n_failed": 0,
    "recent_p50_ms": 10.24,
    "recent_p99_ms": 12.5,
    "elapsed_s": 30,
    "total_s": 60,
}


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ({"phase": "preflight"}, "checking the rig"),
        ({"phase": "loading", "n_offered": 0}, "loading frames and model"),
        ({"phase": "judging"}, "judging"),
        ({"phase": "uploading"}, "uploading"),
        (
            {"phase": "uploading", "done_mib": 12.2, "total_mib": 80.0, "left_s": 20.4},
            "uploading 12 of 80 MiB, 20 s left",
        ),
        (
            MEASURING | {"phase": "fetching", "done_mib": 0.0, "total_mib": 80.0, "left_s": None},
            "fetching 0 of 80 MiB",
        ),
        (MEASURING, "measure  900 of 1800 frames decided  p50 10.2 ms  p99 12.5 ms  1 dropped"),
        (
            MEASURING | {"recent_p50_ms": None, "recent_p99_ms": None, "n_dropped": 0, "n_failed": 901},
            "measure  900 of 1800 frames decided  901 failed",
        ),
    ],
)
def test_a_status_reads_as_a_sentence(status, text):
    """What is unknown is left out, what is wrong is said."""
    assert progress.describe(status) == text


def test_lines_come_when_the_phase_changes_and_every_ten_seconds(capsys, monkeypatch):
    """A log of eight hours stays readable."""
    now_s = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now_s[0])
    lines = progress._Lines()
    for now_s[0], status in [(100, {"phase": "preflight"}), (101, {"phase": "preflight"}), (102, MEASURING)]:
        lines.show(status)
    for now_s[0] in (105, 111.9, 112, 113):
        lines.show(MEASURING)
    printed = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in printed] == ["checking", "measure", "measure"]
    assert printed[1].endswith("30 s left")


def test_no_time_is_left_before_and_after(capsys):
    """While loading nobody knows, when all frames are out there is none: no line counts below zero."""
    lines = progress._Lines()
    lines.show({"phase": "loading", "n_offered": 0, "total_s": 65, "elapsed_s": 0})
    lines.show(MEASURING | {"phase": "done", "elapsed_s": 60.1})
    assert "left" not in capsys.readouterr().err
