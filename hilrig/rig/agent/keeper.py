"""The keeper of one run: holds the rig, does the job, tells what happens, leaves nothing behind.

A process of its own: `python3 -m hilrig.rig.agent.keeper WORK RUN_ID TTL_S`. It sits beside the measurement, so it
looks ten times a second with a few system calls and has one thread. See docs/rig-protocol.md.
"""

import fcntl
import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final

from hilrig.core.errors import HilrigError
from hilrig.rig.agent.activity import Silence, upload
from hilrig.rig.agent.answers import described
from hilrig.rig.agent.ending import Ending, How, Limits, lost, wished
from hilrig.rig.agent.event_log import EventWriter
from hilrig.rig.agent.held_lease import HeldLease
from hilrig.rig.agent.job import Job, JobProcess, read_job
from hilrig.rig.agent.keeper_file import this_process, write_keeper
from hilrig.rig.agent.layout import RunFolder, WorkFolder
from hilrig.rig.agent.processes import Found, adopt_orphans, end_all, names, processes_of
from hilrig.rig.agent.run_directory import RunDirectory, named_directory
from hilrig.rig.agent.seconds import boottime_ns, to_ns

LOOK_S: Final = 0.1
LEASE_NS: Final = to_ns(1)
HEARTBEAT_NS: Final = to_ns(5)
LAST_WORDS_NS: Final = to_ns(30)
"""How long a full disk may keep the last events from being written: then they are given up."""


