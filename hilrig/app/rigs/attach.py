"""A run that goes on on a rig while nobody here follows it: taken up again from its directory."""

import os
import signal
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Final

from hilrig.app.folders import keys_folder
from hilrig.app.rigs.enroll import require_accepted
from hilrig.app.rigs.follow import Follower
from hilrig.app.rigs.link import linked
from hilrig.app.rigs.mirror import Mirror
from hilrig.app.rigs.patience import RECONNECT_S
from hilrig.app.run.ending import Stop
from hilrig.app.run.process import RunProcess
from hilrig.app.run.said import describe_error, say
from hilrig.core.clock import Clock, SystemClock
from hilrig.core.errors import HilrigError, RecordError
from hilrig.record.remote import REMOTE
from hilrig.record.run_lock import lock_run

POLL_S: Final = 0.1


def is_elsewhere(run_dir: Path) -> bool:
    """Return whether the run of a directory is on a rig and was not fetched yet."""
    return (run_dir / REMOTE).is_file()


def take_up(run_dir: Path) -> None:
    """See to it that a process here follows the run of a mirror; return when its directory shows it.

    The process goes on when this one ends. Nothing happens when one is there, or the run was fetched.

    Raises:
        HilrigError: the rig cannot be reached, or does not have the run (any more).
    """
    if not is_elsewhere(run_dir) or _is_followed(run_dir):
        return
    process = RunProcess("hilrig.app.rigs.attach", str(run_dir))
    try:
        while process.run_dir is None:
            if process.ended_within(POLL_S) and process.run_dir is None:
                process.outcome()
    finally:
        process.close()
        threading.Thread(target=process.wait, daemon=True).start()  # a caller that stays leaves no zombie


def attach(run_dir: Path, *, stop: Stop, clock: Clock, reconnect_s: float = RECONNECT_S) -> int:
    """Follow the run of a mirror to its end and fetch it; return the exit code of its verdict.

    Raises:
        HilrigError: as for a run that was followed from its start.
    """
    with closing(Mirror(run_dir, clock=clock)) as mirror:
        mirror.touch()
        with linked(mirror.remote.rig) as link:
            follower = Follower(
                link,
                run_id=mirror.remote.run_id,
                mirror_of=lambda name: mirror,  # noqa: ARG005 - it is there, whatever the rig names it
                stop=stop,
                clock=clock,
                key=require_accepted(link, keys_folder=keys_folder()),
                reconnect_s=reconnect_s,
            )
            return follower.to_its_end()


def main() -> None:
    """Run as the process that `take_up` starts; its argument is the run directory."""
    stop = Stop()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        attach(Path(sys.argv[1]), stop=stop, clock=SystemClock())
    except HilrigError as error:
        say("error", **describe_error(error))
        sys.exit(error.exit_code)


def _is_followed(run_dir: Path) -> bool:
    """Return whether a process mirrors the run: it holds the directory's lock as long as it lives."""
    try:
        os.close(lock_run(run_dir))
    except RecordError:
        return run_dir.is_dir()
    return False


if __name__ == "__main__":
    main()
