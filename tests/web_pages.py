"""Parts of the technician's page for tests: a station in a folder, looks at runs without a run."""

import dataclasses
import json
from pathlib import Path

from hilrig.app.web.profiles import Profiles
from hilrig.app.web.runs import Runs
from hilrig.app.web.station import Station
from hilrig.core.clock import ManualClock
from hilrig.core.live import LiveRun, LiveState
from stations import write_station

RUN = "20261121T053312Z-weld-station-0a1b2c3d"


def live_run(run_dir: Path, **changes) -> LiveRun:
    """Return a look at a run of which nothing is known yet but that it goes on."""
    texts = {
        one.name: ""
        for one in dataclasses.fields(LiveRun)
        if one.type is str and one.default is dataclasses.MISSING
    }
    unknown = {one.name: None for one in dataclasses.fields(LiveRun) if "None" in str(one.type)}
    known = {"run_dir": run_dir, "run_id": run_dir.name[-8:], "state": LiveState.RUNNING, "phase": "measure"}
    return LiveRun(
        **texts | unknown | {"limits": (), "temperatures": (), "profile_name": "weld"} | known | changes
    )


def write_unfinished(reports: Path, name: str = RUN) -> Path:
    """Write the folder of a run that goes on."""
    folder = reports / name
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text("{}")
    return folder


def write_finished(reports: Path, name: str = RUN, *, status: str = "PASS", **more) -> Path:
    """Write the folder of a finished run, with as much of its result as a history shows."""
    folder = write_unfinished(reports, name)
    result = {
        "started_at_utc": "2026-11-21T05:33:12.000000Z",
        "ended_at_utc": "2026-11-21T05:34:42.500000Z",
        "profile_name": "weld-station",
        "rig": "bench",
        "operator": "Ada",
        "note": "",
        "judgement": {"status": status, "sentence": "all is well"},
    }
    (folder / "result.json").write_text(json.dumps(result | more))
    (folder / "report.html").write_text("<!doctype html><p>report")
    (folder / "views.dsse.json").write_text("{}")
    return folder


class StationBench:
    """A station whose runs are folders: starting makes one, stopping finishes it."""

    def __init__(self, folder: Path) -> None:
        self.profiles, self.reports, self.lease = folder / "profiles", folder / "reports", folder / "lease"
        write_station(self.profiles / "weld")
        self.reports.mkdir()
        self.clock = ManualClock()
        self.started, self.stopped = [], []
        self.station = Station(
            profiles=Profiles(self.profiles),
            runs=Runs(self.reports, look=live_run),
            reports=self.reports,
            lease_folder=self.lease,
            start=self._start,
            stop=self._stop,
            clock=self.clock,
        )

    def _start(self, run, profile: Path) -> Path:
        self.started.append((run, profile))
        return write_unfinished(self.reports)

    def _stop(self, run_dir: Path, form) -> None:
        self.stopped.append((run_dir, form))
