"""Power controls that need no library.

One is none at all, the other is a program of the lab's own.
"""

import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from hilrig.core.errors import PreconditionError, RigLostError
from hilrig.core.rig import PowerState

STATES: Final = {0: PowerState.ON, 1: PowerState.OFF}
"""Exit codes of the program that tells the state; any other is unknown, never off."""

LAST_WORDS_MAX: Final = 300
"""Characters of a failed program's output that are shown: its last line is the one that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPowerOptions:
    """A rig without power control has no options."""


class NoPower:
    """The control of a rig whose power nobody can switch from here."""

    Options = NoPowerOptions

    def __init__(self, _options: NoPowerOptions, name: str, _folder: Path) -> None:
        self._name = name

    def off(self) -> None:
        """Refuse.

        Raises:
            PreconditionError: always.
        """
        self._refuse()

    def on(self) -> None:
        """Refuse.

        Raises:
            PreconditionError: always.
        """
        self._refuse()

    def state(self) -> PowerState:
        """Return UNKNOWN."""
        return PowerState.UNKNOWN

    def _refuse(self) -> NoReturn:
        raise PreconditionError(
            f"rig {self._name} has no power control: its power can't be switched from here",
            hint=f"put `power` and `power_options` into the rig file of {self._name} (see rigs/README.md)",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPowerOptions:
    """The lab's own programs, each a list of arguments; no shell is involved. They run in the rig file's folder.

    Args:
        on: gives the rig power; exit code 0 when that is done.
        off: cuts the power; exit code 0 when that is done.
        state: exit code 0 for on, 1 for off; None: the control cannot tell.
        timeout_s: for each of them.
    """

    on: list[str]
    off: list[str]
    state: list[str] | None = None
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        for name, argv in (("on", self.on), ("off", self.off), ("state", self.state)):
            if argv is not None and (not argv or not argv[0]):
                raise ValueError(f"{name} is empty: expected a program and its arguments")
        if not 0 < self.timeout_s <= 600:  # noqa: PLR2004 - ten minutes: a typing error beyond
            raise ValueError(f"timeout_s must be within 0 to 600, found {self.timeout_s}")


class CommandPower:
    """Switches a rig's power with programs of the lab's own: a relay, a PDU without a driver, a robot arm."""

    Options = CommandPowerOptions

    def __init__(self, options: CommandPowerOptions, name: str, folder: Path) -> None:
        self._options = options
        self._name = name
        self._folder = folder

    def off(self) -> None:
        """Run the program that cuts the power.

        Raises:
            PreconditionError: it cannot be started.
            RigLostError: it took too long, or did not end with exit code 0.
        """
        self._switch(self._options.off)

    def on(self) -> None:
        """Run the program that gives power.

        Raises:
            PreconditionError: it cannot be started.
            RigLostError: it took too long, or did not end with exit code 0.
        """
        self._switch(self._options.on)

    def state(self) -> PowerState:
        """Return what the program says; UNKNOWN without one, and for any other exit code than 0 and 1.

        Raises:
            PreconditionError: it cannot be started.
            RigLostError: it took too long.
        """
        if self._options.state is None:
            return PowerState.UNKNOWN
        return STATES.get(self._run(self._options.state).returncode, PowerState.UNKNOWN)

    def _switch(self, argv: list[str]) -> None:
        ended = self._run(argv)
        if ended.returncode:
            raise RigLostError(
                f"rig {self._name}: {shlex.join(argv)} ended with exit code {ended.returncode}"
                f"{_last_words(ended.stdout)}",
                hint="run it by hand; exit code 0 means that the power was switched",
            )

    def _run(self, argv: list[str]) -> "subprocess.CompletedProcess[bytes]":
        try:
            return subprocess.run(
                argv,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=self._options.timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RigLostError(
                f"rig {self._name}: {shlex.join(argv)} did not end within {self._options.timeout_s:g} s",
                hint="look at the rig: its power may be on or off",
            ) from error
        except OSError as error:
            raise PreconditionError(
                f"rig {self._name}: the power program {argv[0]} can't be started: {error.strerror}",
                hint=f"install it, or correct power_options in the rig file of {self._name}",
            ) from error


def _last_words(output: bytes) -> str:
    lines = output.decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    shown = "".join(c if c.isprintable() else " " for c in last[-LAST_WORDS_MAX:])
    return f": {shown}" if shown else ""
