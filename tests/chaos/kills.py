"""Scenario `kill`: a signal to any process of a live run, at any moment."""

import json
import signal
from pathlib import Path
from random import Random
from typing import Any, Final

import psutil

from chaos.afterwards import all_of_it
from chaos.live import STATION, Moment, draw_moment, wait_for_moment, write_small
from chaos.place import Running
from chaos.round import Round, Scenario
from hilrig.core import files

CREW: Final = ("feeder", "worker", "sampler_loop", "stall_sentinel")
VIEWS: Final = ("watch", "serve")
ROLES: Final = (*CREW, *CREW, "hilrig.app.soak", "hilrig.app.soak", "run", *VIEWS)
SIGNALS: Final = ("KILL", "KILL", "TERM", "STOP", "PAUSE")
PAUSE_S: Final = 2.5


def draw(rng: Random) -> dict[str, Any]:
    """Choose whom to hit, with what, when."""
    return {
        "role": rng.choice(ROLES),
        "signal": rng.choice(SIGNALS),
        "second": rng.choice((None, None, None, *CREW, "hilrig.app.soak", "run")),
        **draw_moment(rng),
    }


def act(round_: Round) -> None:
    """Start a run with its views, hit, wait for the end of everything, look at what is left."""
    place, drawn = round_.place, round_.drawn
    write_small(place.folder / STATION)
    running = place.start("run", STATION)
    moment = wait_for_moment(place, running, drawn["phase"], drawn["delay_ms"])
    views = _views(round_, running) if drawn["role"] in VIEWS else {}
    names = [drawn["role"]] + ([drawn["second"]] if drawn["second"] else [])
    hit = [name for name in names if _hit(round_, running, views, name)]
    round_.tell(f"{drawn['signal']} to {hit} in {moment.found} (asked for {moment.asked})")
    _ended(round_, running, views, hit, moment)
    is_lethal = (
        drawn["signal"] in {"KILL", "TERM"} and moment.is_measured and set(hit) & {*CREW, "hilrig.app.soak"}
    )
    all_of_it(round_, STATION, disturbed=bool(is_lethal) and _is_incomplete(place.run_dirs()))


def _is_incomplete(run_dirs: list[Path]) -> bool:
    """Return whether a run says itself that it did not come to its end: else the hit came after its last frame."""
    for run_dir in run_dirs:
        result = run_dir / files.RESULT
        if not result.exists() or json.loads(result.read_bytes())["ended"] != "completed":
            return True
    return False


def _views(round_: Round, running: Running) -> dict[str, Running]:
    """Start the view that is going to be hit, and give it time to look."""
    place = round_.place
    words = {"watch": ("watch",), "serve": ("serve", "--port", "18787", "--profiles", ".")}
    view = place.start(*words[round_.drawn["role"]])
    place.until(lambda: running.process.poll() is not None, 1.5)
    return {round_.drawn["role"]: view}


def _hit(round_: Round, running: Running, views: dict[str, Running], name: str) -> bool:
    if name in views or name == "run":
        targets = [
            psutil.Process(one.process.pid) for one in [views.get(name, running)] if one.process.poll() is None
        ]
    else:
        targets = round_.place.role(name)
    for target in targets:
        _signal(round_, target)
    return bool(targets)


def _signal(round_: Round, target: psutil.Process) -> None:
    kind = round_.drawn["signal"]
    _send(target, signal.SIGSTOP if kind == "PAUSE" else signal.Signals[f"SIG{kind}"])


def _send(target: psutil.Process, number: int) -> None:
    try:
        target.send_signal(number)
    except psutil.Error:
        return  # it has just ended


def _ended(round_: Round, running: Running, views: dict[str, Running], hit: list[str], moment: Moment) -> None:
    """Wait for the run and its views; wake what was only paused, and what nobody but us would wake.

    While it loads its processes a run waits for each for ten minutes, which a round has not: those are woken too.
    """
    place, kind = round_.place, round_.drawn["signal"]
    wakes = kind == "PAUSE" or (kind == "STOP" and (set(hit) - set(CREW) or not moment.is_measured))
    if wakes:
        place.until(lambda: running.process.poll() is not None, PAUSE_S)
        for process in place.processes():
            _send(process, signal.SIGCONT)
    was_killed = kind in {"KILL", "TERM"} and "run" in hit
    round_.heard(running.ended(), killed=was_killed)
    for name, view in views.items():
        if name == "serve" and view.process.poll() is None:
            view.process.send_signal(signal.SIGTERM)
        round_.heard(view.ended(30), killed=True)


KILL = Scenario(name="kill", draw=draw, act=act, weight=5)
