"""A run on a terminal: lines of text with a style, that fit into any width."""

import textwrap
from collections.abc import Iterator
from typing import Final, NamedTuple

from hilrig.core.live import LiveLimit, LiveRun, LiveState, Standing
from hilrig.core.units import S_PER_MIN, format_duration

BAR_CELLS: Final = 24
BAR_CELLS_MIN: Final = 8
BESIDE_BAR: Final = 50
"""What the phase and its times take beside the bar."""

INDENT: Final = 7
LINES_MAX: Final = 3
"""For one text: a note of 2,000 characters must not push the numbers off the screen."""

MIB_PER_GIB: Final = 1024
N_TEMPERATURES: Final = 4
N_EVENTS: Final = 4
PHASES: Final = {
    "power-loss test": "POWER-LOSS TEST",
    "companions alone": "COMPANIONS ALONE",
    "self-test": "SELF-TEST of the rig",
    "loading": "LOADING frames and model",
    "warmup": "WARM-UP",
    "measure": "MEASURING",
    "drill": "DRILL",
    "drain": "LAST FRAMES",
    "judging": "JUDGING",
    "done": "DONE",
}
MARKS: Final = {
    Standing.WITHIN: ("ok", "green"),
    Standing.BROKEN: ("OVER", "bold red"),
    Standing.UNKNOWN: ("..", ""),
}
"""A word beside the colour: a screen may have none."""


class Line(NamedTuple):
    """One line, with the name of its style for `rich`."""

    text: str
    style: str = ""


def screen(run: LiveRun, *, width: int) -> list[Line]:
    """Return a run as lines of at most `width` characters; a longer one goes on in the next line, indented."""
    return [Line(part, line.style) for line in _lines(run, width) for part in _fitted(line.text, width)]


def one_liner(run: LiveRun) -> str:
    """Return a run in one line, for a log."""
    if run.state in {LiveState.STALE, LiveState.LOST}:
        return f"{_silence(run)}; last seen: {_phase(run)}"
    parts = [_phase(run)]
    if run.n_offered:
        parts += [
            _progress(run),
            f"p99 {_ms(run.now_p99_ms, run)} in the last minute, {_ms(run.whole_p99_ms, run)} in all",
        ]
        parts += [f"{run.n_dropped} dropped, {run.n_failed} failed", run.if_stopped_now]
    return "  ".join(part for part in parts if part)


def _lines(run: LiveRun, width: int) -> Iterator[Line]:
    yield Line(f"{run.profile_name} on {run.rig} ({run.device_class})", "bold")
    yield Line(f"run {run.run_id}, started {run.started_at_utc[:16].replace('T', ' ')} UTC" + _by(run))
    if run.note:
        yield Line(f"note: {run.note}")
    if run.state in {LiveState.STALE, LiveState.LOST}:
        yield Line("")
        yield Line(f"!!!!! {_silence(run)} !!!!!", "bold reverse red")
        yield Line("")
    yield Line(f"{_bar(run, width)}{_phase(run)}  {_progress(run)}".rstrip(), "bold")
    yield Line(_counts(run))
    yield from _latencies(run, width)
    yield from (_limit(limit) for limit in run.limits)
    yield Line(_heat(run), "bold red" if run.thermal_state == "throttled" else "")
    yield Line(_disk(run))
    if run.if_stopped_now:
        yield Line(
            f"if it stopped now: {run.if_stopped_now}", "bold red" if "FAIL" in run.if_stopped_now else "bold"
        )
    yield from (Line(f"warning: {warning}", "yellow") for warning in run.warnings)
    yield from (Line(f"  {event}", "dim") for event in run.events[:N_EVENTS])


