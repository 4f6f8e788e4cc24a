"""Soaks judged and signed, for what reads a finished run."""

import shutil
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

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


def finish_soak(folder: Path, *, record: RunRecord | None = None):
    """Write, judge and sign a soak in `folder`; without a record a copy of one that throttled."""
    if record is not None:
        return _finished(folder, record)
    made_in, soak = _throttled()
    shutil.copytree(made_in.name, folder, dirs_exist_ok=True)
    moved = {
        name: folder / getattr(soak, name).relative_to(made_in.name)
        for name in ("run_dir", "public_key", "private_key")
    }
    return replace(soak, **moved)


def leave_out_the_picture(monkeypatch) -> None:
    """Have runs concluded without report.png: to draw it takes longer than all the rest."""
    monkeypatch.setattr("hilrig.report.png.render_png", lambda document: b"")


@cache
def _throttled():
    """Return a soak and the folder that it is in, which lasts as long as the process."""
    folder = TemporaryDirectory()
    return folder, _finished(Path(folder.name), throttled_soak(hours=HOURS))


def _finished(folder: Path, record: RunRecord) -> FinishedSoak:
    run_dir = write_soak(record, folder / "reports")
    create_key(folder / "keys", "rig", passphrase=None)
    private_key = folder / "keys" / "rig.pem"
    signer = load_signer(private_key, passphrase=None)
    return FinishedSoak(
        run_dir=run_dir,
        public_key=folder / "keys" / "rig.pub",
        private_key=private_key,
        record=record,
        result=conclude(run_dir, signer, feed_folder=STATION.parent),
    )
