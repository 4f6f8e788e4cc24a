"""hilrig.app.compare.runs: which folders are compared, and what is said of their signatures."""

from pathlib import Path

import pytest

from hilrig.app.compare.runs import compare_runs
from hilrig.core import files
from hilrig.core.errors import TrustError, UsageError
from signed_runs import Signer, make_judgement, make_result
from stations import write_station


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(tmp_path / "keys")


@pytest.fixture
def runs(tmp_path: Path, signer: Signer) -> list[Path]:
    """Return three runs of other speeds."""
    return [
        signer.write(tmp_path / "reports" / name, make_result(make_judgement(p99_ms=p99_ms), run_id=name))
        for name, p99_ms in (("one", 20.0), ("two", 21.0), ("three", 30.0))
    ]


def test_runs_get_letters_in_their_order(runs, signer):
    """The first is A, what the others are held against."""
    found = compare_runs(runs, keys=[signer.public_key])
    assert [(run.label, run.run_id) for run in found.runs] == [("A", "one"), ("B", "two"), ("C", "three")]
    assert all(run.is_key_known for run in found.runs)
    assert found.runs[0].report == ""


def test_links_lead_from_the_page_to_the_reports(runs, signer, tmp_path):
    """Relative, so that the folder can be moved; none where there is no report."""
    (runs[1] / files.REPORT_HTML).unlink()
    found = compare_runs(runs, keys=[signer.public_key], page=tmp_path / "pages" / "compare.html")
    assert [run.report for run in found.runs] == [
        "../reports/one/report.html",
        "",
        "../reports/three/report.html",
    ]


def test_a_folders_name_becomes_no_scheme_of_a_link(runs, signer, tmp_path):
    """A folder called `javascript:alert(1)` is a folder."""
    hostile = runs[0].rename(tmp_path / "javascript:alert(1)")
    found = compare_runs([hostile, runs[1]], keys=[signer.public_key], page=tmp_path / "compare.html")
    assert found.runs[0].report == "javascript%3Aalert%281%29/report.html"


def test_an_unknown_key_is_said_and_a_broken_signature_refused(runs, signer):
    """No key at hand: shown, unchecked. A changed result: the comparison ends."""
    assert not any(run.is_key_known for run in compare_runs(runs, keys=[]).runs)
    (runs[2] / files.RESULT).write_bytes((runs[2] / files.RESULT).read_bytes() + b"\n")
    for keys in ([], [signer.public_key]):
        with pytest.raises(TrustError, match="not the one that was signed") as caught:
            compare_runs(runs, keys=keys)
        assert caught.value.exit_code == 30


@pytest.mark.parametrize("count", [0, 1, 9])
def test_one_run_or_nine_are_refused(runs, count):
    """Nothing to compare, or more than anybody reads."""
    with pytest.raises(UsageError, match="expected 2 to 8"):
        compare_runs((runs * 3)[:count], keys=[])


def test_a_run_beside_itself_is_refused(runs, signer):
    """Also when it was copied: it would be the same in everything, by construction."""
    copy = signer.write(runs[0].parent / "copy", make_result(run_id="one"))
    with pytest.raises(UsageError, match="are the same run, one"):
        compare_runs([runs[0], runs[1], copy], keys=[signer.public_key])


def test_profiles_are_sent_to_the_other_comparison(tmp_path, runs):
    """A folder with a profile, or its file: the message has the command that compares profiles."""
    station = write_station(tmp_path / "station")
    for path in (station, station / "profile.yaml"):
        with pytest.raises(UsageError, match="is a profile") as caught:
            compare_runs([path, station], keys=[])
        assert caught.value.hint == f"hilrig compare --interleaved {path} {station}"
