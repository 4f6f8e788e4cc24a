"""All rigs of a folder at a glance: which are free, who holds the others, why one cannot be had."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLateError
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final

from hilrig.app.folders import lease_folder
from hilrig.app.rigs.files import RigFile
from hilrig.app.rigs.held import Held, held_here, held_there
from hilrig.app.rigs.line import ask_and_look
from hilrig.core.clock import SystemClock
from hilrig.core.errors import HilrigError, RigBusyError, RigLostError
from hilrig.core.rig import RigSpec

if TYPE_CHECKING:
    from hilrig.app.rigs.link import RigLink

ASK_S: Final = 10.0
"""For how long a person waits for one rig's answer: a board that boots takes longer, a live one a second."""

ANSWER_S: Final = 60.0
"""For how long a rig that was reached may take to say who holds it, where its power hangs on the answer."""

SIDE_BY_SIDE: Final = 16
"""Rigs asked at a time: each is a few processes of ssh here."""


class RigState(str, Enum):
    """How it stands with a rig; the words of the table."""

    FREE = "free"
    HELD = "held"
    OUT_OF_SERVICE = "out of service"
    UNREACHABLE = "unreachable"
    NOT_USABLE = "not usable"
    NOT_ASKED = "not asked"
    MISTAKES = "mistakes"


@dataclass(frozen=True, slots=True, kw_only=True)
class RigRow:
    """A rig in the table.

    Args:
        rig: None when its file has mistakes.
        detail: why it cannot be had; empty while it is free, or held by somebody who is known.
        hint: the next step.
        held: by whom, where that is known.
    """

    name: str
    path: Path
    rig: RigSpec | None
    state: RigState
    detail: str = ""
    hint: str = ""
    held: Held | None = None


_STATE_OF: Final[dict[type[HilrigError], RigState]] = {
    RigBusyError: RigState.HELD,
    RigLostError: RigState.UNREACHABLE,
}
Ask = Callable[[RigSpec], Held | None]


def overview(files: Sequence[RigFile], *, ask: Ask | None, deadline_s: float = ASK_S) -> tuple[RigRow, ...]:
    """Return a row for each file, in their order; the rigs are asked side by side.

    Args:
        files: of a rigs folder.
        ask: returns who holds a rig, or raises why it cannot be had; None: nobody is asked.
        deadline_s: for each rig's answer. One that comes later still ends in order, unheard.
    """
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return tuple(pool.map(lambda file: _row(file, ask, deadline_s), files))


def who_holds(rig: RigSpec, *, silence_s: float = ANSWER_S) -> Held | None:
    """Return who holds a rig; None when it is free.

    Args:
        rig: anywhere.
        silence_s: for how long it may be silent once it was reached.

    Raises:
        HilrigError: it cannot be asked, or not be had: RigBusyError when somebody holds the way to it.
    """
    if rig.work_folder is None:
        return held_here(lease_folder())
    return ask_and_look(rig, lambda link: _lease_there(link, silence_s))


def at_a_glance(rig: RigSpec) -> Held | None:
    """Return who holds a rig, for a table: a rig that hangs is soon given up.

    Raises:
        HilrigError: as `who_holds`.
    """
    return who_holds(rig, silence_s=ASK_S)


def _lease_there(link: "RigLink", silence_s: float) -> Held | None:
    return held_there(link.call("facts", {"gpu_of": []}, deadline_s=silence_s), clock=SystemClock())


def _row(file: RigFile, ask: Ask | None, deadline_s: float) -> RigRow:
    rig = file.rig
    if rig is None:
        count = len(file.mistakes.problems) if file.mistakes else 0
        detail = f"{count} mistake{'' if count == 1 else 's'} in {file.path.name}"
        return _of(file, RigState.MISTAKES, detail, f"hilrig rigs check {file.path}")
    if rig.disabled:
        return _of(file, RigState.OUT_OF_SERVICE, rig.disabled)
    if ask is None:
        return _of(file, RigState.NOT_ASKED)
    return _answered(file, rig, ask, deadline_s)


def _answered(file: RigFile, rig: RigSpec, ask: Ask, deadline_s: float) -> RigRow:
    try:
        held = _within(deadline_s, ask, rig)
    except HilrigError as error:
        state = next((state for kind, state in _STATE_OF.items() if isinstance(error, kind)), RigState.NOT_USABLE)
        return _of(file, state, error.message, error.hint)
    return _of(file, RigState.HELD if held else RigState.FREE, held=held)


def _of(file: RigFile, state: RigState, detail: str = "", hint: str = "", *, held: Held | None = None) -> RigRow:
    return RigRow(name=file.name, path=file.path, rig=file.rig, state=state, detail=detail, hint=hint, held=held)


def _within(deadline_s: float, ask: Ask, rig: RigSpec) -> Held | None:
    """Return the answer if it comes in time. The thread is no daemon: it lets go of the rig before hilrig ends."""
    answer: Future[Held | None] = Future()
    Thread(target=_settle, args=(answer, ask, rig), name=f"ask {rig.name}").start()
    try:
        return answer.result(timeout=deadline_s)
    except TooLateError:
        raise RigLostError(
            f"no answer in {deadline_s:g} s", hint="is it switched on, and on the network?"
        ) from None


def _settle(answer: "Future[Held | None]", ask: Ask, rig: RigSpec) -> None:
    try:
        answer.set_result(ask(rig))
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised again where the answer is awaited
        answer.set_exception(error)
