"""Loading a model in a process of its own, so that triage outlives what loading does."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from hilrig.app.triage import load_child as triage_load_child
from hilrig.gate.playbooks.subject import LoadTried

TIMEOUT_S: Final = 120.0
"""A large model on a slow disk; beyond it this machine is no help."""


def try_to_load(model: Path) -> LoadTried | None:
    """Return what became of loading a model on this machine's CPU, in a child process.

    None where this machine cannot tell: it has no runtime, or was too slow. That is no fault of the model.
    """
    command = [sys.executable, triage_load_child.__file__, str(model)]
    try:
        child = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return None
    if child.returncode < 0:
        return LoadTried(runtime="", error=f"loading was ended by the signal {-child.returncode}", was_killed=True)
    try:
        return LoadTried(**json.loads(child.stdout.splitlines()[-1]))
    except (ValueError, IndexError, TypeError):  # no runtime, or a broken one
        return None
