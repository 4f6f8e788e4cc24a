"""Scenario `clock`: the wall clock is set while a run goes on, and files seem to come from the future."""

import os
import time
from random import Random
from typing import Any, Final

from chaos.afterwards import all_of_it
from chaos.live import STATION, draw_moment, wait_for_moment, write_small
from chaos.round import Round, Scenario
from chaos.shimmed import Shim

STEPS_S: Final = (3600, -3600, 86_400 * 400, -86_400 * 400, 5, -5, 2**31, -1_700_000_000)
CERTAIN: Final = 2.0
"""Seconds: a step as far as this is no slewing."""


def draw(rng: Random) -> dict[str, Any]:
    """Choose the steps, the moment, how far into the future the files are dated."""
    return {
        "step_s": rng.choice(STEPS_S),
        "back_ms": rng.choice((None, None, 500, 1500)),
        "mtime_s": rng.choice((0, 86_400, 2**33)),
        **draw_moment(rng),
    }


def act(round_: Round) -> None:
    """Start a run, set its clock, look at what is left with the right clock."""
    place, drawn = round_.place, round_.drawn
    if round_.base.shim is None:
        round_.tell("no compiler here: nothing done")
        return
    write_small(place.folder / STATION)
    _date(place.folder / STATION / "profile.yaml", drawn["mtime_s"])
    shim = Shim(round_.base.shim, place.folder / "told", place.reports)
    running = place.start("run", STATION, **shim.environment)
    moment = wait_for_moment(place, running, drawn["phase"], drawn["delay_ms"])
    shim.step_clock(drawn["step_s"] * 1_000_000_000)
    round_.tell(f"the wall clock goes {drawn['step_s']} s in {moment.found}")
    if drawn["back_ms"]:
        place.until(lambda: running.process.poll() is not None, drawn["back_ms"] / 1000)
        shim.step_clock(0)
        round_.tell("and back")
    round_.heard(running.ended())
    for run_dir in place.run_dirs():
        for path in run_dir.rglob("*"):
            _date(path, drawn["mtime_s"])
    is_seen = moment.is_measured and not drawn["back_ms"] and moment.found == "warmup"
    all_of_it(round_, STATION, disturbed=is_seen and abs(drawn["step_s"]) > CERTAIN)


def _date(path: Any, ahead_s: int) -> None:
    if ahead_s:
        at_s = time.time() + ahead_s
        os.utime(path, (at_s, at_s))


CLOCK = Scenario(name="clock", draw=draw, act=act, weight=2)
