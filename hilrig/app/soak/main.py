"""The process that does one run, here or on a rig elsewhere; it prints what it reaches as JSON lines."""

import signal
import sys
import traceback
from typing import NoReturn

from hilrig.app.run.ending import Stop, end_with
from hilrig.app.run.request import RunRequest
from hilrig.app.run.said import describe_error, say
from hilrig.config.noun_json import from_json
from hilrig.config.rig_file import load_rig
from hilrig.core.clock import SystemClock
from hilrig.core.errors import HilrigError, of_system


def main() -> None:
    """Run as the process that others start; its arguments are the request as JSON and the number of its caller."""
    stop = Stop()
    try:
        request = from_json(RunRequest, sys.argv[1].encode(), what="the request")
        if request.is_detached:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        else:
            end_with(int(sys.argv[2]), stop)
        _do(request, stop)
    except HilrigError as error:
        _end_with(error)
    except OSError as error:
        traceback.print_exc()  # the log of what started this process keeps it
        _end_with(of_system(error))


def _end_with(error: HilrigError) -> NoReturn:
    say("error", **describe_error(error))
    sys.exit(error.exit_code)


def _do(request: RunRequest, stop: Stop) -> None:
    """Do the run; what measures is imported only where something is measured."""
    rig = None if request.rig_file is None else load_rig(request.rig_file)
    if rig is not None and rig.work_folder is not None:
        from hilrig.app.rigs.soak import rig_soak

        rig_soak(request, rig, stop=stop, clock=SystemClock())
    else:
        from hilrig.app.soak.soak import soak

        soak(request, stop=stop, clock=SystemClock())


if __name__ == "__main__":
    main()
