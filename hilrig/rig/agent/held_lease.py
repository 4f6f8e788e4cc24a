"""The lease of one run, held by its keeper."""

from dataclasses import replace
from typing import Final

from hilrig.core.errors import RecordError
from hilrig.rig.agent.keeper_file import boot_id
from hilrig.rig.agent.layout import RunFolder, WorkFolder
from hilrig.rig.agent.lease_record import give_back, locked, locked_if_free, read_lease, write_lease
from hilrig.rig.agent.seconds import boottime_ns, to_ns

RENEWALS_PER_TTL: Final = 3
"""Two may fail before the lease is void."""


class HeldLease:
    """Renews a run's lease, sees that it is lost, gives it back.

    Args:
        work: the work folder.
        run: the run that it is held for.
        ttl_s: for how long it holds when it is not renewed.
    """

    def __init__(self, work: WorkFolder, run: RunFolder, *, ttl_s: float) -> None:
        self._work, self._run = work, run
        self._ttl_ns = to_ns(ttl_s)
        self._due_ns = 0

    def lost(self) -> str:
        """Return why the rig is not the run's any more; empty while it is. Costs one small read."""
        try:
            lease = read_lease(self._work.lease)
        except RecordError as error:
            return f"the record of the lease cannot be read: {error.message}"
        if lease is None:
            return "somebody removed it from the rig"
        if lease.run_id != self._run.run_id:
            whom = f"{lease.holder} for run {lease.run_id}" if lease.run_id else lease.holder
            return f"the rig is held by {whom} since {lease.since_utc}"
        return ""

    def renew(self) -> None:
        """Move its end away, when that is due and nobody else looks at it just now.

        Raises:
            PreconditionError: the disk is full or read-only; the old end stands.
            RecordError: it cannot be read.
        """
        if boottime_ns() < self._due_ns:
            return
        with locked_if_free(self._work) as is_locked:
            lease = read_lease(self._work.lease) if is_locked else None
            if lease is None or lease.run_id != self._run.run_id:
                return
            now_ns = boottime_ns()
            write_lease(
                self._work.lease, replace(lease, boot_id=boot_id(), expires_boottime_ns=now_ns + self._ttl_ns)
            )
            self._due_ns = now_ns + self._ttl_ns // RENEWALS_PER_TTL

    def give_back(self) -> None:
        """Let go of the rig; a reservation that the run was started under counts again.

        Raises:
            PreconditionError: the disk is full or read-only.
            RecordError: a record cannot be read.
        """
        with locked(self._work):
            give_back(self._work, self._run)
