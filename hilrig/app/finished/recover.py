"""A run whose supervisor died: rescue what its journals hold, judge that, sign it."""

from dataclasses import dataclass
from pathlib import Path

from securesystemslib.signer import Signer

from hilrig.app.finished.conclude import conclude, refuse_other_than_run
from hilrig.core.clock import Clock
from hilrig.core.errors import RecordError
from hilrig.core.result import Result
from hilrig.record import recover as rescue
from hilrig.record.recovery import Recovery
from hilrig.record.run_directory import release_reserve


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A recovered run: what was kept and lost, and the verdict on what was kept."""

    recovery: Recovery
    result: Result


def recover(run_dir: Path, signer: Signer, *, clock: Clock) -> Recovered:
    """Recover a run directory, judge and sign it.

    Raises:
        RecordError: it is finished, still being written, or no run directory.
    """
    refuse_other_than_run(run_dir)
    recovery = rescue.recover(run_dir, clock=clock)
    release_reserve(run_dir)
    try:
        return Recovered(recovery=recovery, result=conclude(run_dir, signer))
    except OSError as error:
        raise RecordError(
            f"{run_dir} cannot be written: {error.strerror}", hint="make room, then again"
        ) from error
