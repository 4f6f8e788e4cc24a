"""The verb that ends every process of a run.

It shows that none is left.
"""

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, BinaryIO, Final

from hilrig.core.errors import HilrigError
from hilrig.rig.agent.arguments import run_of, work_folder_of
from hilrig.rig.agent.keeper_file import keeper_lives, read_keeper
from hilrig.rig.agent.layout import RunFolder
from hilrig.rig.agent.lease_record import give_back, locked
from hilrig.rig.agent.processes import KILL_S, TERM_S, Found, end_all, names, processes_of, send
from hilrig.rig.agent.requests import GRACE_S, ask_to_cancel
from hilrig.rig.agent.seconds import seconds_of

MARGIN_S: Final = 10.0
"""What the keeper may take beyond grace and signals, for its list of files, before it is ended too."""

LOOK_S: Final = 0.03


def cancel(arguments: Mapping[str, Any], stream: BinaryIO) -> Iterator[Mapping[str, Any]]:  # noqa: ARG001 - a verb's form
    """End every process of a run, its keeper included; works without the keeper too.

    Raises:
        RigLostError: there is no such run.
    """
    work, run = work_folder_of(arguments), run_of(arguments)
    grace_s = seconds_of(arguments, "grace_s") if "grace_s" in arguments else GRACE_S
    began_s = time.monotonic()
    if keeper_lives(run):
        with suppress(HilrigError):  # a full disk takes no request: then without the keeper
            ask_to_cancel(run, grace_s=grace_s)
            _await_keeper(run, limit_s=grace_s + TERM_S + KILL_S + MARGIN_S)
            grace_s = 0
    left = _end_without_keeper(run, grace_s=grace_s)
    with suppress(HilrigError), locked(work):  # else it is void all the same: its keeper is gone
        give_back(work, run)
    yield {"left": names(left), "took_s": round(time.monotonic() - began_s, 3)}


def _await_keeper(run: RunFolder, *, limit_s: float) -> None:
    give_up_s = time.monotonic() + limit_s
    while keeper_lives(run) and time.monotonic() < give_up_s:
        time.sleep(LOOK_S)


def _end_without_keeper(run: RunFolder, *, grace_s: float) -> list[Found]:
    """End what is left; a keeper that does not do it is ended with the others.

    A run whose keeper is gone hears of that from the kernel, and has the same time to end in order.
    """
    keeper = read_keeper(run)
    if keeper is not None and keeper.lives:
        end_all(lambda: processes_of(run, keeper=keeper.pid))
        send(keeper.pid, keeper.start_ticks, signal.SIGKILL)
        _await_keeper(run, limit_s=KILL_S)
    give_up_s = time.monotonic() + grace_s
    while processes_of(run, keeper=None) and time.monotonic() < give_up_s:
        time.sleep(LOOK_S)
    return end_all(lambda: processes_of(run, keeper=None))
