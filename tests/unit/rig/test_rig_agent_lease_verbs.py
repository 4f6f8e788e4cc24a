"""hilrig.rig.agent.lease_verbs: who has the rig."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from hilrig.rig.agent.lease_record import read_lease, standing_lease, write_lease
from hilrig.rig.agent.seconds import boottime_ns
from rig_agents import HOLDER, Rig

pytestmark = pytest.mark.waiting

OTHER = "bob@line3"


@pytest.fixture
def rig(tmp_path):
    """Return a work folder with the agent's calls."""
    with closing(Rig(tmp_path / "work")) as made:
        yield made


def error_of(answer):
    return answer["error"]["type"], answer["error"]["message"]


def holder(rig):
    lease = standing_lease(rig.work)
    return lease and (lease.holder, lease.run_id)


def test_a_reservation_holds_the_rig_against_others(rig):
    """The refusal names who, since when, for how long yet, and why."""
    assert rig.lease(ttl_s=7200)["lease"]["holder"] == HOLDER
    kind, message = error_of(rig.lease("r1", holder=OTHER))
    assert kind == "RigBusyError"
    assert f"reserved by {HOLDER} since 20" in message
    assert "for another 120 min (a test)" in message
    assert not (rig.work.runs / "r1").exists()


def test_the_holder_may_reserve_for_longer(rig):
    """The same person, the same rig: the new time counts."""
    rig.lease(ttl_s=60)
    rig.lease(ttl_s=3600)
    assert standing_lease(rig.work).expires_boottime_ns - boottime_ns() > 3000 * 10**9


def test_a_released_rig_is_free(rig):
    """And a free one can be released again."""
    rig.lease()
    assert rig.call("release", holder=HOLDER, force=False)["released"]["holder"] == HOLDER
    assert rig.call("release", holder=HOLDER, force=False)["released"] is None
    assert rig.lease(holder=OTHER)["ok"]


def test_nobody_releases_what_is_anothers_unless_by_force(rig):
    """Force says what it took."""
    rig.lease()
    assert error_of(rig.call("release", holder=OTHER, force=False))[0] == "RigBusyError"
    assert holder(rig) == (HOLDER, "")
    assert rig.call("release", holder=OTHER, force=True)["released"]["holder"] == HOLDER
    assert holder(rig) is None


@pytest.mark.parametrize(
    "change",
    [
        {"boot_id": "00000000-0000-0000-0000-000000000000"},
        {"expires_boottime_ns": 1},
        {"run_id": "r9"},  # a run that nobody keeps
    ],
)
def test_a_void_lease_is_in_nobodys_way(rig, change):
    """Of another boot, past its time, or of a run whose keeper is gone."""
    rig.lease(holder=OTHER)
    write_lease(rig.work.lease, replace(read_lease(rig.work.lease), **change))
    assert rig.lease()["ok"]
    assert holder(rig) == (HOLDER, "")


def test_a_clock_of_1970_changes_nothing(rig):
    """The wall clock in a lease is for people: only the time since boot counts."""
    rig.lease(holder=OTHER)
    write_lease(rig.work.lease, replace(read_lease(rig.work.lease), since_utc="1970-01-01T00:00:07Z"))
    kind, message = error_of(rig.lease())
    assert (kind, "since 1970-01-01" in message) == ("RigBusyError", True)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"holder": 3}', '{"holder": "a"}'])
def test_a_damaged_lease_holds_the_rig_until_it_is_forced(rig, content):
    """Somebody may be measuring: unknown is not free."""
    rig.work.lease.write_text(content)
    assert error_of(rig.lease())[0] == "RigBusyError"
    assert rig.call("release", holder=HOLDER, force=True)["released"] is None
    assert rig.lease()["ok"]


def test_a_lease_that_is_a_link_is_not_followed(rig, tmp_path):
    """Nobody's file elsewhere is read or written."""
    (tmp_path / "elsewhere").write_text("{}")
    rig.work.lease.symlink_to(tmp_path / "elsewhere")
    assert error_of(rig.lease())[0] == "RigBusyError"
    assert (tmp_path / "elsewhere").read_text() == "{}"


def test_of_twenty_takers_one_wins(rig):
    """Each asks in a process of its own, at the same time; one has a run and its keeper, nineteen are told who."""
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: rig.lease(f"r{n}", holder=f"u{n}@host"), range(20)))
    won = [answer for answer in answers if "ok" in answer]
    assert len(won) == 1
    run_id = won[0]["lease"]["run_id"]
    refused = {error_of(answer) for answer in answers if "error" in answer}
    assert all(kind == "RigBusyError" and f"for run {run_id} since" in message for kind, message in refused)
    assert [path.name for path in rig.work.runs.iterdir()] == [run_id]


