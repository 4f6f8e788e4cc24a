"""hilrig.cli.watch_screen: a run in lines of text."""

import re
from dataclasses import replace

import pytest

from hilrig.app.live.view import look
from hilrig.cli.watch_screen import one_liner, screen
from hilrig.core.clock import ManualClock
from hilrig.core.live import LiveState
from live_runs import STATUS, write_live

CLOCK = ManualClock(1_000_000_000_000)


@pytest.fixture
def run(tmp_path):
    return look(write_live(tmp_path / "run", clock=CLOCK), clock=CLOCK)


def text(run, *, width=100):
    return "\n".join(line.text for line in screen(run, width=width))


def test_everything_that_a_technician_asks_for_is_there(run):
    """Phase, time, rate, latencies, limits with their budget, heat, disk, what a stop would mean."""
    shown = text(run)
    for part in (
        "MEASURING  31 s of 1 min 1 s, 30 s left".replace("1 min 1 s", "1 min 01 s"),
        "30.0 fps",
        "3 dropped",
        "latency p99 13.1 ms, limit 45 ms, 50 % of its budget left",
        "gpu0 71 C (26 below its limit)",
        "throttled 0 s",
        "GiB free, 50 MiB still needed",
        "if it stopped now: INCONCLUSIVE: 0.5 of 1.0 min measured",
        "warning: mind the step",
    ):
        assert part in shown
    assert re.search(r"last minute +11.0 ms +12.0 ms +13.0 ms", shown)
    assert re.search(r"whole run +11.1 ms +12.1 ms +13.1 ms +40.0 ms", shown)


@pytest.mark.parametrize("width", [20, 40, 60, 79, 200])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_lost(run, width):
    """What does not fit goes on in the next line."""
    lines = [line.text for line in screen(run, width=width)]
    assert max(map(len, lines)) <= width
    if width >= 60:
        assert "50 % of its budget left" in re.sub(r"\s+", " ", " ".join(lines))


@pytest.mark.parametrize(
    ("state", "word"), [(LiveState.STALE, "STALE: no sign of life for 12 s"), (LiveState.LOST, "LOST")]
)
def test_silence_is_shouted(run, state, word):
    """In capitals between marks: a screen may have no colours."""
    silent = replace(run, state=state, heartbeat_age_s=12.0)
    assert f"!!!!! {word}" in text(silent)
    assert one_liner(silent).startswith(word)


def test_unknown_is_not_zero(run):
    """Before the first frame there is no rate, no latency, no throttle time."""
    early = replace(
        run, phase="loading", n_offered=0, elapsed_s=0.0, fps=None, throttled_s=None, disk_needed_mib=None
    )
    shown = text(early)
    assert "fps" not in shown
    assert "p50" not in shown
    assert "throttling unknown" in shown
    assert one_liner(early) == "LOADING frames and model"


def test_a_target_that_decides_nothing_is_infinitely_late(tmp_path):
    """The percentile has no number then, and that is no dash."""
    measured = STATUS["measured"] | {"p99_ms": None, "n_over_limit": {"latency.p99_max_ms": 20}}
    run = look(write_live(tmp_path / "run", clock=CLOCK, measured=measured), clock=CLOCK)
    assert re.search(r"whole run +11.1 ms +12.1 ms +infinite", text(run))
    assert "OVER" in text(run)


def test_foreign_words_cannot_steer_the_terminal(run):
    """Escape sequences and bidi marks from a note, an event or a sensor are gone."""
    hostile = replace(run, note="\x1b[2J\u202egone", events=("\x1b]0;title\x07",), rig="\x9b31m")
    for line in screen(hostile, width=80):
        assert line.text.isprintable()


def test_a_line_for_a_log_has_the_numbers(run):
    """One line every ten seconds is all that a CI log gets."""
    line = one_liner(run)
    assert "\n" not in line
    assert "31 s of" in line
    assert "p99 13.0 ms in the last minute, 13.1 ms in all" in line
    assert "3 dropped, 0 failed" in line
    assert "INCONCLUSIVE" in line
