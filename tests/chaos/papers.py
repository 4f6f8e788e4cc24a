"""Scenario `paper`: releases, desired states, the files of a node's store and rig files lie."""

import json
import shutil
from pathlib import Path
from random import Random
from typing import Any, Final

from chaos.hands import ON_FILES, lay_hand
from chaos.json_lies import JSON_LIES, lie
from chaos.nodes import IDENTITY, WATCH
from chaos.profile_lies import bomb, odd_bytes, other_encoding, tabs, twice
from chaos.round import Round, Scenario
from gated_releases import Publisher
from hilrig.core.exits import ExitCode
from hilrig.node.trust import gate_accept

N_LIES: Final = 6
IN_RELEASE: Final = ("release.json", "gate.dsse.json")
RIG: Final = """\
format: 1
name: bench
transport: local
device_class: auto
labels:
  hall: '3'
lease:
  ttl_s: 900
"""
RIG_LIES: Final = {one.__name__: one for one in (bomb, odd_bytes, other_encoding, tabs, twice)}


def draw(rng: Random) -> dict[str, Any]:
    """Choose which papers lie, and how."""
    ways = [*JSON_LIES, *JSON_LIES, *(f"hand {name}" for name in ON_FILES)]
    return {
        "release": [(rng.choice(ways), rng.randrange(1 << 30)) for _ in range(N_LIES)],
        "desired": [(rng.choice(ways), rng.randrange(1 << 30)) for _ in range(N_LIES)],
        "store": [(rng.choice(ways), rng.randrange(1 << 30)) for _ in range(N_LIES)],
        "rig": [(rng.choice(list(RIG_LIES)), rng.randrange(1 << 30)) for _ in range(N_LIES)],
    }


def act(round_: Round) -> None:
    """Tell one lie after the other, each over fresh papers."""
    publisher = Publisher(round_.place.folder / "publisher")
    known = _set_up(publisher)
    for way, seed in round_.drawn["release"]:
        _of_release(round_, publisher, known, way, seed)
    for way, seed in round_.drawn["desired"]:
        _of_desired(round_, publisher, known, way, seed)
    for way, seed in round_.drawn["store"]:
        _of_store(round_, publisher, known, way, seed)
    for way, seed in round_.drawn["rig"]:
        _of_rig(round_, way, seed)


def _set_up(publisher: Publisher) -> list[str]:
    """Make a store that runs release 1, publish release 2, desire it."""
    store, accept = publisher.store(identity=IDENTITY), None
    known = [publisher.release(1), publisher.release(2)]
    accept = gate_accept(store.folder)
    store.stage(publisher.out / "releases" / known[0], accept=accept)
    store.activate(known[0], accept=accept)
    store.confirm(known[0])
    publisher.desire(known[1], 2, rollout=WATCH)
    return known


def _tell(round_: Round, path: Path, way: str, seed: int) -> bool:
    """Tell one lie; return whether anything is another than it was."""
    before = path.read_bytes() if path.is_file() else None
    if way.startswith("hand "):
        lay_hand(way.removeprefix("hand "), path)
    else:
        path.write_bytes(lie(way, before or b"{}", Random(seed)))
    round_.tell(f"{way} {seed} on {path.name}")
    return not path.is_file() or path.read_bytes() != before


def _of_release(round_: Round, publisher: Publisher, known: list[str], way: str, seed: int) -> None:
    lying, store = round_.place.folder / "lying", round_.place.folder / "store"
    shutil.copytree(publisher.out / "releases" / known[1], lying)
    shutil.copytree(publisher.folder / "store", store)
    names = [one for one in sorted(lying.rglob("*")) if one.is_file()]
    is_lie = _tell(round_, Random(seed).choice(names), way, seed)
    called = round_.look("node", "stage", str(lying), "--store", str(store))
    round_.require(called.code != ExitCode.OK or not is_lie, f"{way}: a changed release was staged")
    _runs(round_, store, known[:1])
    for one in (lying, store):
        shutil.rmtree(one)


def _of_desired(round_: Round, publisher: Publisher, known: list[str], way: str, seed: int) -> None:
    out, store = round_.place.folder / "out", round_.place.folder / "store"
    shutil.copytree(publisher.out, out)
    shutil.copytree(publisher.folder / "store", store)
    is_lie = _tell(round_, out / "desired.dsse.json", way, seed)
    called = round_.look(
        *("node", "agent", "--store", str(store), "--desired", str(out / "desired.dsse.json")),
        *("--service", "http://127.0.0.1:9", "--once"),
    )
    round_.require(called.code != ExitCode.OK or not is_lie, f"{way}: a changed desired state was followed")
    _runs(round_, store, known[:1])
    for one in (out, store):
        shutil.rmtree(one)


def _of_store(round_: Round, publisher: Publisher, known: list[str], way: str, seed: int) -> None:
    """Change a file of the store itself: it runs what it ran, or nothing, and says so."""
    store = round_.place.folder / "store"
    shutil.copytree(publisher.folder / "store", store)
    names = [one for one in sorted(store.rglob("*")) if one.is_file()]
    chosen = Random(seed).choice(names)
    _tell(round_, chosen, way, seed)
    _runs(round_, store, known[:1], may_be_unsafe=True)
    for words in (
        ("collect",),
        ("stage", str(publisher.out / "releases" / known[1])),
        ("rollback", "--reason", "x"),
    ):
        round_.look("node", *words, "--store", str(store))
    _runs(round_, store, known, may_be_unsafe=True)
    shutil.rmtree(store)


def _runs(round_: Round, store: Path, known: list[str], *, may_be_unsafe: bool = False) -> None:
    """Require that a start would run one of the releases that the gate passed, or nothing where that may be."""
    called = round_.look("node", "status", "--store", str(store), "--json")
    if called.code != ExitCode.OK:
        round_.require(may_be_unsafe, f"the store is not ready any more: {called.code}")
        return
    active = json.loads(called.out)["active"]["release_sha256"]
    round_.require(active in known, f"it would run {str(active)[:12]}, which the gate never passed")


def _of_rig(round_: Round, way: str, seed: int) -> None:
    folder = round_.place.folder / "rigs"
    folder.mkdir(exist_ok=True)
    (folder / "bench.yaml").write_bytes(RIG_LIES[way](RIG, Random(seed)))
    round_.tell(f"{way} {seed} on bench.yaml")
    called = round_.look("rigs", "check", "--rigs", str(folder))
    round_.require(called.code == ExitCode.USAGE, f"{way}: rigs check gave {called.code}")
    round_.look("rigs", "list", "--rigs", str(folder), "--no-ask")
    shown = round_.look("rigs", "show", "bench", "--rigs", str(folder), "--no-ask")
    round_.require(shown.code != ExitCode.OK, f"{way}: rigs show believed it")


PAPER = Scenario(name="paper", draw=draw, act=act, weight=2)
