"""A rig that is held while its power is cut in the midst of updates.

It runs commands, loses its power, and is waited for until it is back.
"""

import time
from collections.abc import Callable
from typing import Final

from hilrig.app.rigs.command import Ended, follow
from hilrig.app.rigs.files import holder
from hilrig.app.rigs.link import RigLink, in_work_folder
from hilrig.app.rigs.power import DRAIN_S
from hilrig.core.errors import PreconditionError, RigLostError
from hilrig.core.power_loss import UpdateStep, UpdateSubject
from hilrig.core.rig_ports import PowerControl
from hilrig.rig.agent_call import LinkBrokenError

QEMU: Final = "qemu"
"""The power of a virtual rig: a kill. It has no rails that drain."""
BOOT_LIMIT_S: Final = 300.0
"""A board with a spinning disk and a check of its file system takes two minutes."""
POLL_S: Final = 0.5
LEASE_S: Final = 900.0
NOTE: Final = "power-loss test"


class RigUnderCuts:
    """A rig, reached and held; its store and the subject's files lie in a folder of their own.

    Args:
        link: the line to it.
        power: its power control.
        on_wait: called while it waits; what it raises ends the waiting.
    """

    def __init__(self, link: RigLink, power: PowerControl, *, on_wait: Callable[[], None]) -> None:
        self.link = link
        self._power, self._on_wait = power, on_wait
        self._drain_s = 0.0 if link.spec.power == QEMU else DRAIN_S
        self.folder = in_work_folder(link, "power-loss")
        self.boot_seconds: list[float] = []

    @property
    def store(self) -> str:
        """Return the folder of the store under test."""
        return f"{self.folder}/store"

    def hold(self) -> None:
        """Take the lease, or renew it: it does not outlive a boot."""
        arguments = {"holder": holder(), "run_id": "", "note": NOTE, "ttl_s": LEASE_S}
        self.link.call("lease", arguments, on_wait=self._on_wait)

    def let_go(self) -> None:
        """Remove what was put there, release the lease; also when somebody wants everything to end."""
        follow(self.link.start(["rm", "-rf", self.folder]), what=f"rig {self.link.spec.name}: tidying up")
        self.link.call("release", {"holder": holder(), "force": False})

    def shell(self, script: str, *arguments: str) -> None:
        """Run a line of shell there.

        Raises:
            PreconditionError: it fails.
        """
        ended = self.run(["sh", "-c", script, "sh", *arguments])
        if ended.returncode:
            message = f"rig {self.link.spec.name}: `{script}` failed: {ended.stderr[-300:]}"
            raise PreconditionError(message, hint="is its disk full?")

    def run(self, argv: list[str], *, on_event: Callable[[str], bool] = lambda _name: False) -> Ended:
        """Run a command there to its end, or until `on_event` says to leave it."""
        what = f"rig {self.link.spec.name}: {' '.join(argv)[:80]}"
        return follow(self.link.start(argv), what=what, on_event=on_event, on_wait=self._on_wait)

    def step(
        self, subject: UpdateSubject, step: UpdateStep, *, on_event: Callable[[str], bool] = lambda _name: False
    ) -> Ended:
        """Run a step of a subject on the store.

        Raises:
            PreconditionError: it fails although nothing was cut.
        """
        ended = self.run([word.replace("{store}", self.store) for word in step.argv], on_event=on_event)
        if ended.returncode:
            message = f"{subject.name}: {step.name} ended with {ended.returncode} although nothing was cut"
            raise PreconditionError(
                f"{message}: {ended.stderr[-300:]}", hint="run the update on the rig by hand first"
            )
        return ended

    def cut(self) -> None:
        """Cut the power, give it back, wait until the rig is there again.

        Raises:
            RigLostError: it does not come back, or it never lost its power.
        """
        boot_before = self.link.boot_facts.boot_id
        self._power.off()
        self._pause(self._drain_s)
        begun_s = time.monotonic()
        self._power.on()
        self._wait_booted()
        self.boot_seconds.append(time.monotonic() - begun_s)
        if self.link.boot_facts.boot_id == boot_before:
            message = (
                f"rig {self.link.spec.name} has the boot id that it had before its power was cut: it never lost it"
            )
            raise RigLostError(message, hint="is the outlet in its file the one of this rig?")
        self.hold()

    def _wait_booted(self) -> None:
        give_up_s = time.monotonic() + BOOT_LIMIT_S
        while True:
            try:
                return self.link.reopen()
            except (RigLostError, LinkBrokenError) as error:
                if time.monotonic() > give_up_s:
                    message = f"rig {self.link.spec.name} did not boot within {BOOT_LIMIT_S:g} s: {error.message}"
                    raise DidNotBootError(message, hint="look at its screen or its serial line") from error
            self._pause(POLL_S)

    def _pause(self, pause_s: float) -> None:
        until_s = time.monotonic() + pause_s
        while time.monotonic() < until_s:
            self._on_wait()
            time.sleep(min(POLL_S, pause_s))


class DidNotBootError(RigLostError):
    """The power was cut, and the rig did not come back: a finding, and the end of the test."""
