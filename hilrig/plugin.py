"""What a plug-in is built on: bases that leave to write only what is its own, at an address that stays.

Nothing in hilrig imports this. A plug-in need not either: any class that satisfies its port will do.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hilrig.core import ports, rig_ports
from hilrig.core.errors import PreconditionError, RigBusyError, RigLostError
from hilrig.core.frame import Defect, FeedInfo, Pixels, Truth
from hilrig.core.profile import ModelSpec
from hilrig.core.rig import PowerState
from hilrig.core.telemetry import Channel, ChannelKind, Exactness, Reason, Tier
from hilrig.feed.bounds import require_index
from hilrig.rig.argv import checked
from hilrig.sampler.grouped import GroupedSampler
from hilrig.sampler.kept_file import KeptFile
from hilrig.sampler.source import FileSource, FoldSource, Source, Value
from hilrig.target.model_files import hash_model_files

__all__ = [
    "Backend",
    "Channel",
    "ChannelKind",
    "Defect",
    "Exactness",
    "Feed",
    "FeedInfo",
    "FileSource",
    "FoldSource",
    "GroupedSampler",
    "KeptFile",
    "NoOptions",
    "Power",
    "PowerState",
    "PreconditionError",
    "Reason",
    "RigBusyError",
    "RigLostError",
    "Source",
    "Tier",
    "Transport",
    "Truth",
    "Value",
    "require_index",
]


@dataclass(frozen=True, kw_only=True)
class NoOptions:
    """There is nothing to set. A plug-in with options has a frozen dataclass of its own as `Options`."""


class Feed(ports.Feed):
    """A source of frames; see `hilrig.core.ports.Feed`. A subclass has `describe` and `fill`."""

    Options: ClassVar[type] = NoOptions

    def __init__(self, options: Any, folder: Path) -> None:
        self.options = options
        self.folder = folder

    @abstractmethod
    def describe(self) -> FeedInfo:
        """Return how many frames of which size there are."""

    @abstractmethod
    def fill(self, index: int, pixels: Pixels) -> Truth:
        """Write frame `index` into `pixels`; return its truth."""

    def close(self) -> None:
        """Release nothing."""


class Backend(ports.Backend):
    """A runtime; see `hilrig.core.ports.Backend`. A subclass has `load` and `infer`."""

    Options: ClassVar[type] = NoOptions

    def __init__(self, options: Any, model: ModelSpec, folder: Path) -> None:
        self.options = options
        self.model = model
        self.folder = folder
        self.tensor: NDArray[Any] = np.zeros(model.input_shape, np.float32)

    @abstractmethod
    def load(self) -> Mapping[str, Any]:
        """Load the model; return `facts`."""

    def facts(self, *, runtime: str, version: str, providers: Sequence[str] = ()) -> dict[str, Any]:
        """Return what the record binds: the runtime, and the sha256 of every file of the model.

        Raises:
            PreconditionError: a file is missing, or not the pinned one.
        """
        digests = hash_model_files(self.model, self.folder)
        return {"runtime": runtime, "version": version, "providers": [*providers], "files_sha256": digests}

    def input(self) -> NDArray[Any]:
        """Return the input tensor: float32, of the profile's shape."""
        return self.tensor

    @abstractmethod
    def infer(self) -> NDArray[Any]:
        """Run the model on the input tensor; return the scores, one per label."""

    def close(self) -> None:
        """Release nothing."""


class Transport(rig_ports.RigTransport):
    """A way to a rig through a program of this machine; see `hilrig.core.rig_ports.RigTransport`.

    A subclass has `command`. One that is no such program satisfies the port itself.
    """

    Options: ClassVar[type] = NoOptions

    def __init__(self, options: Any, name: str, folder: Path) -> None:
        self.options = options
        self.name = name
        self.folder = folder
        self._is_open = False

    @abstractmethod
    def command(self, argv: Sequence[str]) -> Sequence[str]:
        """Return the command of this machine that runs `argv` on the rig, in the login's home."""

    def open(self) -> Mapping[str, Any]:
        """Let commands through; a program that holds nothing has nothing to open."""
        self._is_open = True
        return {"address": self.name}

    def start(self, argv: Sequence[str]) -> "Popen[bytes]":
        """Start a command on the rig; it has a session of its own, so that Ctrl-C here does not end it.

        Raises:
            RigLostError: the transport is not open.
            UsageError: there is no command, or an argument holds a NUL.
            PreconditionError: the program that leads to the rig can't be started.
        """
        if not self._is_open:
            raise RigLostError(f"rig '{self.name}': the way to it is not open", hint="open it first")
        command = [*self.command(checked(argv))]
        try:
            return Popen(command, stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True)
        except OSError as error:
            raise PreconditionError(
                f"rig '{self.name}': {command[0]} can't be started: {error.strerror}",
                hint="install it, or correct transport_options in the rig file",
            ) from error

    def lost(self) -> str:
        """Return nothing: nobody can take the rig away."""
        return ""

    def leave(self) -> None:
        """Close it: there is nothing else to hold."""
        self.close()

    def close(self) -> None:
        """Let no more commands through."""
        self._is_open = False


class Power(rig_ports.PowerControl):
    """A switch of a rig's power; see `hilrig.core.rig_ports.PowerControl`. A subclass has `on` and `off`."""

    Options: ClassVar[type] = NoOptions

    def __init__(self, options: Any, name: str, folder: Path) -> None:
        self.options = options
        self.name = name
        self.folder = folder

    @abstractmethod
    def off(self) -> None:
        """Cut the power."""

    @abstractmethod
    def on(self) -> None:
        """Give it power."""

    def state(self) -> PowerState:
        """Return UNKNOWN: not every control can tell."""
        return PowerState.UNKNOWN
