"""A smoke run on the rig that a device class names: the model goes there, what it did comes back."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from hilrig.app.compat.smoke import deadline_s
from hilrig.app.compat.there import ASKED_FILE
from hilrig.app.rigs.command import follow
from hilrig.app.rigs.files import find_rig
from hilrig.app.rigs.held import held_there
from hilrig.app.rigs.line import line_to
from hilrig.app.rigs.link import RigLink, in_work_folder
from hilrig.app.rigs.upload import SentFile, upload
from hilrig.config.noun_json import from_json, to_json
from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.core.clock import SystemClock
from hilrig.core.errors import PreconditionError, RigBusyError
from hilrig.gate.smoke import Tried
from hilrig.target.smoke_exchange import SmokeAsked

MODULE: Final = "hilrig.app.compat.there"
START_S: Final = 60.0
"""Beside the run itself: an emulated or slow rig takes as long to import everything."""

_PLACE: Final = """\
import json, os, sys
for blob, target in json.load(sys.stdin):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if not os.path.exists(target):
        os.link(blob, target)
"""
"""Puts uploaded content where the run looks for it."""


def try_on_rig(asked: SmokeAsked, device_class: str, rig: str, rigs: Path) -> Tried:
    """Return what a smoke run on a rig found.

    Args:
        asked: the model, and how it is tried.
        device_class: that the rig must be of.
        rig: its name or file.
        rigs: the folder of rig files.

    Raises:
        UsageError: there is no such rig, or runs on it are done in place.
        RigBusyError: somebody holds it: a smoke run would spoil the run that goes on.
        WrongClassError: the rig is of another class.
        HilrigError: it cannot be reached, or has no room.
    """
    spec, _ = find_rig(rig, rigs)
    if spec.disabled:
        raise PreconditionError(f"rig {spec.name} is out of service: {spec.disabled}", hint="hilrig rigs list")
    with line_to(
        spec, in_place_hint="leave `rig:` out of the device matrix: this machine tries its own class"
    ) as link:
        _refuse_held(link)
        folder = _send(link, asked)
        limit_s = deadline_s(asked) + START_S
        answer = link.whole(MODULE, folder, device_class, silence_s=limit_s)
    return from_json(Tried, canonical_json(answer.get("tried")), what=f"the answer of rig {spec.name}")


def _refuse_held(link: RigLink) -> None:
    held = held_there(link.call("facts", {"gpu_of": []}), clock=SystemClock())
    if held is not None:
        raise RigBusyError(
            f"rig {link.spec.name} is held by {held.holder} since {held.since_utc}",
            hint="try again when it is free: hilrig rigs list",
        )


def _send(link: RigLink, asked: SmokeAsked) -> str:
    """Put the model, its input and the question on the rig; return the folder there, which no other run shares."""
    here = Path(asked.folder)
    names = [*asked.files, *([asked.golden.file] if asked.golden else [])]
    question = here / ASKED_FILE
    question.parent.mkdir(exist_ok=True)
    question.write_bytes(to_json(replace(asked, folder="")))
    files = [_sent(here, name) for name in (*names, ASKED_FILE)]
    upload(link, files, on_progress=lambda _: None)
    run = sha256_hex(canonical_json([[file.path, file.sha256] for file in files] + [time.time_ns()]))[:16]
    folder = in_work_folder(link, "compat", run)
    pairs = [[in_work_folder(link, "blobs", file.sha256), f"{folder}/{file.path}"] for file in files]
    placed = follow(
        link.start([link.boot_facts.executable, "-c", _PLACE]),
        what=f"rig {link.spec.name}: placing the model",
        stdin=json.dumps(pairs).encode(),
    )
    if placed.returncode:
        message = f"rig {link.spec.name}: the model cannot be put there: {placed.stderr[-300:]}"
        raise PreconditionError(message, hint=f"is there room in {link.work_folder}?")
    return folder


def _sent(folder: Path, name: str) -> SentFile:
    data = (folder / name).read_bytes()
    return SentFile(path=name, source=folder / name, size=len(data), sha256=sha256_hex(data))
