"""The companions of a run in its directory: what is read back, of a whole run and of one that was killed."""

from contextlib import closing
from dataclasses import replace

import pytest

from builders import make_plan
from hilrig.app.finished.companions import beside_companions, note_start, note_stop, read_companions, write_record
from hilrig.core import files
from hilrig.core.clock import ManualClock
from hilrig.core.companion import CompanionSpec
from hilrig.core.errors import RecordError
from hilrig.faults.companion_journal import JOURNAL, CompanionJournal, Kind, Probed
from hilrig.record.events import read_events
from hilrig.record.writer import RunWriter
from hilrig.verdict.evidence_spans import spans_of_service

PLAN = replace(make_plan(), companions=(CompanionSpec(name="agent"), CompanionSpec(name="hog")))


@pytest.fixture
def probed(tmp_path):
    """Return a run directory with the journal of a run: the hog ended by itself at 1500 ns."""
    journal = CompanionJournal(tmp_path)
    with closing(journal):
        journal.probe(Kind.TOGETHER, "agent", Probed(1000, 5, 0))
        journal.exit("hog", 1500, 0)
        journal.kept(2000)
    return tmp_path


def test_a_whole_run_has_its_record_and_no_journal(probed):
    """One truth: the evidence is companions.json."""
    before = read_companions(probed, PLAN)
    write_record(probed, PLAN)
    assert read_companions(probed, PLAN) == before
    assert (probed / files.COMPANIONS).is_file()
    assert not (probed / JOURNAL).exists()


def test_a_run_that_was_killed_is_read_from_its_journal(probed):
    """What was answered until then is not lost."""
    agent, hog = read_companions(probed, PLAN)
    assert (agent.together.answer_us, agent.kept_until_ns, hog.exits) == ((5,), 2000, ((1500, 0),))


def test_a_run_without_companions_leaves_nothing(tmp_path):
    """No process, no file, no record."""
    with beside_companions(tmp_path, make_plan(), profile_folder=tmp_path, stop=lambda: False):
        pass
    assert list(tmp_path.iterdir()) == []
    assert read_companions(tmp_path, make_plan()) == ()


def test_a_forged_record_is_refused(tmp_path):
    """What is none of hilrig's is an error that names the file."""
    (tmp_path / files.COMPANIONS).write_text('[{"name": 7}]')
    with pytest.raises(RecordError, match=r"companions\.json"):
        read_companions(tmp_path, PLAN)


def test_the_events_say_when_each_was_at_work(probed):
    """From the start of the run to its end, or to the companion's own: slow frames are attributed by this."""
    clock = ManualClock(1000)
    with closing(RunWriter(probed, clock=clock)) as writer:
        note_start(writer, PLAN, clock=clock)
        clock.now_ns = 3000
        note_stop(writer, probed, PLAN, clock=clock)
    spans = spans_of_service(read_events(probed).events)
    assert {name: (one.begin_ns.tolist(), one.end_ns.tolist()) for name, one in spans.items()} == {
        "agent": ([1000], [3000]),
        "hog": ([1000], [1500]),
    }
