"""Start the keeper of a run so that it outlives the call.

It outlives the login and the client as well.
"""

import os
import pwd
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import hilrig
from hilrig.core.errors import PreconditionError
from hilrig.rig.agent.keeper_file import keeper_lives
from hilrig.rig.agent.layout import RunFolder, WorkFolder

START_LIMIT_S: Final = 45.0
"""From the call to keeper.json: 0.1 s on an idle PC. Its caller takes the rig for lost after 60 s."""

LOOK_S: Final = 0.01
UNIT_LIMIT_S: Final = 10.0
RUNTIME_MAX_S: Final = 8 * 24 * 3600
"""What systemd ends it after, whatever happens: longer than any soak; the job's own limit comes first."""

STOP_LIMIT_S: Final = 120
"""What systemd gives the run to end in order when the rig is shut down: time to judge an hour."""

SYSTEMD: Final = Path("/run/systemd/system")
LINGER: Final = Path("/var/lib/systemd/linger")
KEPT_VARIABLES: Final = (
    "HOME",
    "LANG",
    "LD_LIBRARY_PATH",
    "LOGNAME",
    "PATH",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_RUNTIME_DIR",
)
"""What a unit gets of the login's environment: every user there can read it, so nothing that may be secret."""


def start_keeper(work: WorkFolder, run: RunFolder, *, ttl_s: float) -> None:
    """Start the keeper of `run`; it is there when this returns. The caller holds the lease's lock.

    Raises:
        PreconditionError: it does not come up.
    """
    argv = [sys.executable, "-m", "hilrig.rig.agent.keeper", str(work.path), run.run_id, repr(ttl_s)]
    in_unit = outlives_login(SYSTEMD, LINGER) and _start_in_unit(argv, run)
    if not in_unit:
        _start_in_session(argv, run)
    _await(run)


def outlives_login(systemd: Path, linger: Path) -> bool:
    """Return whether systemd runs units of this user, and goes on with them when the user logs out.

    Args:
        systemd: there when the machine was booted with systemd (sd_booted(3)).
        linger: the folder with a file for each user whose units go on (loginctl(1), enable-linger).
    """
    if not systemd.is_dir():
        return False
    return os.geteuid() == 0 or (linger / pwd.getpwuid(os.geteuid()).pw_name).exists()


def unit_command(argv: list[str], run: RunFolder, *, environment: Mapping[str, str]) -> list[str]:
    """Return the command that starts `argv` as a transient unit."""
    log = f"append:{run.log}".replace("%", "%%")
    properties = {
        "KillMode": "mixed",  # SIGTERM to the keeper, which ends the run in order; what is then left is killed
        "RuntimeMaxSec": RUNTIME_MAX_S,
        "TimeoutStopSec": STOP_LIMIT_S,
        "StandardOutput": log,
        "StandardError": log,
    }
    return [
        "systemd-run",
        *([] if os.geteuid() == 0 else ["--user"]),
        "--quiet",
        "--collect",
        f"--unit=hilrig-{run.run_id}",
        "--working-directory=/",
        *(f"--property={name}={value}" for name, value in properties.items()),
        *(f"--setenv={name}={value}" for name, value in environment.items()),
        *argv,
    ]


def _start_in_unit(argv: list[str], run: RunFolder) -> bool:
    environment = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ} | _own_path()
    try:
        done = subprocess.run(
            unit_command(argv, run, environment=environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=UNIT_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _start_in_session(argv: list[str], run: RunFolder) -> None:
    """Start it in a session of its own, as nobody's child."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
        return
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        with os.fdopen(os.open(run.log, flags, 0o600), "ab") as log:
            subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",  # `-m` looks into the current folder first
                env=os.environ | _own_path(),
                start_new_session=True,
            )
    finally:
        os._exit(0)


def _own_path() -> dict[str, str]:
    """Return where this very hilrig is found, whatever is installed besides."""
    own = str(Path(hilrig.__file__).parents[1])
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != own]
    return {"PYTHONPATH": os.pathsep.join([own, *others])}


def _await(run: RunFolder) -> None:
    give_up_s = time.monotonic() + START_LIMIT_S
    while not keeper_lives(run):
        if time.monotonic() > give_up_s:
            raise PreconditionError(f"the keeper of run {run.run_id} does not start: {_last_words(run.log)}")
        time.sleep(LOOK_S)


def _last_words(log: Path) -> str:
    try:
        words = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        words = []
    return next((line for line in reversed(words) if line.strip()), "it left no words")[:300]
