"""Scenario `gate`: two decisions at once on one release, one of them perhaps killed; then its papers lie."""

import shutil
import signal
import subprocess
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from chaos.json_lies import JSON_LIES, lie
from chaos.place import Running
from chaos.round import Round, Scenario
from gate_folders import CLASS, GateFolder, make_gate_folder
from hilrig.core.exits import ExitCode

LYING: Final = (
    "release/release.json",
    "release/release_manifest.json",
    "release/decisions",
    "evidence",
    "evidence",
)
N_LIES: Final = 5
DECISION: Final = "decisions"


def draw(rng: Random) -> dict[str, Any]:
    """Choose how far apart they are, when the second one is killed, which papers lie and how."""
    return {
        "apart_ms": rng.choice((0, 0, 100, 700)),
        "kill_ms": rng.choice((None, rng.randrange(500, 6000), rng.randrange(500, 6000))),
        "lies": [(rng.choice(LYING), rng.choice(list(JSON_LIES)), rng.randrange(1 << 30)) for _ in range(N_LIES)],
    }


def act(round_: Round) -> None:
    """Measure, decide twice at once, decide again, ask; then the same over papers that were changed."""
    try:
        gate = make_gate_folder(round_.place.folder / "gate")
    except (AssertionError, subprocess.TimeoutExpired, pytest.skip.Exception) as error:
        round_.tell(f"no run passes on this machine just now: {str(error)[:80]}")
        return
    _twice(round_, gate)
    round_.require(_decided(round_, gate) == ExitCode.OK, "the next decision is not PASSED")
    round_.require(_asked(round_, gate) == ExitCode.OK, "gate status does not know what was decided")
    for name, way, seed in round_.drawn["lies"]:
        lying = gate.copy(round_.place.folder / "lying")
        path = _chosen(lying.folder / name, Random(seed))
        _lie(round_, lying, path, way, seed)
        shutil.rmtree(lying.folder)


def _twice(round_: Round, gate: GateFolder) -> None:
    place, drawn = round_.place, round_.drawn
    going: list[Running] = []
    for _ in range(2):
        going.append(place.start(*_check(gate)))
        place.until(lambda: False, drawn["apart_ms"] / 1000)
    is_killed = False
    if drawn["kill_ms"] is not None:
        place.until(lambda: going[1].process.poll() is not None, drawn["kill_ms"] / 1000)
        is_killed = going[1].process.poll() is None
        going[1].process.send_signal(signal.SIGKILL)
    for number, one in enumerate(going):
        round_.heard(one.ended(), killed=is_killed and number == 1)


def _lie(round_: Round, gate: GateFolder, path: Path, way: str, seed: int) -> None:
    """Change one paper; neither a decision nor an answer may be PASSED over it."""
    data = path.read_bytes()
    changed = lie(way, data, Random(seed))
    path.write_bytes(changed)
    round_.tell(f"{way} {seed} on {path.relative_to(gate.folder)}")
    is_decision = DECISION in path.parts
    if changed == data:
        return
    code = _asked(round_, gate) if is_decision else _decided(round_, gate)
    is_signed = path.suffixes[-2:] == [".dsse", ".json"] or not is_decision
    round_.require(code != ExitCode.OK or not is_signed, f"{path.name} was changed, and the gate said {code}")


def _chosen(path: Path, rng: Random) -> Path:
    return rng.choice(sorted(one for one in path.rglob("*") if one.is_file())) if path.is_dir() else path


def _check(gate: GateFolder) -> tuple[str, ...]:
    home = gate.folder / "home" / "keys"
    return (
        *("gate", "check", str(gate.release), "--evidence", str(gate.evidence), "--profile", str(gate.profile)),
        *("--policy", str(gate.policy), "--run-key", str(home / "rig.pub"), "--key", str(home / "gate.pem")),
    )


def _decided(round_: Round, gate: GateFolder) -> int | None:
    return round_.look(*_check(gate)).code


def _asked(round_: Round, gate: GateFolder) -> int | None:
    return round_.look(
        *("gate", "status", "--model", str(gate.profile / "model.onnx"), "--device-class", CLASS),
        *("--decisions", str(gate.release), "--gate-key", str(gate.key("gate"))),
    ).code


GATE = Scenario(name="gate", draw=draw, act=act, weight=1)
