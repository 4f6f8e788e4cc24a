"""Scenario `pull`: files and folders that a run needs are taken away, replaced or changed under its hands."""

import json
from pathlib import Path
from random import Random
from typing import Any, Final

from chaos.afterwards import all_ended, lone, next_run_works, nothing_lies_about, runs_hold
from chaos.hands import ON_FILES, ON_FOLDERS, lay_hand
from chaos.live import STATION, draw_moment, wait_for_moment, write_small
from chaos.place import Place
from chaos.round import Round, Scenario
from hilrig.core import files
from hilrig.core.canonical import sha256_hex
from hilrig.core.exits import ExitCode

OUTSIDE: Final = (
    "station/model.onnx",
    "station/profile.yaml",
    "home/keys/rig.pem",
    "home/rig.lock",
)
FOLDERS: Final = ("station", "home", "home/keys", "reports", "tmp", "RUN")
WRITTEN_ONCE: Final = (files.PROFILE, files.PLAN, files.RIG, files.FEED, files.FLOOR)
APPENDED: Final = files.EVENTS
IN_RUN: Final = (
    *WRITTEN_ONCE,
    files.FRAMES,
    files.FRAMES_JOURNAL,
    files.TELEMETRY,
    files.TELEMETRY_JOURNAL,
    files.EVENTS,
    files.STATUS,
    files.FRAMES_TABLE,
    "run.log",
    ".reserve",
    files.STOP_REQUEST,
)
READ_ONLY: Final = "read_only"


def draw(rng: Random) -> dict[str, Any]:
    """Choose what is pulled, how, when."""
    what = rng.choice(
        (rng.choice(OUTSIDE), rng.choice(FOLDERS), f"RUN/{rng.choice(IN_RUN)}", f"RUN/{rng.choice(IN_RUN)}")
    )
    hands = [*ON_FOLDERS, READ_ONLY, READ_ONLY] if what in FOLDERS else list(ON_FILES)
    return {"what": what, "hand": rng.choice(hands), **draw_moment(rng)}


def act(round_: Round) -> None:
    """Start a run, pull, wait for its end, look at what is left; then mend the place and run again."""
    place, drawn = round_.place, round_.drawn
    write_small(place.folder / STATION, is_onnx=True)
    running = place.start("run", STATION)
    moment = wait_for_moment(place, running, drawn["phase"], drawn["delay_ms"])
    path = _path_of(place, drawn["what"])
    before = _signed_bytes(path)
    done = path is not None and running.process.poll() is None and _pull(place, drawn["hand"], path)
    round_.tell(f"{drawn['hand']} on {drawn['what']} in {moment.found}: {'done' if done else 'nothing there'}")
    round_.heard(running.ended())
    all_ended(round_)
    place.unmount()
    _mended(place, path)
    if path is not None and done and _is_changed_since_signed(path):
        called = round_.look("verify", str(path.parent))
        round_.require(called.code == ExitCode.TRUST, f"{path.name} is not what was signed, verify: {called.code}")
        return
    if path is not None and done and before is not None:
        _no_changed_byte_is_signed(round_, path.name, before)
    runs_hold(round_)
    if round_.drawn["next_run"]:
        lay_hand("gone", place.folder / STATION)
        write_small(place.folder / STATION, is_onnx=True)
        next_run_works(round_, STATION)
    nothing_lies_about(round_)


def _path_of(place: Place, what: str) -> Path | None:
    if not what.startswith("RUN"):
        return place.folder / what
    run_dir = lone(place)
    return None if run_dir is None else run_dir / what.removeprefix("RUN").lstrip("/")


def _signed_bytes(path: Path | None) -> bytes | None:
    """Return what is in a file of the run directory that is written once, or grows: a run may only sign that."""
    is_held = path is not None and path.name in {*WRITTEN_ONCE, APPENDED} and path.parent.name != STATION
    return path.read_bytes() if is_held and path is not None and path.is_file() else None


def _pull(place: Place, hand: str, path: Path) -> bool:
    if hand != READ_ONLY:
        return lay_hand(hand, path)
    return place.mount(path, "--bind", str(path)) and place.mount(path, "-o", "remount,ro,bind")


def _is_changed_since_signed(path: Path) -> bool:
    """Return whether the hand came after the signature: then it is no longer the run's to see it."""
    result = path.parent / files.RESULT
    if not result.is_file():
        return False
    signed = json.loads(result.read_bytes())["files"].get(path.name)
    is_same = path.is_file() and not path.is_symlink() and sha256_hex(path.read_bytes()) == signed
    return signed is not None and not is_same


def _no_changed_byte_is_signed(round_: Round, name: str, before: bytes) -> None:
    """Require that no run passed over a file that is not what hilrig wrote."""
    for run_dir in round_.place.run_dirs():
        if not (run_dir / files.RESULT).is_file():
            continue
        data = (run_dir / name).read_bytes() if (run_dir / name).is_file() else b""
        is_whole = data.startswith(before) if name == APPENDED else data == before
        is_pass = json.loads((run_dir / files.RESULT).read_bytes())["exit_code"] == ExitCode.OK
        round_.require(is_whole or not is_pass, f"{name} was changed under the run, which passed and signed it")


def _mended(place: Place, path: Path | None) -> None:
    """Put the place in order again as a person would; what a run left behind stays as it is."""
    for folder in (place.reports, place.tmp, place.home / "keys"):
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            folder.unlink()
        away = folder.with_name(f"{folder.name}.elsewhere"), folder.with_name(f"{folder.name}.real")
        for one in away:
            if one.is_dir() and not folder.exists():
                one.rename(folder)
        folder.mkdir(parents=True, exist_ok=True)
    _mend_home(place)


def _mend_home(place: Place) -> None:
    for name in ("home.elsewhere", "home.real"):
        away = place.folder / name
        if away.is_dir():
            for one in (away / "keys").glob("rig.*"):
                one.rename(place.home / "keys" / one.name)
    for kind in ("pem", "pub"):
        key, kept = place.home / "keys" / f"rig.{kind}", place.base_home / "keys" / f"rig.{kind}"
        if key.is_symlink() or not key.is_file() or key.read_bytes() != kept.read_bytes():
            if key.is_dir():
                key.rmdir()
            key.unlink(missing_ok=True)
            key.write_bytes(kept.read_bytes())
            key.chmod(0o600)
    lock = place.home / "rig.lock"
    if lock.is_dir():
        lock.rmdir()
    elif not lock.is_file() or lock.is_symlink():
        lock.unlink(missing_ok=True)


PULL = Scenario(name="pull", draw=draw, act=act, weight=5)