def test_asking_again_for_the_same_run_starts_no_second_keeper(rig):
    """The first answer was lost with the link."""
    rig.lease("r1")
    keeper = rig.keeper_pid("r1")
    assert rig.lease("r1")["lease"]["run_id"] == "r1"
    assert rig.keeper_pid("r1") == keeper
    assert error_of(rig.lease("r1", holder="   "))[0] == "UsageError"


def test_a_run_under_a_reservation_gives_it_back(rig):
    """The technician's morning on the rig outlives each run of it."""
    rig.lease(ttl_s=3600)
    assert error_of(rig.lease("r0", holder=OTHER))[0] == "RigBusyError"
    rig.start("r1", "start()\nsay('finished', exit_code=0)")
    assert holder(rig) == (HOLDER, "r1")
    rig.follow("r1")
    assert holder(rig) == (HOLDER, "")


def test_a_reservation_counts_again_when_the_keeper_was_killed(rig):
    """It was written down, not remembered."""
    rig.lease(ttl_s=3600)
    rig.lease("r1")
    rig.kill_keeper("r1")
    assert holder(rig) == (HOLDER, "")
    assert error_of(rig.lease(holder=OTHER))[0] == "RigBusyError"


def test_a_running_run_is_in_everybodys_way(rig):
    """Its own holder's too: one run at a time, and release without force does not end it."""
    rig.lease("r1")
    kind, message = error_of(rig.lease("r2"))
    assert kind == "RigBusyError"
    assert f"held by {HOLDER} for run r1" in message
    assert error_of(rig.call("release", holder=HOLDER, force=False))[0] == "RigBusyError"


def test_the_rig_is_free_as_soon_as_the_keeper_was_killed(rig):
    """Nobody waits for fifteen minutes behind a dead run."""
    rig.lease("r1", ttl_s=900)
    rig.kill_keeper("r1")
    assert rig.lease("r2", holder=OTHER)["ok"]


def test_a_run_id_is_used_once(rig):
    """What a run left is never mixed with another's."""
    rig.lease("r1")
    rig.kill_keeper("r1")
    assert error_of(rig.lease("r1"))[0] == "UsageError"
    assert (rig.work.runs / "r1").is_dir()


@pytest.mark.parametrize("run_id", ["../x", "a/b", "-rf", "a b", "é", "x" * 101])
def test_a_run_id_that_climbs_is_refused(rig, run_id):
    """Before anything is written."""
    assert error_of(rig.lease(run_id))[0] == "UsageError"
    assert not rig.work.lease.exists()


@pytest.mark.parametrize("ttl_s", [0, -1, 1e12, "900", None, True])
def test_a_time_that_cannot_be_meant_is_refused(rig, ttl_s):
    """A lease of no time holds nothing, one of a million years holds for ever."""
    assert error_of(rig.lease(ttl_s=ttl_s))[0] == "UsageError"


def test_words_of_others_are_one_harmless_line(rig):
    """They are shown on terminals."""
    rig.lease(holder="ada\x1b[2J\n@bench" + "x" * 900)
    text = read_lease(rig.work.lease).holder
    assert text.isprintable()
    assert len(text) == 200


def test_the_keeper_renews_its_lease(rig):
    """A third of the way; the client has no part in it."""
    rig.lease("r1", ttl_s=3)
    first_ns = read_lease(rig.work.lease).expires_boottime_ns
    give_up_s = time.monotonic() + 60
    rig.place("r1", "start()\ntime.sleep(60)")
    while read_lease(rig.work.lease).expires_boottime_ns < first_ns + 3 * 10**9:
        assert time.monotonic() < give_up_s
        time.sleep(0.05)
    assert holder(rig) == (HOLDER, "r1")


def test_a_keeper_that_does_not_start_leaves_the_rig_free(rig, monkeypatch):
    """Its last words are told."""
    monkeypatch.setattr("hilrig.rig.agent.start_keeper.START_LIMIT_S", 0.3)
    monkeypatch.setattr("hilrig.rig.agent.start_keeper.sys.executable", "/bin/false")
    from hilrig.core.errors import PreconditionError
    from hilrig.rig.agent.lease_verbs import lease

    arguments = json.loads(rig.line(holder=HOLDER, run_id="r1", note="", ttl_s=60))
    with pytest.raises(PreconditionError, match="the keeper of run r1 does not start"):
        list(lease(arguments, None))
    assert holder(rig) is None
    assert not (rig.work.runs / "r1").exists()
