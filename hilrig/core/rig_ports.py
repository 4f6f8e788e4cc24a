"""The extension points that lead to a rig: the way there, the switch of its power."""

from collections.abc import Mapping, Sequence
from subprocess import Popen
from typing import Any, Protocol

from hilrig.core.rig import PowerState


class RigTransport(Protocol):
    """A way to a rig. Built as `Transport(options, name, folder)`; `folder` is where the rig file lies."""

    def open(self) -> Mapping[str, Any]:
        """Reach the rig, hold it where the way there asks for that; return facts as JSON (`address`, ...).

        Opened again, what is held stays held and only the line is made anew.

        Raises:
            RigLostError: nothing answers, or it refuses this user.
            RigBusyError: somebody else holds it.
            TrustError: its host key is unknown, or not the one that was accepted.
        """

    def start(self, argv: Sequence[str]) -> "Popen[bytes]":
        """Start a command on the rig, in the login's home; stdin, stdout and stderr are pipes.

        The arguments arrive as they are, whatever is in them. Ending the local process ends the line to the rig,
        not what runs there.
        """

    def lost(self) -> str:
        """Return why the rig is no longer ours to use (reservation gone, place kicked); empty while it is."""

    def leave(self) -> None:
        """Let go of the line only: what is held stays held for a run that goes on without us."""

    def close(self) -> None:
        """Let go of the rig and of the line to it."""


class PowerControl(Protocol):
    """Switches a rig's power. Built as `Power(options, name, folder)`. Each call returns when it is done."""

    def off(self) -> None:
        """Cut the power: a hard cut, no shutdown.

        Raises:
            RigLostError: the control does not answer, or does not do it.
        """

    def on(self) -> None:
        """Give it power; the rig boots.

        Raises:
            RigLostError: the control does not answer, or does not do it.
        """

    def state(self) -> PowerState:
        """Return whether it has power; UNKNOWN where the control cannot tell."""
