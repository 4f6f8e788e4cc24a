"""Soaks judged and signed, for what reads a finished run."""

from dataclasses import dataclass
from pathlib import Path

from hilrig.app.finished.conclude import conclude
from hilrig.attest.keys import create_key, load_signer
from hilrig.core.result import Result
from hilrig.core.run import RunRecord
from soaks import STATION, throttled_soak, write_soak

HOURS = 0.02
"""Just over a minute: 2,160 frames, enough for a p99 and for three throttle windows."""


@dataclass(frozen=True, kw_only=True)
class FinishedSoak:
    """A run directory with its record, its result, and the key that it is signed with."""

    run_dir: Path
    public_key: Path
    private_key: Path
    record: RunRecord
    result: Result


def finish_soak(folder: Path, *, record: RunRecord | None = None, feed_folder: Path | None = STATION.parent):
    """Write, judge and sign a soak in `folder`; without a record one that throttled."""
    record = throttled_soak(hours=HOURS) if record is None else record
    run_dir = write_soak(record, folder / "reports")
    create_key(folder / "keys", "rig", passphrase=None)
    private_key = folder / "keys" / "rig.pem"
    signer = load_signer(private_key, passphrase=None)
    return FinishedSoak(
        run_dir=run_dir,
        public_key=folder / "keys" / "rig.pub",
        private_key=private_key,
        record=record,
        result=conclude(run_dir, signer, feed_folder=feed_folder),
    )
