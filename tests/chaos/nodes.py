"""Scenario `node`: service, agent and model process of a node killed while requests and an update go on."""

import json
import shutil
import signal
import socket
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

import psutil

from chaos.place import Called, Place, Running
from chaos.round import Round, Scenario
from gated_releases import ROLLOUT, Publisher
from hilrig.core.exits import ExitCode
from hilrig.node.identity import NodeIdentity
from hilrig.node.trust import gate_accept

ROLES: Final = ("node serve", "node agent", "engine_child", "smoke_child")
STEPS: Final = ("agent", "agent", "agent", "stage", "activate", "confirm", "rollback", "collect", "status", "boot")
N_STEPS: Final = 4
READY_S: Final = 90
IDENTITY: Final = NodeIdentity(node_id="cell-3", device_class="x86-cpu", reserve_mib=0)
WATCH: Final = replace(
    ROLLOUT, window_s=0.5, guardrails=(replace(ROLLOUT.guardrails[0], max_missing=40, consecutive_errors=40),)
)


def draw(rng: Random) -> dict[str, Any]:
    """Choose the steps of the update, who is killed after how long, whether two of a kind are at work at once."""
    return {
        "steps": rng.choices(STEPS, k=N_STEPS),
        "kills": [
            (rng.choice(ROLES), rng.choice(("KILL", "KILL", "TERM", "STOP")), rng.randrange(200, 5000))
            for _ in range(3)
        ],
        "twice": rng.random() < 0.5,
        "served": rng.random() < 0.6,
    }


def act(round_: Round) -> None:
    """Let a node follow releases while its processes die; afterwards it boots to a release that the gate knows."""
    place, drawn = round_.place, round_.drawn
    publisher = Publisher(place.folder / "publisher")
    store = place.folder / "publisher" / "store"
    known = _set_up(publisher)
    service = _served(place, store) if drawn["served"] else None
    for number, (step, kill) in enumerate(zip(drawn["steps"], [*drawn["kills"], None], strict=True)):
        if step == "agent":
            known.append(publisher.release(number + 2))
            publisher.desire(known[-1], number + 2, rollout=WATCH)
        _step(round_, _words(step, publisher, store, known, service), kill)
    _end_service(round_, service)
    place.end_all()
    _boots(round_, store, known)


def _set_up(publisher: Publisher) -> list[str]:
    """Make a store that runs release 1; return the releases that the gate has passed."""
    store = publisher.store(identity=IDENTITY)
    first, accept = publisher.release(1), gate_accept(store.folder)
    store.stage(publisher.out / "releases" / first, accept=accept)
    store.activate(first, accept=accept)
    store.confirm(first)
    publisher.desire(first, 1)
    return [first]


def _words(
    step: str, publisher: Publisher, store: Path, known: Sequence[str], service: "Service | None"
) -> list[str]:
    url = service.url if service else "http://127.0.0.1:9"
    words = {
        "agent": ["agent", "--desired", str(publisher.out / "desired.dsse.json"), "--service", url, "--once",
                  "--smoke-s", "60"],
        "stage": ["stage", str(publisher.out / "releases" / known[-1])],
        "activate": ["activate", known[-1]],
        "rollback": ["rollback", "--reason", "chaos"],
        "boot": ["status"],
    }  # fmt: skip
    return ["node", *words.get(step, [step]), "--store", str(store)]


def _step(round_: Round, words: list[str], kill: tuple[str, str, int] | None) -> None:
    place = round_.place
    going = [place.start(*words) for _ in range(2 if round_.drawn["twice"] else 1)]
    hit = kill is not None and _kill(round_, going, kill)
    for one in going:
        called = one.ended(60 if hit else 200)
        stopped = called.code is None and hit
        round_.heard(replace(called, code=-9) if stopped else called, killed=hit)


def _kill(round_: Round, going: Sequence[Running], kill: tuple[str, str, int]) -> bool:
    role, kind, after_ms = kill
    place = round_.place
    place.until(lambda: all(one.process.poll() is not None for one in going), after_ms / 1000)
    found = [process for process in place.processes() if role in " ".join(_cmdline(process))]
    for process in found:
        with suppress(psutil.Error):  # it has just ended
            process.send_signal(signal.Signals[f"SIG{kind}"])
    round_.tell(f"{kind} to {len(found)} {role}")
    return bool(found)


def _cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


class Service:
    """A running service and where it is."""

    def __init__(self, running: Running, port: int) -> None:
        self.running, self.url = running, f"http://127.0.0.1:{port}"

    def is_ready(self) -> bool:
        """Return whether a model serves."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def _served(place: Place, store: Path) -> Service:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = (
        "node",
        "serve",
        "--store",
        str(store),
        "--port",
        str(port),
        "--metrics-port",
        "-1",
        "--ceiling-ms",
        "5000",
    )
    service = Service(place.start(*words), port)
    place.until(lambda: service.running.process.poll() is not None or service.is_ready(), READY_S)
    return service


def _end_service(round_: Round, service: Service | None) -> Called | None:
    if service is None:
        return None
    for number in (signal.SIGCONT, signal.SIGTERM):
        if service.running.process.poll() is None:
            service.running.process.send_signal(number)
    called = service.running.ended(60)
    return round_.heard(replace(called, err="", code=called.code), killed=True)


def _boots(round_: Round, store: Path, known: Sequence[str]) -> None:
    """Require that the store says a release that the gate passed, and that a service serves that very one."""
    called = round_.look("node", "status", "--store", str(store), "--json")
    round_.require(called.code == ExitCode.OK, f"the store is not ready: {called.code}")
    try:
        active = json.loads(called.out)["active"]["release_sha256"]
    except (ValueError, KeyError, TypeError):
        round_.broke("the status names no active release")
        return
    round_.require(active in known, f"it runs {active[:12]}, which nobody published")
    service = _served(round_.place, store)
    round_.require(service.is_ready(), "the service does not become ready any more")
    _end_service(round_, service)
    round_.place.until(lambda: not round_.place.processes(), 20)
    left = [" ".join(_cmdline(process))[-80:] for process in round_.place.processes()]
    round_.require(not left, f"processes live on: {left}")
    shutil.rmtree(store.parent, ignore_errors=True)


NODE = Scenario(name="node", draw=draw, act=act, weight=2)