class Rounds:
    """What is due in every round, whatever the keeper does meanwhile."""

    def __init__(self, run: RunFolder, lease: HeldLease, events: EventWriter) -> None:
        self._run, self._lease, self._events = run, lease, events
        self._lease_due_ns = self._beat_due_ns = 0
        self._is_told = False
        signal.signal(signal.SIGTERM, self._hear)
        for number in (signal.SIGHUP, signal.SIGINT):
            signal.signal(number, lambda *_: None)  # ignoring them outright would be handed on to the job

    def sleep(self, phase: str) -> None:
        """Show a sign of life now and then; wait for the next round."""
        self._events.flush()
        if boottime_ns() >= self._beat_due_ns and not self._events.is_behind:
            self._events.say("heartbeat", phase=phase)
            self._beat_due_ns = boottime_ns() + HEARTBEAT_NS
        time.sleep(LOOK_S)

    def ending(self) -> Ending | None:
        """Renew the lease when it is time; return the end that is asked for from outside, None while none is."""
        asked = wished(self._run)
        if asked is None and self._is_told:
            asked = Ending(how=How.STOPPED, by="the rig", reason="its keeper was told to end (SIGTERM)")
        return asked or self._held()

    def _held(self) -> Ending | None:
        if boottime_ns() < self._lease_due_ns:
            return None
        self._lease_due_ns = boottime_ns() + LEASE_NS
        with suppress(HilrigError):  # a full disk: tried again in a second
            self._lease.renew()
        return lost(self._lease)

    def _hear(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's form
        self._is_told = True


class Keeping:
    """A job under way.

    Raises:
        OSError: its process cannot be started.
    """

    def __init__(self, job: Job, run: RunFolder, events: EventWriter) -> None:
        self._run, self._events = run, events
        self._process = JobProcess(job, run)
        self._directory: RunDirectory | None = None
        self._grace_s = job.grace_s
        self._ending: Ending | None = None
        self._kill_at_ns = 0

    @property
    def status(self) -> int | None:
        """Return how the process ended; None while it goes on."""
        return self._process.status

    @property
    def phase(self) -> str:
        """Return where the run stands."""
        return self._directory.phase() if self._directory else "preflight"

    def listen(self) -> None:
        """Tell what the run said and wrote since the last call."""
        self._process.reap()
        if self._events.is_behind:
            return
        for said in self._process.said():
            self._tell(said)
        if self._directory:
            self._directory.tell(self._events)

    def end(self, ending: Ending) -> None:
        """Ask the run to end; what is asked for first stands, but for a cancel, which cuts it short."""
        if self._ending is not None and (ending.how is not How.CANCELLED or self._ending.how is How.CANCELLED):
            return
        is_first, self._ending = self._ending is None, ending
        grace_s = self._grace_s if ending.grace_s is None else ending.grace_s
        self._kill_at_ns = boottime_ns() + to_ns(grace_s)
        if is_first:
            self._ask(ending)
        kind = "lease_lost" if ending.how is How.LEASE_LOST else "stopping"
        self._events.say(kind, why=ending.words)

    def is_overdue(self) -> bool:
        """Return whether the run was asked to end and had its time."""
        return self._ending is not None and boottime_ns() >= self._kill_at_ns

    def end_all(self) -> list[Found]:
        """End every process of the run; return those that no signal ends."""
        return end_all(self._left)

    def close(self) -> None:
        """Tell the last words; leave the run directory as the run would."""
        self.listen()
        if self._directory:
            self._directory.withdraw_late_request()
            self._directory.close()
        self._process.close()

    def _left(self) -> list[Found]:
        self._process.reap()
        return processes_of(self._run, keeper=os.getpid())

    def _ask(self, ending: Ending) -> None:
        try:
            if self._directory is None:
                self._process.terminate()
            else:
                is_lost = ending.how is How.LEASE_LOST
                self._directory.ask_to_end(by=ending.by, reason=ending.reason, is_lease_lost=is_lost)
        except HilrigError:  # the disk takes no request
            self._process.terminate()

    def _tell(self, said: dict[str, Any]) -> None:
        kind = said.pop("kind")
        if kind == "started":
            said["run_dir"] = named_directory(self._run, said.get("run_dir"))
            if said["run_dir"] and self._directory is None:
                self._directory = RunDirectory(self._run, said["run_dir"])
        self._events.say(kind, **{key: value for key, value in said.items() if key not in EventWriter.OWN})


class Keeper:
    """Keeps one run from its lease to its end.

    Args:
        work: the work folder.
        run: the run.
        ttl_s: of its lease, and how long it waits for its job.
    """

    def __init__(self, work: WorkFolder, run: RunFolder, *, ttl_s: float) -> None:
        self._work, self._run, self._ttl_s = work, run, ttl_s
        self._lease = HeldLease(work, run, ttl_s=ttl_s)
        self._events = EventWriter(run.events)
        self._rounds = Rounds(run, self._lease, self._events)

    def keep(self) -> None:
        """Wait for the job, do it, clean up."""
        self._events.say("leased", run_id=self._run.run_id)
        try:
            job = self._awaited_job()
        except HilrigError as error:
            self._fail(error)
            return
        if job is None:
            self._give_up()
            return
        try:
            keeping = Keeping(job, self._run, self._events)
        except OSError as error:
            self._fail(error)
            return
        self._keep_until_end(keeping, Limits(job, self._run))
        left = keeping.end_all()
        keeping.close()
        self._finish(status=keeping.status, left=names(left))

    def _awaited_job(self) -> Job | None:
        """Return the job when it is placed; None when it never will be.

        Raises:
            HilrigError: it is no job.
        """
        silence = Silence(lambda: upload(self._work, self._run), limit_s=self._ttl_s)
        while (job := read_job(self._run)) is None:
            if self._rounds.ending() or silence.is_too_long():
                return None
            self._rounds.sleep("waiting")
        return job

    def _keep_until_end(self, keeping: Keeping, limits: Limits) -> None:
        while keeping.status is None:
            ending = self._rounds.ending() or limits.reached()
            if ending is not None:
                keeping.end(ending)
            keeping.listen()
            if keeping.is_overdue():
                return
            self._rounds.sleep(keeping.phase)

    def _give_up(self) -> None:
        """Remove what was half made: no job will come."""
        for part in self._work.blobs.glob("*.part"):
            _remove_unless_used(part)
        shutil.rmtree(self._run.path, ignore_errors=True)
        self._give_back()
        self._events.close()

    def _fail(self, error: Exception) -> None:
        self._events.say("error", **described(error))
        self._finish(status=None, left=[])

    def _finish(self, *, status: int | None, left: list[str]) -> None:
        n_files = self._list_files()
        self._give_back()
        self._events.say("ended", status=status, left=left, n_files=n_files)
        give_up_ns = boottime_ns() + LAST_WORDS_NS
        while self._events.is_behind and boottime_ns() < give_up_ns:
            time.sleep(LOOK_S)
            self._events.flush()
        self._events.close()

    def _list_files(self) -> int:
        from hilrig.rig.agent.manifest import write_manifest

        try:
            return write_manifest(self._run)
        except (HilrigError, OSError) as error:
            print(f"no manifest: {error}", file=sys.stderr, flush=True)  # noqa: T201 - the run's log
            return 0

    def _give_back(self) -> None:
        try:
            self._lease.give_back()
        except HilrigError as error:  # it is void when this process has ended
            print(f"the lease was not given back: {error}", file=sys.stderr, flush=True)  # noqa: T201 - the run's log


def _remove_unless_used(part: Path) -> None:
    with suppress(OSError):
        fd = os.open(part, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()
        finally:
            os.close(fd)


def main() -> None:
    """Keep the run in this process's arguments."""
    work, run_id, ttl_s = sys.argv[1:]
    run = WorkFolder(Path(work)).run(run_id)
    with suppress(PermissionError):  # it leads its session already
        os.setsid()
    adopt_orphans()
    keeper = Keeper(WorkFolder(Path(work)), run, ttl_s=float(ttl_s))
    write_keeper(run, this_process())
    keeper.keep()


if __name__ == "__main__":
    main()
