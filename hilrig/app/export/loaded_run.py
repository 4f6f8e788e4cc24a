"""A run directory in a notebook: `hilrig.load`."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import pandas as pd

from hilrig.app.export import run_tables
from hilrig.app.finished.conclude import read_evidence, refuse_other_than_run
from hilrig.config.noun_json import from_json
from hilrig.core import files
from hilrig.core.errors import PreconditionError, RecordError
from hilrig.core.result import Result
from hilrig.core.run import RunPlan, RunRecord
from hilrig.core.verdict import Check, Judgement
from hilrig.record.untrusted_file import read_untrusted

RESULT_BYTES_MAX: Final = 64 << 20


@dataclass(frozen=True)
class LoadedRun:
    """A run, finished or not, read when it is asked for. Nothing here is verified: `hilrig verify` does that.

    0 s is the start of the measured part in every table; the warm-up is before it.
    """

    run_dir: Path

    @cached_property
    def record(self) -> RunRecord:
        """All that the run left behind, raw: stamps are CLOCK_MONOTONIC, ns."""
        return read_evidence(self.run_dir)

    @cached_property
    def frames(self) -> pd.DataFrame:
        """One row for each frame: `t_s`, outcome, latency and stages in ms, what was found and what was true."""
        return run_tables.frames_table(self.record)

    @cached_property
    def telemetry(self) -> pd.DataFrame:
        """One column for each channel, by `t_s`; NaN where there was no value."""
        return run_tables.telemetry_table(self.record)

    @cached_property
    def readings(self) -> pd.DataFrame:
        """One row for each reading, with the reason where it has no value."""
        return run_tables.readings_table(self.record)

    @cached_property
    def events(self) -> pd.DataFrame:
        """One row for each event of the run."""
        return run_tables.events_table(self.record)

    @property
    def plan(self) -> RunPlan:
        """What was asked, resolved."""
        return self.record.plan

    @cached_property
    def result(self) -> Result:
        """The result as it was judged when the run ended.

        Raises:
            PreconditionError: the run is unfinished.
            RecordError: result.json is none that this hilrig reads.
        """
        path = self.run_dir / files.RESULT
        data = read_untrusted(path, max_bytes=RESULT_BYTES_MAX)
        if data is None:
            raise PreconditionError(
                f"{self.run_dir} has no {files.RESULT}: the run is unfinished and has no verdict",
                hint=f"wait for its end (hilrig watch {self.run_dir}), or: hilrig recover {self.run_dir}",
            )
        return from_json(Result, data, what=str(path))

    @property
    def verdict(self) -> Judgement:
        """The verdict with all its numbers: `verdict.status`, `verdict.sentence`, `verdict.throttle_windows`."""
        return self.result.judgement

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every limit with what was observed."""
        return self.verdict.checks


def load_run(run_dir: Path | str) -> LoadedRun:
    """Return a run directory's tables and verdict.

    Raises:
        RecordError: it is no run directory.
    """
    folder = Path(run_dir)
    if not folder.is_dir():
        raise RecordError(f"{folder} is not a folder", hint="hilrig list")
    refuse_other_than_run(folder)
    return LoadedRun(run_dir=folder)
