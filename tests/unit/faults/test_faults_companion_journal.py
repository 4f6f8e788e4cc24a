import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.companion import CompanionRecord, CompanionSpec, ProbeSeries
from hilrig.faults.companion_journal import JOURNAL, CompanionJournal, Kind, Probed, read_journal

COMPANIONS = (CompanionSpec(name="sync-agent"), CompanionSpec(name="hog"))


def write(run_dir):
    journal = CompanionJournal(run_dir)
    journal.probe(Kind.ALONE, "sync-agent", Probed(10, 500, 1))
    journal.kept(15)
    journal.probe(Kind.TOGETHER, "sync-agent", Probed(20, 700, 2))
    journal.probe(Kind.TOGETHER, "sync-agent", Probed(30, -1, 3))
    journal.exit("hog", 40, -9)
    journal.kept(50)
    journal.flush()
    journal.close()


def test_what_was_written_comes_back_by_companion(tmp_path):
    """Probes alone and together, exits, and until when everything was watched."""
    write(tmp_path)
    sync_agent, hog = read_journal(tmp_path, COMPANIONS)
    assert sync_agent == CompanionRecord(
        name="sync-agent",
        alone=ProbeSeries(t_ns=(10,), answer_us=(500,), late_us=(1,)),
        together=ProbeSeries(t_ns=(20, 30), answer_us=(700, -1), late_us=(2, 3)),
        kept_until_ns=50,
    )
    assert hog.exits == ((40, -9),)


def test_a_journal_cut_anywhere_keeps_its_whole_lines(tmp_path):
    """A power cut takes the end of the file, never what stands before it."""
    write(tmp_path)
    whole = (tmp_path / JOURNAL).read_bytes()
    for n_bytes in range(len(whole)):
        (tmp_path / JOURNAL).write_bytes(whole[:n_bytes])
        sync_agent, _ = read_journal(tmp_path, COMPANIONS)
        assert sync_agent.together.t_ns in ((), (20,), (20, 30))
        assert sync_agent.kept_until_ns in (0, 15, 50)


@given(st.binary(max_size=300))
def test_no_content_makes_reading_fail(data):
    """A foreign file in the journal's place gives nothing, and no error that nobody expects."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / JOURNAL).write_bytes(data)
        assert len(read_journal(Path(folder), COMPANIONS)) == 2


@pytest.mark.parametrize(
    "line", ['["alone","hog",1,2]', '["alone","hog",true,2,3]', '["alone"]', "7", "null", "[[]]"]
)
def test_a_line_of_another_form_ends_the_journal(tmp_path, line):
    """What is not whole cannot be trusted, nor what is behind it."""
    (tmp_path / JOURNAL).write_text(f'["alone","hog",1,2,3]\n{line}\n["alone","hog",4,5,6]\n')
    assert read_journal(tmp_path, COMPANIONS)[1].alone.t_ns == (1,)


def test_a_journal_is_never_appended_to_twice(tmp_path):
    """Two runs in one folder would mix their probes."""
    write(tmp_path)
    with pytest.raises(FileExistsError):
        CompanionJournal(tmp_path)
