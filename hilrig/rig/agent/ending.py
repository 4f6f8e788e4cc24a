"""Why a run is to end before it ends by itself."""

from dataclasses import dataclass
from enum import Enum

from hilrig.rig.agent.activity import Silence, followed
from hilrig.rig.agent.held_lease import HeldLease
from hilrig.rig.agent.job import Job
from hilrig.rig.agent.layout import RunFolder
from hilrig.rig.agent.requests import read_wish
from hilrig.rig.agent.seconds import boottime_ns, to_ns


class How(Enum):
    """In which way a run is ended."""

    STOPPED = "stopped"  # in order: it is judged and signed
    LEASE_LOST = "lease lost"  # the same, and it proves nothing
    CANCELLED = "cancelled"  # it is to go, whatever becomes of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """An end that somebody or something asks for.

    Args:
        how: see there.
        by: who asks; empty when it is nobody's wish.
        reason: why, in words.
        grace_s: for how long it may go on; None is what the job says.
    """

    how: How
    by: str = ""
    reason: str = ""
    grace_s: float | None = None

    @property
    def words(self) -> str:
        """Return why, for a person."""
        return ": ".join(filter(None, [self.by, self.reason])) or self.how.value


def wished(run: RunFolder) -> Ending | None:
    """Return the end that a client asks for, the most urgent first; None while nobody does."""
    if cancel := read_wish(run.cancel):
        return Ending(how=How.CANCELLED, reason=cancel.reason or "cancelled", grace_s=cancel.grace_s)
    if revoke := read_wish(run.revoke):
        return Ending(how=How.LEASE_LOST, reason=revoke.reason)
    if stop := read_wish(run.stop):
        return Ending(how=How.STOPPED, by=stop.by, reason=stop.reason)
    return None


def lost(lease: HeldLease) -> Ending | None:
    """Return the end of a run whose rig is not its own any more; None while it is."""
    why = lease.lost()
    return Ending(how=How.LEASE_LOST, reason=why) if why else None


class Limits:
    """The ends that a job states itself; they count from now on."""

    def __init__(self, job: Job, run: RunFolder) -> None:
        self._job = job
        self._silence = Silence(lambda: followed(run), limit_s=job.ttl_s)
        self._end_ns = boottime_ns() + to_ns(job.max_s)

    def reached(self) -> Ending | None:
        """Return the end that is due; None before."""
        if boottime_ns() >= self._end_ns:
            return Ending(
                how=How.STOPPED, by="hilrig", reason=f"the run was to take at most {self._job.max_s:g} s"
            )
        if self._job.is_tied and self._silence.is_too_long():
            return Ending(how=How.STOPPED, by="hilrig", reason=f"nobody followed it for {self._job.ttl_s:g} s")
        return None
