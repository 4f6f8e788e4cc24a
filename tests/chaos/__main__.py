"""Break hilrig as a careless technician, a hostile colleague and a dying disk would: `make chaos`.

Prints the seed first, then what each round does and what came out. Exits with 1 when an invariant broke.
"""

import argparse
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from chaos.base import make_base
from chaos.course import Planned, course, planned
from chaos.place import Place
from chaos.round import Base, Round, Scenario, repeat_with
from chaos.scenarios import SCENARIOS

DISK_MIN_BYTES = 4 << 30
"""No round begins with less free: chaos must not be the one who fills this machine's disk."""


def main() -> None:
    """Do rounds until the time is over, or the one that was asked for."""
    asked = _asked()
    say(f"seed {asked.seed}  (make chaos CHAOS='--seed {asked.seed}')")
    chosen = [one for one in SCENARIOS if not asked.scenario or one.name in asked.scenario]
    folder, done = Path(tempfile.mkdtemp(prefix="hilrig-chaos-")), Tally()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the round at work cleans up after itself
    try:
        base = make_base(folder)
        for number, one in enumerate(_rounds(chosen, asked)):
            done.take(one, do_round(one, base, folder / f"round-{number}"), seed=asked.seed)
    except KeyboardInterrupt:
        say("interrupted")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(done.told())


def do_round(one: Planned, base: Base, folder: Path) -> list[str]:
    """Do one round in a place of its own; return which invariants broke."""
    say(str(one))
    round_ = Round(title=str(one), drawn=one.drawn, place=Place(folder, base.home), base=base)
    try:
        one.scenario.act(round_)
    except Exception as error:  # noqa: BLE001 - a fault of the test itself: told, and the next round comes
        traceback.print_exc(file=sys.stdout)
        round_.broke(f"the round could not be done: {type(error).__name__}: {error}")
    finally:
        round_.place.close()
    return round_.broken


def say(text: str) -> None:
    """Print a line at once: whoever follows wants to know where it hangs."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _rounds(chosen: Sequence[Scenario], asked: argparse.Namespace) -> Iterator[Planned]:
    if asked.round:
        yield from (planned(one, asked.seed, asked.round) for one in chosen)
        return
    end_s = time.monotonic() + 60 * asked.minutes
    for one in course(chosen, asked.seed):
        if time.monotonic() > end_s or shutil.disk_usage(tempfile.gettempdir()).free < DISK_MIN_BYTES:
            return
        yield one


class Tally:
    """How many rounds there were, and what broke in which."""

    def __init__(self) -> None:
        self._rounds = Counter[str]()
        self._broken: list[str] = []

    def take(self, one: Planned, broken: list[str], *, seed: int) -> None:
        """Count a round."""
        self._rounds[one.scenario.name] += 1
        if broken:
            again = repeat_with(one.scenario.name, seed, one.number)
            say(f"  BROKEN, repeat with: {again}")
            self._broken += [f"{sentence}\n    {again}" for sentence in broken]

    def told(self) -> int:
        """Print the sums; return the exit code."""
        say(
            f"{self._rounds.total()} rounds: "
            + ", ".join(f"{n} {name}" for name, n in sorted(self._rounds.items()))
        )
        for sentence in self._broken:
            say(f"BROKEN  {sentence}")
        say(f"{len(self._broken)} invariants broke" if self._broken else "no invariant broke")
        return 1 if self._broken else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    names = [one.name for one in SCENARIOS]
    parser.add_argument(
        "--seed", type=int, default=time.time_ns() % 1_000_000, help="the same seed, the same actions"
    )
    parser.add_argument("--minutes", type=float, default=10, help="no round begins after this [10]")
    parser.add_argument("--scenario", action="append", choices=names, help="only this one; may be given again")
    parser.add_argument("--round", type=int, help="only the round with this number of each scenario")
    return parser.parse_args()


if __name__ == "__main__":
    main()
