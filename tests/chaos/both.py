"""Scenario `both`: two commands at once over the same thing, one of them perhaps killed."""

import json
import shutil
import signal
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, Final

from chaos.afterwards import all_of_it, finished_stands, next_run_works
from chaos.live import STATION, wait_for_moment, write_small
from chaos.place import Called, Running, digest_of
from chaos.round import Round, Scenario
from hilrig.core import files
from hilrig.core.exits import ExitCode

OVER_FINISHED: Final[Mapping[str, Sequence[str]]] = {
    "verify": ("verify", "RUN"),
    "report": ("report", "RUN"),
    "judge": ("judge", "RUN", "--profile", "RUN"),
    "export": ("export", "RUN", "--to", "csv", "--out", "csv"),
    "recover": ("recover", "RUN"),
    "baseline": ("baseline", "set", "RUN"),
    "list": ("list", "--html", "list.html"),
    "compare": ("compare", "RUN", "RUN2", "--html", "both.html"),
}
OVER_LIVE: Final[Mapping[str, Sequence[str]]] = {
    "run": ("run", STATION),
    "stop": ("stop", "--reason", "chaos", "--no-wait"),
    "stop_wait": ("stop", "--reason", "chaos"),
    "recover": ("recover", "RUN"),
    "verify": ("verify", "RUN"),
    "report": ("report", "RUN"),
    "judge": ("judge", "RUN", "--profile", STATION),
    "export": ("export", "RUN", "--to", "csv", "--out", "csv"),
    "watch": ("watch",),
    "list": ("list", "--json"),
    "doctor": ("doctor", STATION),
    "triage": ("triage", "RUN"),
    "keys": ("keys", "new", "other"),
}
FINISHED: Final = "finished"
UNFINISHED: Final = "unfinished"
LIVE: Final = "live"


def draw(rng: Random) -> dict[str, Any]:
    """Choose what they are over, which two, how far apart, whether one is killed and when."""
    over = rng.choice((FINISHED, UNFINISHED, LIVE, LIVE))
    if over == UNFINISHED:
        pair = ["recover", rng.choice(("recover", "recover", "verify", "report", "export"))]
    else:
        pair = rng.choices(list(OVER_LIVE if over == LIVE else OVER_FINISHED), k=2)
        pair = [pair[0], pair[0]] if rng.random() < 0.5 else pair
    return {
        "over": over,
        "pair": pair,
        "apart_ms": rng.choice((0, 0, 0, 50, 300, 1000)),
        "kill_ms": rng.choice((None, None, rng.randrange(100, 4000), rng.randrange(1000, 8000))),
        "delay_ms": rng.randrange(0, 1500),
        "next_run": rng.random() < 0.2,
    }


def act(round_: Round) -> None:
    """Do both, look at what is left."""
    if round_.drawn["over"] == LIVE:
        _over_live(round_)
    else:
        _over_finished(round_)


def _over_live(round_: Round) -> None:
    place, drawn = round_.place, round_.drawn
    write_small(place.folder / STATION)
    running = place.start("run", STATION)
    wait_for_moment(place, running, "measure", drawn["delay_ms"])
    run_dirs = place.run_dirs()
    names = {"RUN": str(run_dirs[0]) if run_dirs else "none"}
    _both(round_, [OVER_LIVE[name] for name in drawn["pair"]], names)
    round_.heard(running.ended())
    all_of_it(round_, STATION)


def _over_finished(round_: Round) -> None:
    """Two commands over a finished run, or over one whose verdict is not there yet."""
    place, drawn = round_.place, round_.drawn
    write_small(place.folder / STATION)
    run_dir = place.reports / round_.base.finished.name
    beside = place.reports / round_.base.finished.name.replace("weld-station-", "weld-station-f")
    shutil.copytree(round_.base.finished, run_dir)
    shutil.copytree(round_.base.finished, beside)
    if drawn["over"] == UNFINISHED:
        (run_dir / files.RESULT).unlink()
    before = digest_of(beside)
    _both(round_, [OVER_FINISHED[name] for name in drawn["pair"]], {"RUN": str(run_dir), "RUN2": str(beside)})
    finished_stands(round_, beside, before)
    _still_a_verdict(round_)
    if drawn["next_run"]:
        next_run_works(round_, STATION)


def _still_a_verdict(round_: Round) -> None:
    """Require that every directory with a result verifies with it; one without can be recovered."""
    for run_dir in round_.place.run_dirs():
        if not (run_dir / files.RESULT).is_file():
            round_.look("recover", str(run_dir))
        if not (run_dir / files.RESULT).is_file():
            round_.broke(f"{run_dir.name} cannot be recovered any more")
            continue
        expected = json.loads((run_dir / files.RESULT).read_bytes())["exit_code"]
        called = round_.look("verify", str(run_dir))
        round_.require(
            called.code == expected, f"{run_dir.name} was finished with {expected}, verify: {called.code}"
        )


def _both(round_: Round, commands: Sequence[Sequence[str]], names: Mapping[str, str]) -> list[Called]:
    """Start both, kill the second when that was drawn, wait for both."""
    place, drawn = round_.place, round_.drawn
    going: list[Running] = []
    for words in commands:
        going.append(place.start(*(names.get(word, word) for word in words)))
        place.until(lambda: False, drawn["apart_ms"] / 1000)
    is_killed = False
    if drawn["kill_ms"] is not None:
        place.until(lambda: going[-1].process.poll() is not None, drawn["kill_ms"] / 1000)
        is_killed = going[-1].process.poll() is None
        if is_killed:
            going[-1].process.send_signal(signal.SIGKILL)
            round_.tell(f"SIGKILL to {going[-1].words[0]}")
    heard = [round_.heard(one.ended(), killed=is_killed and one is going[-1]) for one in going]
    codes = [called.code for called in heard]
    is_pair_of_runs = [words[0] for words in commands] == ["run", "run"]
    round_.require(
        not is_pair_of_runs or ExitCode.RIG_BUSY in codes or is_killed, f"both runs had the rig: {codes}"
    )
    return heard


BOTH = Scenario(name="both", draw=draw, act=act, weight=4)
