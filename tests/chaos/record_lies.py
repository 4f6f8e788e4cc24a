"""Scenario `record`: a finished run directory whose files lie. No command believes it, none makes it true."""

import shutil
from pathlib import Path
from random import Random
from typing import Any, Final

from chaos.afterwards import refused
from chaos.hands import ON_FILES, lay_hand
from chaos.json_lies import JSON_LIES, lie
from chaos.place import digest_of
from chaos.round import Round, Scenario
from hilrig.core import files
from hilrig.core.exits import ExitCode

N_LIES: Final = 5
LYING: Final = (
    files.RESULT, files.RESULT, files.RESULT, files.ATTESTATION, files.VIEWS, files.SIGSTORE_BUNDLE, files.PLAN,
    files.RIG, files.FEED, files.FLOOR, files.ACCELERATOR, files.STATUS, files.EVENTS, files.FRAMES_JOURNAL,
    files.FRAMES, files.FRAMES_TABLE, files.TELEMETRY, files.TELEMETRY_JOURNAL, files.PROFILE,
    files.REPORT_HTML, files.JUNIT,
    files.THUMBNAILS, "new.json", files.STOP_REQUEST, files.COMPANIONS, files.BASELINE, files.POWER_LOSS,
)  # fmt: skip
READERS: Final = (
    ("list",), ("list", "--json"), ("list", "--html", "list.html"), ("watch", "--once", "RUN"), ("report", "RUN"),
    ("judge", "RUN", "--profile", "RUN"), ("export", "RUN", "--to", "csv", "--out", "csv"),
    ("compare", "RUN", "FINISHED"),
    ("export", "RUN", "--to", "trace", "--out", "t.json"), ("triage", "RUN"), ("baseline", "set", "RUN"),
    ("stop", "RUN"),
    ("recover", "RUN"), ("list", "--profile", "weld-station"), ("watch", "RUN"),
)  # fmt: skip


def draw(rng: Random) -> dict[str, Any]:
    """Choose the lies: which file, how, who reads it, whether the signed result is gone as well."""
    ways = [*JSON_LIES, *JSON_LIES, *(f"hand {name}" for name in ON_FILES)]
    lies = [
        (rng.choice(LYING), rng.choice(ways), rng.randrange(1 << 30), rng.sample(range(len(READERS)), 3))
        for _ in range(N_LIES)
    ]
    return {"lies": lies, "unfinished": rng.random() < 0.2}


def act(round_: Round) -> None:
    """Tell one lie after the other, each over a fresh copy of a finished run."""
    place = round_.place
    run_dir = place.reports / round_.base.finished.name
    other = place.folder / "finished"
    shutil.copytree(round_.base.finished, other)
    for name, way, seed, readers in round_.drawn["lies"]:
        shutil.rmtree(run_dir, ignore_errors=True)
        shutil.copytree(round_.base.finished, run_dir)
        before = digest_of(run_dir)
        _tell(round_, run_dir / name, way, seed)
        if round_.drawn["unfinished"]:
            (run_dir / files.RESULT).unlink(missing_ok=True)
        refused(round_, run_dir, before)
        for reader in readers:
            _read(round_, READERS[reader], run_dir, other)
        if not round_.drawn["unfinished"]:  # nobody had signed that: a recovery judges what lies there
            _nothing_passes(round_, before)
    _untouched(round_, other)


def _tell(round_: Round, path: Path, way: str, seed: int) -> None:
    if way.startswith("hand "):
        done = lay_hand(way.removeprefix("hand "), path)
    else:
        data = path.read_bytes() if path.is_file() else b'{"a": [1, 2]}'
        path.write_bytes(lie(way, data, Random(seed)))
        done = True
    round_.tell(f"{way} {seed} on {path.name}{'' if done else ': nothing there'}")


def _read(round_: Round, words: tuple[str, ...], run_dir: Path, other: Path) -> None:
    names = {"RUN": str(run_dir), "FINISHED": str(other)}
    round_.look(*(names.get(word, word) for word in words))


def _nothing_passes(round_: Round, before: dict[str, str]) -> None:
    """Require that whatever the readers made of the lie, nothing of it verifies as a PASS."""
    for run_dir in round_.place.run_dirs():
        now = digest_of(run_dir)
        signed = {name: digest for name, digest in now.items() if name in before and name not in VIEWS}
        if signed == {name: digest for name, digest in before.items() if name not in VIEWS}:
            continue
        called = round_.look("verify", str(run_dir))
        was_judged_again = run_dir.name != round_.base.finished.name
        round_.require(
            called.code != ExitCode.OK or was_judged_again, f"{run_dir.name}: a lie passes after it was read"
        )
        if was_judged_again:
            shutil.rmtree(run_dir)


VIEWS: Final = frozenset({*files.VIEW_FILES, files.VIEWS})


def _untouched(round_: Round, other: Path) -> None:
    round_.require(
        digest_of(other) == digest_of(round_.base.finished), "a finished run that nobody named was changed"
    )


RECORD = Scenario(name="record", draw=draw, act=act, weight=3)
