"""The line to a rig: its transport opened, this hilrig put there, the agent's verbs called."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files as package_files
from subprocess import Popen
from typing import Any, Final

from hilrig.core.errors import PreconditionError, RigLostError
from hilrig.core.rig import RigSpec
from hilrig.core.rig_ports import RigTransport
from hilrig.rig.agent_call import AgentCall, Answer, LinkBrokenError, last_answer, no_bytes, nothing
from hilrig.rig.transport import open_transport
from hilrig.rig.wheel import Wheel, own_wheel

CALL_S: Final = 60.0
"""For how long a rig may be silent in the middle of a call: a slow card takes half as long to hash 1 GiB."""

BOOT_S: Final = 30.0
CHUNK_BYTES: Final = 1 << 20
NO_COMMAND: Final = 127
"""What a shell and env(1) exit with when there is no such program."""

START: Final = (
    "import runpy, sys; sys.path = [p for p in sys.path if p]; runpy.run_module({module!r}, None, {name!r}, True)"
)
"""`python -m` would look into the login's home first, where a folder `hilrig` may lie: a checkout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BootFacts:
    """What a rig said when it was reached.

    Args:
        python: its version there, [3, 11, 2].
        executable: that Python.
        work_folder: absolute.
        boot_id: changes with every boot.
        address: where the rig was reached, as far as the transport knows.
    """

    python: tuple[int, ...]
    executable: str
    work_folder: str
    boot_id: str
    address: str


