"""Exit codes of each command, as its help shows them."""

from collections.abc import Iterator, Mapping
from typing import Final

import typer

from hilrig.core.exits import ExitCode

_ALWAYS: Final = (ExitCode.OK, ExitCode.USAGE)
_VERDICT: Final = (ExitCode.FAIL, ExitCode.INCONCLUSIVE, ExitCode.ABORTED)
_AWAY: Final = (ExitCode.RIG_BUSY, ExitCode.RIG_UNREACHABLE, ExitCode.PRECONDITION, ExitCode.TRUST)
_FILE: Final = (ExitCode.PRECONDITION,)
_SIGNED: Final = (ExitCode.PRECONDITION, ExitCode.TRUST)
_OVER: Final = (ExitCode.PRECONDITION, ExitCode.TRUST, ExitCode.EXPIRED)
_STORE: Final = (ExitCode.RIG_BUSY, ExitCode.PRECONDITION, ExitCode.STORE_UNSAFE)
_DECIDED: Final = (ExitCode.TRUST, ExitCode.NO_REPORT, ExitCode.EXPIRED, ExitCode.WRONG_CLASS)
_VIRTUAL: Final = (ExitCode.RIG_UNREACHABLE, ExitCode.PRECONDITION)

_BESIDE: Final[Mapping[str, tuple[ExitCode, ...]]] = {
    "demo": (ExitCode.ABORTED, *_AWAY),
    "run": (*_VERDICT, *_AWAY),
    "init": _FILE,
    "check": _FILE,
    "doctor": (ExitCode.ABORTED, ExitCode.RIG_BUSY, ExitCode.RIG_UNREACHABLE, ExitCode.PRECONDITION),
    "schema": (),
    "verify": (*_VERDICT, *_OVER, ExitCode.WRONG_CLASS),
    "recover": (*_VERDICT, *_SIGNED),
    "judge": (*_VERDICT, *_SIGNED),
    "report": _SIGNED,
    "export": _SIGNED,
    "compare": (*_VERDICT, *_AWAY),
    "list": _FILE,
    "watch": (*_VERDICT, ExitCode.RIG_UNREACHABLE, *_SIGNED),
    "stop": (*_VERDICT, ExitCode.RIG_UNREACHABLE, *_SIGNED),
    "serve": _SIGNED,
    "powerloss": (*_VERDICT, *_AWAY),
    "explain": (),
    "triage": (ExitCode.INCONCLUSIVE, ExitCode.PRECONDITION),
    "keys new": _SIGNED,
    "keys list": (ExitCode.TRUST,),
    "keys show": (ExitCode.TRUST,),
    "trust init": _SIGNED,
    "trust rotate": _SIGNED,
    "trust sign": _SIGNED,
    "trust show": _OVER,
    "rigs list": (),
    "rigs show": (),
    "rigs check": _AWAY,
    "rigs reserve": _AWAY,
    "rigs release": _AWAY,
    "rigs reap": _AWAY,
    "rigs power": _AWAY,
    "rigs enroll": (*_AWAY, ExitCode.EXPIRED, ExitCode.WRONG_CLASS),
    "rigs virtual up": _VIRTUAL,
    "rigs virtual down": _VIRTUAL,
    "rigs virtual status": _FILE,
    "rigs virtual remove": _VIRTUAL,
    "rigs virtual place": _VIRTUAL,
    "node init": (ExitCode.RIG_BUSY, *_SIGNED, ExitCode.STORE_UNSAFE),
    "node stage": (*_STORE, *_DECIDED),
    "node activate": (*_STORE, *_DECIDED),
    "node confirm": _STORE,
    "node rollback": _STORE,
    "node status": (ExitCode.PRECONDITION, ExitCode.STORE_UNSAFE),
    "node collect": _STORE,
    "node serve": (ExitCode.PRECONDITION, ExitCode.STORE_UNSAFE),
    "node agent": (*_STORE, *_DECIDED),
    "node publish": (ExitCode.FAIL, ExitCode.PRECONDITION, *_DECIDED),
    "node deploy": _SIGNED,
    "compat check": (ExitCode.FAIL, ExitCode.INCONCLUSIVE, *_AWAY, ExitCode.WRONG_CLASS),
    "compat table": _FILE,
    "golden run": (*_VERDICT, ExitCode.PRECONDITION),
    "golden bundle": (ExitCode.ABORTED, ExitCode.PRECONDITION),
    "golden check": (ExitCode.FAIL, ExitCode.INCONCLUSIVE, ExitCode.PRECONDITION),
    "gate check": (
        ExitCode.FAIL,
        ExitCode.INCONCLUSIVE,
        *_OVER,
        ExitCode.WRONG_CLASS,
        ExitCode.APPROVAL_MISSING,
    ),
    "gate approve": _SIGNED,
    "gate status": (ExitCode.FAIL, ExitCode.PRECONDITION, *_DECIDED),
    "gate revoke": _SIGNED,
    "gate manifest": (*_OVER, ExitCode.WRONG_CLASS),
    "baseline set": _SIGNED,
    "baseline show": _FILE,
    "baseline list": _FILE,
    "baseline unset": (),
}
"""What a command can end with beside 0 and 2, by its words after `hilrig`."""


def exit_codes(command: str) -> tuple[ExitCode, ...]:
    """Return the exit codes of a command, by its words after `hilrig`, in ascending order.

    Raises:
        KeyError: there is no such command.
    """
    return tuple(sorted({*_ALWAYS, *_BESIDE[command]}))


def show_exit_codes(app: typer.Typer) -> None:
    """Put the exit codes below every command's help."""
    for path, info in _commands(app, at=""):
        codes = ", ".join(str(int(code)) for code in exit_codes(path))
        info.epilog = f"Exit codes: {codes}. hilrig explain CODE says what one means."


def _commands(app: typer.Typer, *, at: str) -> Iterator[tuple[str, typer.models.CommandInfo]]:
    for info in app.registered_commands:
        yield f"{at}{info.name or getattr(info.callback, '__name__', '')}", info
    for group in app.registered_groups:
        if group.typer_instance:
            yield from _commands(group.typer_instance, at=f"{at}{group.name} ")
