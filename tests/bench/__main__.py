"""`make bench`: hilrig beside its peers. A figure that misses its goal says so; it never fails anything."""

import argparse
from datetime import datetime, timezone
from pathlib import Path

from bench.machine import describe_machine
from bench.row import Bench, Figure, figure, no_figure
from bench.rows import BENCHES
from bench.table import as_markdown, as_text, merge, put_table, read_results, to_json, write_results

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGES = (HERE / "README.md", HERE.parents[1] / "README.md")
QUICK_SCALE = 0.2


def main() -> None:
    """Measure, print, and keep the results of a full run."""
    arguments = _arguments()
    chosen = [bench for bench in BENCHES if arguments.only in {None, bench.name}]
    date, machine = datetime.now(timezone.utc).isoformat(timespec="seconds"), describe_machine()
    print(machine, flush=True)
    figures = [one for bench in chosen for one in _measure(bench, is_quick=arguments.quick)]
    items = [to_json(one, date=date, machine=machine) for one in figures]
    print(f"\n{as_text(items)}")
    if not arguments.quick:
        _keep(items)


def _keep(items: list[dict[str, object]]) -> None:
    order = [row.name for bench in BENCHES for row in bench.rows]
    kept = merge(read_results(RESULTS), items, order)
    write_results(RESULTS, kept)
    for page in PAGES:
        put_table(page, as_markdown(kept))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="one short round: a look, not a result; keeps nothing"
    )
    parser.add_argument("--only", choices=[bench.name for bench in BENCHES], help="measure these rows again")
    return parser.parse_args()


def _measure(bench: Bench, *, is_quick: bool) -> list[Figure]:
    """Return the figures of a bench's rows; who begins changes, because the second finds a warmer machine."""
    scale, n_rounds = (QUICK_SCALE, 1) if is_quick else (1.0, bench.n_rounds)
    peer = bench.peer or (lambda scale: {})
    rounds = []
    try:
        for index in range(n_rounds):
            print(f"{bench.name}: round {index + 1} of {n_rounds}", flush=True)
            if index % 2:
                other = peer(scale)
                rounds.append((bench.ours(scale), other))
            else:
                rounds.append((bench.ours(scale), peer(scale)))
    except Exception as error:  # noqa: BLE001 - a bench that cannot run here is a row that says why
        return [no_figure(row, f"{type(error).__name__}: {error}".splitlines()[0]) for row in bench.rows]
    return [figure(row, rounds) for row in bench.rows]


if __name__ == "__main__":
    main()
