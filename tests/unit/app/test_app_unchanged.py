"""hilrig.app.finished.unchanged: what a run wrote, and nothing else, comes before the judge."""

import numpy as np
import pytest

from hilrig.app.finished.unchanged import refuse_other_journals
from hilrig.core import files
from hilrig.core.clock import ManualClock
from hilrig.core.errors import TrustError
from hilrig.core.frame import FRAME_DTYPE
from hilrig.record.writer import RunWriter


def write_run(folder, *, n_frames):
    """Write the journals of a run with so many frames; return the chains that its writer came to."""
    folder.mkdir()
    writer = RunWriter(folder, clock=ManualClock(5))
    table = np.zeros(n_frames, FRAME_DTYPE)
    table["frame_id"] = np.arange(n_frames)
    writer.frames(table)
    writer.close()
    return writer.journal_chains


def test_journals_as_they_were_written_pass(tmp_path):
    """The last line on disk has the chain that the writer came to."""
    chains = write_run(tmp_path / "run", n_frames=7)
    assert list(chains) == [files.FRAMES_JOURNAL]
    refuse_other_journals(tmp_path / "run", chains)


def test_whole_journals_of_another_run_are_refused(tmp_path):
    """Every checksum in them holds; they are not what this run wrote."""
    chains = write_run(tmp_path / "run", n_frames=7)
    write_run(tmp_path / "other", n_frames=8)
    for name in (files.FRAMES, files.FRAMES_JOURNAL):
        (tmp_path / "other" / name).replace(tmp_path / "run" / name)
    with pytest.raises(TrustError, match="is not what the run wrote"):
        refuse_other_journals(tmp_path / "run", chains)


@pytest.mark.parametrize("left", [None, b"", b'{"seq":'])
def test_a_damaged_journal_is_left_to_recovery(tmp_path, left):
    """Gone, empty or torn: a recovery says what is lost, nobody is accused."""
    chains = write_run(tmp_path / "run", n_frames=7)
    path = tmp_path / "run" / files.FRAMES_JOURNAL
    path.unlink() if left is None else path.write_bytes(left)
    refuse_other_journals(tmp_path / "run", chains)
