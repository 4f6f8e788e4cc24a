"""A rig of a lab that labgrid manages: the place is acquired there, the rig is reached over our own ssh.

labgrid's own ssh neither checks host keys nor ends what it started, so only the address is taken from it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any, ClassVar, Final

from hilrig.core.errors import PreconditionError, RigLostError
from hilrig.rig.labgrid.client import Labgrid
from hilrig.rig.labgrid.hold import Held, Wanted, let_go, take, why_lost
from hilrig.rig.labgrid.place import Place
from hilrig.rig.ssh.options import SshOptions
from hilrig.rig.ssh.transport import SshTransport

LOOK_PERIOD_S: Final = 2.0
"""A place that was taken from a run is noticed within this time; a look takes a few milliseconds."""

LOOK_DEADLINE_S: Final = 10.0
"""The worker gives up on a coordinator after 8 s."""

SILENT_S: Final = 30.0
"""A coordinator that is started anew is back within 3 s; after this long nobody knows who may use the rig."""

WAIT_MAX_S: Final = 7 * 86_400.0
"""A week in the queue: beyond it the number is a typing error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabgridOptions:
    """Which place, and how its rig is reached. Relative paths start at the rig file's folder.

    Args:
        coordinator: HOST[:PORT]; empty: the environment's LG_COORDINATOR.
        place: its name in labgrid; this or `match`.
        match: the tags of any place that will do.
        wait_s: how long to queue for a place that is held; 0: not at all.
        user: the login; empty: what the place publishes.
        key_file: the private key; empty: the keys of the ssh configuration, of ~/.ssh or of the agent.
        known_hosts: the file with the host keys that were accepted; no other is looked at.
        connect_timeout_s: until a first command has run on the rig.
        config_file: an ssh configuration in place of your own and the machine's.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    coordinator: str = ""
    place: str = ""
    match: Mapping[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    user: str = ""
    key_file: str = ""
    known_hosts: str = "known_hosts"
    connect_timeout_s: float = 15.0
    config_file: str = ""

    def __post_init__(self) -> None:
        if bool(self.place) == bool(self.match):
            raise ValueError(
                "either place or match must be given: a place's name, or the tags of any that will do"
            )
        if not 0 <= self.wait_s <= WAIT_MAX_S:
            raise ValueError(f"wait_s must be within 0 and {WAIT_MAX_S:g} (a week), found {self.wait_s}")

    def wanted(self) -> Wanted:
        """Return which place."""
        return Wanted(place=self.place, match=self.match, wait_s=self.wait_s)


class LabgridTransport:
    """A labgrid place, held while this is open, and its rig over ssh.

    A place that you had acquired by hand before is used and stays yours. One that a process of hilrig left behind
    when it was killed is taken over.

    Args:
        options: which place, and how its rig is reached.
        name: the rig's: its host key goes by it, whatever address the place publishes.
        folder: where the rig file lies.
        clock: seconds that only go forward.
    """

    Options = LabgridOptions

    def __init__(
        self, options: LabgridOptions, name: str, folder: Path, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._options, self._name, self._folder, self._clock = options, name, folder, clock
        self._labgrid = Labgrid(options.coordinator)
        self._held: Held | None = None
        self._ssh: SshTransport | None = None
        self._looked_s = self._answered_s = 0.0
        self._why_lost = ""

    def open(self) -> Mapping[str, Any]:
        """Get hold of a place, reach its rig; return `place`, `coordinator` and what ssh says.

        While the place is held, only the line is made anew, to the address that is published now. If that fails,
        the place stays held: nobody gets it between two tries.

        Raises:
            RigBusyError: somebody else holds it.
            RigLostError: the coordinator, the place's exporter or the rig does not answer.
            PreconditionError: labgrid has no such place, or it publishes no address.
            TrustError: the rig's host key is unknown, or not the one that was accepted.
        """
        if self._held is not None:
            return self._reach(self._place_now(self._held))
        try:
            self._held = take(self._labgrid, self._options.wanted())
            self._looked_s = self._answered_s = self._clock()
            return self._reach(self._held.place)
        except BaseException:  # Ctrl-C too: nobody else would release the place
            self.close()
            raise

    def start(self, argv: Sequence[str]) -> "Popen[bytes]":
        """Start a command on the rig.

        Raises:
            RigLostError: there is no line to it.
        """
        if self._ssh is None:
            raise RigLostError(f"rig '{self._name}': the way to it is not open", hint="open it first")
        return self._ssh.start(argv)

    def lost(self) -> str:
        """Return why the place is no longer ours; empty while it is. Looks again every two seconds at most."""
        if self._held is not None and self._clock() - self._looked_s >= LOOK_PERIOD_S:
            self._why_lost = self._look(self._held)
            self._looked_s = self._clock()
        return self._why_lost

    def close(self) -> None:
        """Let go of the line, and of the place if it is ours to release.

        A coordinator that does not answer is left alone: started anew it has forgotten the place anyway, else
        `hilrig rigs reap` releases it.
        """
        held, self._held = self._held, None
        try:
            self._end_line()
        finally:
            if held is not None:
                with suppress(RigLostError):
                    let_go(self._labgrid, held)
            self._labgrid.close()

    def leave(self) -> None:
        """Let go of the line only: the place stays held for a run that goes on without us."""
        self._held = None
        self.close()

    def _reach(self, place: Place) -> Mapping[str, Any]:
        self._end_line()
        self._ssh = SshTransport(ssh_options(self._options, place, name=self._name), self._name, self._folder)
        return {**self._ssh.open(), "place": place.name, "coordinator": self._labgrid.coordinator}

    def _place_now(self, held: Held) -> Place:
        try:
            look = self._labgrid.look(deadline_s=LOOK_DEADLINE_S)
        except RigLostError:  # the rig can be reached without the coordinator
            return held.place
        if why := why_lost(held, look):
            raise RigLostError(f"rig '{self._name}': {why}", hint="start the run again")
        now = look.places[held.place.name]
        return now if now.services else held.place

    def _end_line(self) -> None:
        ssh, self._ssh = self._ssh, None
        if ssh is not None:
            ssh.close()

    def _look(self, held: Held) -> str:
        try:
            look = self._labgrid.look(deadline_s=LOOK_DEADLINE_S)
        except RigLostError as error:
            silent_s = self._clock() - self._answered_s
            return (
                f"{error.message} for {silent_s:.0f} s: nobody knows who may use the rig"
                if silent_s >= SILENT_S
                else ""
            )
        self._answered_s = self._clock()
        return why_lost(held, look)


def published(options: LabgridOptions, *, name: str) -> SshOptions:
    """Return how the rig is reached over ssh, without holding its place: to look at its host key, or at its lease.

    Raises:
        RigLostError: the coordinator does not answer.
        PreconditionError: labgrid has no such place, or it publishes no address.
    """
    with Labgrid(options.coordinator) as labgrid:
        place = options.wanted().among(labgrid.look())[0]
    return ssh_options(options, place, name=name)


def ssh_options(options: LabgridOptions, place: Place, *, name: str) -> SshOptions:
    """Return how the rig of a place is reached over ssh; `name` is the rig's, which its host key goes by.

    Raises:
        PreconditionError: the place publishes no address, several, or one that cannot be meant.
    """
    if len(place.services) != 1:
        raise PreconditionError(
            f"place {place.name}: expected one NetworkService, the rig's address; found {len(place.services)}",
            hint=f"labgrid-client -p {place.name} show; docs/labgrid.md has an exporter file",
        )
    service = place.services[0]
    try:
        return SshOptions(
            host=service.address,
            port=service.port,
            user=options.user or service.user,
            key_file=options.key_file,
            known_hosts=options.known_hosts,
            host_key_alias=name,
            connect_timeout_s=options.connect_timeout_s,
            config_file=options.config_file,
        )
    except ValueError as error:
        raise PreconditionError(
            f"place {place.name} publishes an address that cannot be used: {error}",
            hint="correct the NetworkService in the exporter's file",
        ) from error
