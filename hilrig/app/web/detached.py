"""Start a run that outlives the page's server."""

import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from hilrig.app.run.process import SoakProcess, Status
from hilrig.app.run.request import RunRequest

POLL_S: Final = 0.2


def start(request: RunRequest, *, on_status: Callable[[Status], None]) -> Path:
    """Start a run that outlives this process; return its directory as soon as it is there.

    By then the rig was checked and is this run's; what comes after stands in the directory. A caller that is
    interrupted before takes the run with it.

    Args:
        request: what to run; `is_detached` is set.
        on_status: called a few times a second until then.

    Raises:
        HilrigError: whatever kept the run from starting.
    """
    process = SoakProcess(replace(request, is_detached=True))
    try:
        run_dir = _wait_for_directory(process, on_status)
    except BaseException:
        process.send(signal.SIGTERM)
        raise
    finally:
        process.close()
        threading.Thread(target=process.wait, daemon=True).start()  # a caller that stays leaves no zombie
    return run_dir


def _wait_for_directory(process: SoakProcess, on_status: Callable[[Status], None]) -> Path:
    while process.run_dir is None:
        on_status(process.status())
        if process.ended_within(POLL_S) and process.run_dir is None:
            return process.outcome().run_dir
    return process.run_dir
