"""The smoke test of a release before it goes near the line.

It runs in a process of its own, bounded in time and memory. It proves that the release runs here as it was
declared, and nothing about its integrity: 299 of 300 models with one flipped bit passed such a test. That is
what the digests are for.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hilrig.core.units import BYTES_PER_MIB
from hilrig.node.agent.errors import SmokeTestError

_MAX_TEXT: Final = 400
"""Of what a dying runtime wrote last: enough for its own message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeLimits:
    """What a release may take while it is loaded and run a few times.

    Args:
        time_s: TensorRT may build an engine in it.
        memory_mib: of data in the process, on the host.
    """

    time_s: float = 120.0
    memory_mib: int = 4096


def smoke_test(folder: Path, release_sha256: str, limits: SmokeLimits) -> Mapping[str, Any]:
    """Load a release of the store, run it on its golden sample; return what runs it (`runtime_version`, ...).

    Raises:
        SmokeTestError: it does not load on the declared provider, scores what is not finite or not the golden
            scores, takes too long or too much memory.
    """
    argv = [str(folder), release_sha256, str(limits.memory_mib * BYTES_PER_MIB)]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "hilrig.node.agent.smoke_child", *argv],
            capture_output=True,
            timeout=limits.time_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise _failed(release_sha256, f"it was not done within {limits.time_s:g} s") from error
    found = _found(done)
    if found["error"]:
        raise _failed(release_sha256, str(found["error"])[:_MAX_TEXT])
    facts: Mapping[str, Any] = found["facts"]
    return facts


def _found(done: "subprocess.CompletedProcess[bytes]") -> dict[str, Any]:
    """Return what the process printed; a process that died before it could has an error to show instead."""
    last_line = done.stdout.rstrip().rpartition(b"\n")[2]  # a runtime may print lines of its own before
    try:
        found = json.loads(last_line)
    except ValueError:
        found = None
    if done.returncode == 0 and isinstance(found, dict) and found.keys() == {"facts", "error"}:
        return found
    said = done.stderr.decode(errors="replace").strip()[-_MAX_TEXT:]
    return {"facts": {}, "error": f"its process ended with {done.returncode}: {said or 'nothing was said'}"}


def _failed(release_sha256: str, why: str) -> SmokeTestError:
    return SmokeTestError(
        f"the smoke test of {release_sha256[:12]} failed: {why}", hint="try the release on a bench of this class"
    )