def _fitted(text: str, width: int) -> list[str]:
    """Return a text that no terminal can be steered with, in lines of at most `width` characters."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    indent = " " * min(INDENT, width // 4)
    return textwrap.wrap(shown, width, subsequent_indent=indent, max_lines=LINES_MAX, placeholder=" ...") or [""]


def _by(run: LiveRun) -> str:
    return f" by {run.operator}" if run.operator else ""


def _silence(run: LiveRun) -> str:
    age = "" if run.heartbeat_age_s is None else f" for {format_duration(run.heartbeat_age_s)}"
    if run.state is LiveState.LOST:
        return "LOST: the run's process is gone"
    return f"STALE: no sign of life{age}"


def _phase(run: LiveRun) -> str:
    return PHASES.get(run.phase, run.phase or "STARTING")


def _progress(run: LiveRun) -> str:
    if not run.total_s or not run.elapsed_s:
        return ""
    text = f"{format_duration(min(run.elapsed_s, run.total_s))} of {format_duration(run.total_s)}"
    return text if run.eta_s is None else f"{text}, {format_duration(run.eta_s)} left"


def _bar(run: LiveRun, width: int) -> str:
    n_cells = min(BAR_CELLS, width - BESIDE_BAR)
    if not run.total_s or not run.elapsed_s or n_cells < BAR_CELLS_MIN:
        return ""
    n_full = int(n_cells * min(1.0, run.elapsed_s / run.total_s))
    return f"[{'#' * n_full}{'-' * (n_cells - n_full)}] "


def _counts(run: LiveRun) -> str:
    if run.n_offered is None:
        return f"{run.n_frames} frames planned"
    fps = "" if run.fps is None else f"{run.fps:.1f} fps  "
    return f"{fps}{run.n_offered} of {run.n_frames} frames  {run.n_dropped} dropped  {run.n_failed} failed"


def _latencies(run: LiveRun, width: int) -> Iterator[Line]:
    if not run.n_offered:
        return
    cell = min(12, (width - len("last minute")) // 4)
    now = [_ms(value, run) for value in (run.now_p50_ms, run.now_p95_ms, run.now_p99_ms)]
    whole = [_ms(value, run) for value in (run.whole_p50_ms, run.whole_p95_ms, run.whole_p99_ms)]
    yield Line(f"{'':11}" + "".join(f"{name:>{cell}}" for name in ("p50", "p95", "p99", "max")))
    yield Line(f"{'last minute':11}" + "".join(f"{value:>{cell}}" for value in now))
    largest = _ms(run.whole_max_ms, run)
    yield Line(f"{'whole run':11}" + "".join(f"{value:>{cell}}" for value in (*whole, largest)))


def _ms(value: float | None, run: LiveRun) -> str:
    """Return a latency; where there are undecided frames, a percentile without a number is infinite."""
    if value is not None:
        return f"{value:.1f} ms"
    return "infinite" if run.n_dropped or run.n_failed else "-"


def _limit(limit: LiveLimit) -> Line:
    mark, style = MARKS[limit.standing]
    left = "" if limit.budget_left_pct is None else f", {limit.budget_left_pct:.0f} % of its budget left"
    return Line(f"  {mark:<4} {limit.text}{left}", style)


def _heat(run: LiveRun) -> str:
    known = [
        f"{one.name} {one.now_cel:.0f} C"
        + ("" if one.margin_cel is None else f" ({one.margin_cel:.0f} below its limit)")
        for one in run.temperatures[:N_TEMPERATURES]
    ]
    throttled = "throttling unknown" if run.throttled_s is None else f"throttled {_span(run.throttled_s)}"
    now = " THROTTLED NOW" if run.thermal_state == "throttled" else ""
    return f"heat: {throttled}{now}" + "".join(f", {text}" for text in known)


def _span(s: float) -> str:
    return f"{s / S_PER_MIN:.1f} min" if s >= S_PER_MIN else f"{s:.0f} s"


def _disk(run: LiveRun) -> str:
    free = "unknown" if run.disk_free_mib is None else f"{run.disk_free_mib / MIB_PER_GIB:.1f} GiB free"
    needed = "" if run.disk_needed_mib is None else f", {run.disk_needed_mib:.0f} MiB still needed"
    return f"disk: {free}{needed}"
