"""hilrig.app.finished.report: a page rendered anew shows what was signed, or is not rendered."""

import shutil
from pathlib import Path

import pytest

from finished_soaks import finish_soak
from hilrig.app.finished.documents import render_views
from hilrig.app.finished.report import refuse_target, signed_document, with_baseline, with_frames, write_view
from hilrig.attest.keys import create_key
from hilrig.core import files
from hilrig.core.errors import PreconditionError, RecordError, TrustError, UsageError

SAMPLE = Path(__file__).parents[3] / "reports" / "sample"


@pytest.fixture(scope="module")
def soak(tmp_path_factory):
    return finish_soak(tmp_path_factory.mktemp("soak"))


@pytest.fixture
def copy(soak, tmp_path):
    """Return a copy of the run directory that a test may spoil."""
    return Path(shutil.copytree(soak.run_dir, tmp_path / "run"))


def test_the_page_is_the_one_that_the_run_wrote(soak):
    """Equal documents give equal bytes, on the rig and off it."""
    document = with_frames(signed_document(soak.run_dir, [soak.public_key]), soak.run_dir)
    views = render_views(document)
    for name in files.VIEW_FILES:
        assert views[name] == (soak.run_dir / name).read_bytes(), name


def test_without_its_frames_the_page_is_smaller(soak):
    """For e-mail: everything but the single frames; the big files of the run need not be there."""
    document = signed_document(soak.run_dir, [soak.public_key])
    assert document.frames is None
    assert len(render_views(document)[files.REPORT_HTML]) < (soak.run_dir / files.REPORT_HTML).stat().st_size


def test_a_page_can_be_made_from_a_directory_without_its_raw_files(soak, copy):
    """Somebody mailed the small files only: enough for the page, not for its frames."""
    for name in (files.FRAMES, files.FRAMES_TABLE, files.TELEMETRY, files.TELEMETRY_TABLE):
        (copy / name).unlink()
    document = signed_document(copy, [soak.public_key])
    assert document.result.judgement == soak.result.judgement
    with pytest.raises(TrustError, match="changed or is missing"):
        with_frames(document, copy)


@pytest.mark.parametrize("name", [files.PROFILE, files.THUMBNAILS])
def test_a_changed_file_that_the_page_shows_is_refused(soak, copy, name):
    """A changed profile would show another limit under a true signature."""
    (copy / name).write_bytes((copy / name).read_bytes() + b" ")
    with pytest.raises(TrustError, match=name):
        signed_document(copy, [soak.public_key])


def test_a_baseline_that_was_put_in_afterwards_is_refused(soak, copy):
    """The run was signed without one."""
    (copy / files.BASELINE).write_bytes(b"{}")
    with pytest.raises(TrustError, match="was not there"):
        signed_document(copy, [soak.public_key])


def test_changed_frames_are_never_shown(soak, copy):
    """One byte of the raw frames, and the page with them is refused."""
    data = bytearray((copy / files.FRAMES_TABLE).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / files.FRAMES_TABLE).write_bytes(data)
    with pytest.raises(TrustError, match=files.FRAMES_TABLE):
        with_frames(signed_document(copy, [soak.public_key]), copy)


def test_another_key_is_refused(soak, tmp_path):
    """A page of a run that nobody known signed would look like any other."""
    create_key(tmp_path / "others", "other", passphrase=None)
    with pytest.raises(TrustError, match="unknown key"):
        signed_document(soak.run_dir, [tmp_path / "others" / "other.pub"])


def test_an_unfinished_run_has_no_page(soak, copy):
    """Its next step is `hilrig recover`."""
    (copy / files.RESULT).unlink()
    with pytest.raises(PreconditionError, match="unfinished") as caught:
        signed_document(copy, [soak.public_key])
    assert "hilrig recover" in caught.value.hint


def test_a_baseline_is_shown_beside_the_run_with_what_differs(soak, tmp_path):
    """Another finished run, its signature checked: here the sample, of another rig and rate."""
    document = signed_document(soak.run_dir, [soak.public_key])
    beside = with_baseline(document, SAMPLE, [SAMPLE.parent / "sample.pub"])
    assert beside.baseline is not None
    assert beside.baseline.run_id != soak.result.run_id
    assert any("rig" in words for words in beside.baseline.differs), beside.baseline.differs


@pytest.mark.parametrize("name", ["x.html", "report.html", "deep/x.html", "../run/x.html"])
def test_nothing_is_written_into_a_run_directory(copy, name):
    """Its views are signed, and a file more would be covered by no signature."""
    with pytest.raises(UsageError, match="in the run directory"):
        refuse_target(copy / name, run_dir=copy)


def test_a_link_into_the_run_directory_is_seen_through(copy, tmp_path):
    """The place is where the file would lie, whatever it is called."""
    (tmp_path / "elsewhere").symlink_to(copy)
    with pytest.raises(UsageError, match="in the run directory"):
        refuse_target(tmp_path / "elsewhere" / "x.html", run_dir=copy)


def test_a_folder_is_no_page(copy, tmp_path):
    """The message names the file that was meant."""
    with pytest.raises(UsageError, match="is a folder") as caught:
        refuse_target(tmp_path, run_dir=copy)
    assert ".html" in caught.value.hint


def test_a_page_that_cannot_be_written_is_told(tmp_path):
    """There is no such folder."""
    with pytest.raises(RecordError, match="cannot be written"):
        write_view(tmp_path / "none" / "x.html", b"page")