class RigLink:
    """An open line to a rig. Used by one thread; several calls may go on at once.

    Args:
        spec: the rig; it has a work folder.
        transport: the way to it, not opened yet.

    Raises:
        RigLostError: nothing answers there, or it refuses this user.
        RigBusyError: somebody else holds the way to it.
        TrustError: its host key is unknown, or another than the one that was accepted.
        PreconditionError: its Python is missing or too old, or its work folder cannot be written.
    """

    def __init__(self, spec: RigSpec, transport: RigTransport, wheel: Wheel) -> None:
        self.spec, self._transport, self._wheel = spec, transport, wheel
        self._facts: Mapping[str, Any] = {}
        try:
            self.boot_facts = self._opened()
        except BaseException:
            transport.close()
            raise

    @property
    def work_folder(self) -> str:
        """Return the work folder there, absolute."""
        return self.boot_facts.work_folder

    def call(
        self,
        verb: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        deadline_s: float = CALL_S,
        on_wait: Callable[[], None] = nothing,
    ) -> dict[str, Any]:
        """Return everything that a verb answered, as one object.

        Args:
            verb: of the agent.
            arguments: its own, beside the work folder.
            deadline_s: for how long it may be silent.
            on_wait: called about ten times a second meanwhile; what it raises ends the call.

        Raises:
            HilrigError: the one that the rig answered.
            LinkBrokenError: the line broke.
        """
        return last_answer(self.stream(verb, arguments, silence_s=deadline_s, on_wait=on_wait))

    def stream(
        self,
        verb: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        feed: Iterable[bytes] = (),
        silence_s: float = CALL_S,
        n_raw: Callable[[Answer], int] = no_bytes,
        on_wait: Callable[[], None] = nothing,
    ) -> Iterator[Answer | bytes]:
        """Give a verb's answers as they come, raw bytes between them; see `AgentCall`.

        Raises:
            HilrigError: the one that the rig answered.
            LinkBrokenError: the line broke.
        """
        process = self._transport.start(self._argv("hilrig.rig.agent", verb))
        yield from AgentCall(
            process,
            what=f"rig {self.spec.name}: {verb}",
            arguments={**(arguments or {}), "work_folder": self.work_folder},
            feed=feed,
            silence_s=silence_s,
            n_raw=n_raw,
            on_wait=on_wait,
        )

    def whole(
        self, module: str, *arguments: str, silence_s: float, on_wait: Callable[[], None] = nothing
    ) -> Answer:
        """Return what a module of the whole hilrig answers on the rig: it needs the dependencies there.

        Raises:
            HilrigError: the one that the rig answered.
            LinkBrokenError: the line broke.
        """
        process = self._transport.start(self._argv(module, *arguments))
        what = f"rig {self.spec.name}: {' '.join(arguments)}"
        return last_answer(AgentCall(process, what=what, arguments={}, silence_s=silence_s, on_wait=on_wait))

    def start(self, argv: Sequence[str]) -> "Popen[bytes]":
        """Start any command on the rig, with what processes of hilrig are started with there."""
        environment = [f"{name}={value}" for name, value in self.environment().items()]
        return self._transport.start(["env", *environment, *argv])

    def environment(self) -> dict[str, str]:
        """Return what every process of hilrig on the rig is started with."""
        folder = self.work_folder
        return {"PYTHONPATH": f"{folder}/hilrig/{self._wheel.sha256}", "HILRIG_HOME": f"{folder}/home"}

    def lost(self) -> str:
        """Return why the rig is no longer ours to use; empty while it is."""
        return self._transport.lost()

    def reopen(self) -> None:
        """Take the line up again. `boot_facts` are new: another boot id is another boot.

        Raises:
            HilrigError: as when it was opened.
        """
        self.boot_facts = self._opened()

    def pinned(self) -> RigSpec:
        """Return the rig as it was reached: the labgrid place that its labels found, should they fit several."""
        place = self._facts.get("place")
        if place is None:
            return self.spec
        return replace(self.spec, transport_options={**self.spec.transport_options, "place": place, "match": {}})

    def leave(self) -> None:
        """Let go of the line only: what is held stays held for the run that goes on there."""
        self._transport.leave()

    def close(self) -> None:
        """Let go of the rig; what runs there goes on."""
        self._transport.close()

    def _argv(self, module: str, *arguments: str) -> list[str]:
        environment = [f"{name}={value}" for name, value in self.environment().items()]
        start = START.format(module=module, name="__main__")
        return ["env", *environment, self.spec.python, "-c", start, *arguments]

    def _opened(self) -> BootFacts:
        self._facts = self._transport.open()
        said = self._booted()
        try:
            return BootFacts(
                python=tuple(said["python"]),
                executable=str(said["executable"]),
                work_folder=str(said["work_folder"]),
                boot_id=str(said["boot_id"]),
                address=str(self._facts.get("address", "")),
            )
        except (LookupError, TypeError) as error:
            raise RigLostError(f"rig {self.spec.name} did not answer as a rig does: {error}") from error

    def _booted(self) -> dict[str, Any]:
        said = self._boot(install=False)
        if not said["has_wheel"]:
            said = self._boot(install=True)
        return said

    def _boot(self, *, install: bool) -> dict[str, Any]:
        source = package_files("hilrig.rig.agent").joinpath("boot.py").read_text(encoding="utf-8")
        process = self._transport.start([self.spec.python, "-c", source])
        data = self._wheel.data if install else b""
        call = AgentCall(
            process,
            what=f"rig {self.spec.name}: the first call",
            arguments={
                "work_folder": self.spec.work_folder,
                "wheel_sha256": self._wheel.sha256,
                "install": install,
                "size": len(data),
            },
            feed=pieces(data),
            silence_s=BOOT_S,
        )
        try:
            return last_answer(call)
        except LinkBrokenError as error:
            if process.returncode != NO_COMMAND:
                raise
            raise PreconditionError(
                f"rig {self.spec.name} has no program {self.spec.python}",
                hint="name the Python that has hilrig's dependencies there: `python:` in the rig file",
            ) from error


@contextmanager
def linked(spec: RigSpec) -> Iterator[RigLink]:
    """Give an open line to a rig with a work folder, this hilrig ready on it.

    Raises:
        HilrigError: as `RigLink`.
    """
    link = RigLink(spec, open_transport(spec), own_wheel())
    try:
        yield link
    finally:
        link.close()


def pieces(data: bytes) -> Iterator[bytes]:
    """Give bytes in pieces that can be counted on their way."""
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]


def in_work_folder(link: RigLink, *parts: str) -> str:
    """Return the path of something in the work folder there."""
    return os.path.join(link.work_folder, *parts)  # noqa: PTH118 - a path of another machine
