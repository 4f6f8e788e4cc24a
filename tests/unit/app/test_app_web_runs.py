"""Runs as the page shows them."""

import pytest

from hilrig.app.web.runs import HISTORY_MAX_RUNS, Runs
from hilrig.core.errors import RecordError, UsageError
from hilrig.core.live import LiveState
from web_pages import RUN, live_run, write_finished, write_unfinished

OLD, NEW = "20261120T000000Z-weld-0a1b2c3d", "20261122T000000Z-weld-0a1b2c3d"


class Looks:
    """Counts the looks at each run, and gives each the state that the test wants."""

    def __init__(self, **states) -> None:
        self.states = states
        self.looked: list[str] = []

    def __call__(self, run_dir):
        self.looked.append(run_dir.name)
        return live_run(run_dir, **self.states)


def test_the_newest_run_that_goes_on_is_the_current_one(tmp_path):
    """Finished ones are not."""
    for name in (OLD, RUN):
        write_unfinished(tmp_path, name)
    write_finished(tmp_path, NEW)
    assert Runs(tmp_path, look=live_run).current().run_dir.name == RUN


def test_an_empty_folder_has_no_run(tmp_path):
    """None, and no history."""
    runs = Runs(tmp_path, look=live_run)
    assert runs.current() is None
    assert runs.history() == ()


def test_a_stale_run_is_still_the_current_one(tmp_path):
    """Its silence is what a person must see."""
    write_unfinished(tmp_path)
    assert Runs(tmp_path, look=Looks(state=LiveState.STALE)).current().state is LiveState.STALE


def test_a_lost_run_is_looked_at_once(tmp_path):
    """It does not come back; recovered, it is finished."""
    write_unfinished(tmp_path)
    looks = Looks(state=LiveState.LOST, heartbeat_age_s=99.0)
    runs = Runs(tmp_path, look=looks)
    assert runs.current() is None
    assert runs.current() is None
    assert looks.looked == [RUN]


def test_a_run_without_a_sign_of_life_is_looked_at_again(tmp_path):
    """It may just be beginning."""
    write_unfinished(tmp_path)
    looks = Looks(state=LiveState.LOST, heartbeat_age_s=None)
    runs = Runs(tmp_path, look=looks)
    runs.current()
    runs.current()
    assert looks.looked == [RUN, RUN]


def test_finished_runs_are_never_looked_at(tmp_path):
    """A folder of a thousand runs costs one listing a second."""
    write_finished(tmp_path)
    looks = Looks()
    assert Runs(tmp_path, look=looks).current() is None
    assert looks.looked == []


def test_the_mark_changes_when_a_run_ends(tmp_path):
    """When it is judged, and when its report is there: the page asks for the history then, and only then."""
    write_unfinished(tmp_path)
    runs = Runs(tmp_path, look=live_run)
    runs.current()
    before = runs.mark()
    runs.current()
    assert runs.mark() == before
    (tmp_path / RUN / "result.json").write_text("{}")
    runs.current()
    judged = runs.mark()
    (tmp_path / RUN / "views.dsse.json").write_text("{}")
    runs.current()
    assert len({before, judged, runs.mark()}) == 3


def test_a_finished_run_has_its_row(tmp_path):
    """Verdict, duration, operator."""
    write_finished(tmp_path, status="FAIL")
    (row,) = Runs(tmp_path, look=live_run).history()
    assert (row.status, row.took_s, row.operator, row.is_complete) == ("FAIL", 90.5, "Ada", True)


def test_a_row_is_read_again_when_its_result_changes(tmp_path):
    """After `hilrig judge` in place the new verdict is shown, not the kept one."""
    write_finished(tmp_path, status="PASS")
    runs = Runs(tmp_path, look=live_run)
    runs.history()
    path = tmp_path / RUN / "result.json"
    path.write_text(path.read_text().replace("PASS", "INCONCLUSIVE"))
    assert runs.history()[0].status == "INCONCLUSIVE"


def test_a_run_is_complete_when_its_last_signature_is_there(tmp_path):
    """A download before that would not verify; the kept row does not hide that it came."""
    folder = write_finished(tmp_path)
    (folder / "views.dsse.json").unlink()
    runs = Runs(tmp_path, look=live_run)
    assert not runs.history()[0].is_complete
    (folder / "views.dsse.json").write_text("{}")
    assert runs.history()[0].is_complete


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"judgement": 3}'])
def test_a_damaged_result_is_a_row_that_says_so(tmp_path, text):
    """Never a verdict, never a crash."""
    write_finished(tmp_path)
    (tmp_path / RUN / "result.json").write_text(text)
    assert Runs(tmp_path, look=live_run).history()[0].status == "unreadable"


def test_odd_types_in_a_result_are_unknown(tmp_path):
    """A number for a name is no name; a time without a zone is no time."""
    write_finished(tmp_path, operator=3, started_at_utc="yesterday")
    (row,) = Runs(tmp_path, look=live_run).history()
    assert (row.operator, row.took_s) == ("", None)


def test_a_lost_run_says_what_to_do(tmp_path):
    """Its row names the next command."""
    write_unfinished(tmp_path)
    (row,) = Runs(tmp_path, look=Looks(state=LiveState.LOST)).history()
    assert row.sentence == f"hilrig recover {RUN}"


def test_a_run_that_cannot_be_looked_at_is_unreadable(tmp_path):
    """A damaged status does not take the page down."""

    def look(run_dir):
        raise RecordError("status.json should be JSON")

    write_unfinished(tmp_path)
    runs = Runs(tmp_path, look=look)
    assert runs.current() is None
    assert runs.history()[0].status == "unreadable"


def test_links_files_and_odd_names_are_no_runs(tmp_path):
    """A link to another run is not followed; a name that needs escaping is not ours."""
    write_finished(tmp_path / "elsewhere", RUN)
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / NEW).symlink_to(tmp_path / "elsewhere" / RUN)
    write_finished(tmp_path / "reports", "odd name")
    (tmp_path / "reports" / "empty").mkdir()
    runs = Runs(tmp_path / "reports", look=live_run)
    assert runs.history() == ()
    for name in (NEW, "odd name", "empty"):
        with pytest.raises(UsageError, match="no such run"):
            runs.find(name)


@pytest.mark.parametrize("name", ["", ".", "..", "../reports", "/etc", "elsewhere/..", f"{RUN}/", f"./{RUN}"])
def test_a_run_is_found_by_its_listed_name_only(tmp_path, name):
    """No text of a client becomes a path."""
    write_finished(tmp_path)
    runs = Runs(tmp_path, look=live_run)
    assert runs.find(RUN) == tmp_path / RUN
    with pytest.raises(UsageError, match="no such run"):
        runs.find(name)


def test_the_history_has_an_end(tmp_path):
    """The newest fifty."""
    for index in range(HISTORY_MAX_RUNS + 5):
        write_finished(tmp_path, f"20261121T0533{index:02}Z-weld-{index:08x}")
    rows = Runs(tmp_path, look=live_run).history()
    assert len(rows) == HISTORY_MAX_RUNS
    assert rows[0].name > rows[-1].name
