"""hilrig.app.rigs.matrix: the table says of every rig what its signed result says, nothing where there is none."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from hilrig.app.rigs.many_rigs import RigJob
from hilrig.app.rigs.matrix import DoneMatrix, run_matrix
from hilrig.app.run.process import Finished
from hilrig.app.run.request import RunRequest
from hilrig.config.noun_json import from_json
from hilrig.core import files
from hilrig.core.clock import ManualClock, SystemClock
from hilrig.core.errors import ConfigError, HilrigError, RigBusyError, RigLostError, UsageError
from hilrig.core.matrix import MATRIX, MATRIX_HTML, Matrix
from hilrig.core.verdict import RunStatus
from hilrig.record.listing import list_runs
from matrices import make_rig
from signed_runs import Signer, make_judgement, make_result
from stations import write_station


class Ended:
    """A run that has ended already: with a directory, or with an error; perhaps it was begun."""

    def __init__(self, end: Path | HilrigError, begun: Path | None = None) -> None:
        self.end, self.begun = end, begun

    def ended_within(self, wait_s):
        return True

    def status(self):
        found = self.begun or (self.end if isinstance(self.end, Path) else None)
        return {"phase": "done"} if found is None else {"phase": "done", "run_dir": str(found)}

    def outcome(self):
        if isinstance(self.end, HilrigError):
            raise self.end
        code = json.loads((self.end / files.RESULT).read_bytes())["exit_code"]
        return Finished(run_dir=self.end, exit_code=code)

    def send(self, number): ...

    def wait(self): ...

    def close(self): ...


@pytest.fixture
def signer(tmp_path, monkeypatch) -> Signer:
    monkeypatch.setenv("HILRIG_HOME", str(tmp_path / "home"))
    return Signer(tmp_path / "home" / "keys")


@pytest.fixture
def station(tmp_path) -> Path:
    return write_station(tmp_path / "station")


def together(tmp_path: Path, station: Path, ends: dict[str, Ended], **rig) -> DoneMatrix:
    request = RunRequest(
        profile=station,
        rig_file=None,
        reports=tmp_path / "reports",
        duration_s=None,
        key=Path("/k"),
        operator="Eva",
        note="night shift",
    )
    jobs = [
        RigJob(rig=make_rig(name, **rig), request=replace(request, rig_file=Path(f"/rigs/{name}.yaml")))
        for name in ends
    ]
    return run_matrix(
        jobs,
        max_parallel=2,
        wait_s=0,
        clock=ManualClock(),
        on_states=lambda states: None,
        start=lambda request: ends[request.rig_file.stem],
    )


def finished_run(
    tmp_path: Path, signer: Signer, name: str, *, p99_ms=20.0, status=RunStatus.PASS, **changes
) -> Ended:
    result = make_result(make_judgement(p99_ms=p99_ms, status=status), run_id=name, rig=name, **changes)
    return Ended(signer.write(tmp_path / "reports" / f"20261120T210004Z-weld-station-{name}", result))


def test_every_rig_has_its_row(tmp_path, signer, station):
    """PASS, FAIL and busy: verdict, numbers, links; the code of all is 10."""
    done = together(
        tmp_path,
        station,
        {
            "good": finished_run(tmp_path, signer, "good"),
            "bad": finished_run(tmp_path, signer, "bad", p99_ms=50.0, status=RunStatus.FAIL),
            "held": Ended(RigBusyError("the rig is held by eva@lab since 06:00", hint="wait")),
        },
    )
    good, bad, held = done.matrix.rows
    assert (good.status, good.exit_code, good.p99_ms, good.is_key_known) == (RunStatus.PASS, 0, 20.0, True)
    assert (done.folder / good.report).resolve().is_file()
    assert (bad.status, bad.exit_code) == (RunStatus.FAIL, 10)
    assert bad.checks[0].limit_text == "≤ 45 ms"
    assert (held.status, held.exit_code, held.p99_ms, held.run_dir) == (None, 20, None, "")
    assert "held by eva@lab since 06:00" in held.why_not_run
    assert done.matrix.exit_code == 10


def test_the_folder_holds_the_table_and_its_views(tmp_path, signer, station):
    """matrix.json is what was shown; page, JUnit and summary are beside it; `list` passes the folder over."""
    done = together(tmp_path, station, {"good": finished_run(tmp_path, signer, "good")})
    assert from_json(Matrix, (done.folder / MATRIX).read_bytes(), what="matrix") == done.matrix
    assert sorted(path.name for path in done.folder.iterdir()) == sorted(
        [MATRIX, MATRIX_HTML, files.JUNIT, files.SUMMARY]
    )
    ET.fromstring((done.folder / files.JUNIT).read_bytes())
    assert done.folder.name.startswith("20231114T221320Z-bench-station-rigs-")
    assert [run.path.name for run in list_runs(done.folder.parent, clock=SystemClock())] == [
        "20261120T210004Z-weld-station-good"
    ]
    assert (done.matrix.operator, done.matrix.note) == ("Eva", "night shift")


def test_a_tampered_result_is_no_result(tmp_path, signer, station):
    """One changed byte: the row has no verdict and no number, and the code of all is that of lost trust."""
    run = finished_run(tmp_path, signer, "good", status=RunStatus.PASS)
    path = run.end / files.RESULT
    path.write_bytes(path.read_bytes().replace(b"All limits hold.", b"All limits hold!"))
    done = together(tmp_path, station, {"good": run})
    (row,) = done.matrix.rows
    assert (row.status, row.exit_code, row.p99_ms, row.checks) == (None, 30, None, ())
    assert "not the one that was signed" in row.why_not_run


def test_an_unknown_key_is_said(tmp_path, signer, station):
    """A result that nobody's key vouches for stands there with these words."""
    stranger = Signer(tmp_path / "elsewhere")
    done = together(tmp_path, station, {"good": finished_run(tmp_path, stranger, "good")})
    assert not done.matrix.rows[0].is_key_known
    assert "signature not checked" in (done.folder / MATRIX_HTML).read_text()


def test_a_run_that_was_lost_keeps_its_folder(tmp_path, signer, station):
    """The directory of a run whose rig went away is named, so that somebody can take it up again."""
    begun = tmp_path / "reports" / "begun"
    begun.mkdir(parents=True)
    done = together(tmp_path, station, {"gone": Ended(RigLostError("no answer", hint="hilrig watch"), begun)})
    assert done.matrix.rows[0].run_dir == "../begun"
    assert done.matrix.exit_code == 21


def test_one_machine_is_not_two_rigs(tmp_path, signer, station):
    """Two rig files of this machine in place would only wait for each other."""
    with pytest.raises(UsageError, match="a and b are all this machine"):
        together(tmp_path, station, {"a": Ended(Path()), "b": Ended(Path())}, work_folder=None)


def test_mistakes_of_the_profile_are_told_once(tmp_path, signer, station):
    """Before any rig is asked."""
    (station / "profile.yaml").write_text("format: 1\n")
    with pytest.raises(ConfigError):
        together(tmp_path, station, {"a": Ended(Path())})
    assert not (tmp_path / "reports").exists()
