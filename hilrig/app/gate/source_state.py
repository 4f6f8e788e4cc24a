"""What git says of the tree that a release is built from."""

import os
import subprocess
from pathlib import Path
from typing import Final

from hilrig.app.gate.release_folder import read_release_file
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import PreconditionError
from hilrig.core.gate_manifest import SourceState

GIT_TIMEOUT_S: Final = 20.0
"""A status of the largest tree from a cold disk takes a few."""
LOCK_FILES: Final = ("requirements.lock", "uv.lock", "requirements.txt")
MAX_LOCK_BYTES: Final = 64 << 20

_SAFE: Final = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.untrackedCache=false")
"""A repository's own settings would else start programs of its choice."""


def source_state(folder: Path, *, lock: Path | None) -> SourceState | None:
    """Return commit and tag of the repository that holds `folder`, with the digest of its lock file.

    Args:
        folder: the profile's; only what git knows of its repository is asked.
        lock: the lock file; None: the first of `LOCK_FILES` in the repository's root.

    Returns:
        None where there is no git, no repository or no commit, or git gave no answer in time.

    Raises:
        PreconditionError: `lock` is not there.
    """
    root = _git(folder, "rev-parse", "--show-toplevel")
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    unknown = _git(folder, "status", "--porcelain", "--untracked-files=normal", "--", ".")
    if not root or not commit or changed is None or unknown is None:
        return None
    tag = "" if changed or unknown else _git(folder, "describe", "--exact-match", "--tags", "HEAD") or ""
    return SourceState(commit=commit, tag=tag, lock_sha256=_lock_sha256(Path(root), lock))


def _git(folder: Path, *words: str) -> str | None:
    """Return what git prints, None when it fails: that says that it does not know."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *_SAFE, *words],
            cwd=folder,
            env=kept | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None


def _lock_sha256(root: Path, lock: Path | None) -> str:
    for path in [lock] if lock else [root / name for name in LOCK_FILES]:
        data = read_release_file(path, max_bytes=MAX_LOCK_BYTES)
        if data is not None:
            return sha256_hex(data)
    if lock:
        raise PreconditionError(
            f"the lock file {lock} is missing", hint="--lock FILE names what pins every package"
        )
    return ""
