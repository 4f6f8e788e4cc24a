import json
import threading
from pathlib import Path
from typing import Any

import pytest

from hilrig.app.rigs.held import held_here, held_there
from hilrig.core.clock import ManualClock
from hilrig.core.errors import RigLostError
from hilrig.core.units import NS_PER_S
from hilrig.rig.lease import LOCK_FILE, RigLease

LEASE = {
    "holder": "ada@desk",
    "run_id": "",
    "note": "fan test",
    "boot_id": "b1",
    "since_utc": "2026-11-21T11:20:00Z",
    "expires_boottime_ns": 100 * NS_PER_S,
}


def facts(**lease: Any) -> dict[str, Any]:
    """Return what a rig answers that was booted 40 s ago."""
    return {"boot_id": "b1", "boottime_ns": 40 * NS_PER_S, "lease": {**LEASE, **lease}}


def test_a_lease_says_who_and_until_when():
    """The end is by this machine's clock: the rig's may be anything."""
    held = held_there(facts(), clock=ManualClock())
    assert held is not None
    assert (held.holder, held.note, held.since_utc) == ("ada@desk", "fan test", "2026-11-21T11:20:00Z")
    assert held.until_utc == "2023-11-14T22:14:20.000000Z"


@pytest.mark.parametrize("lease", [{"boot_id": "b0"}, {"expires_boottime_ns": 40 * NS_PER_S}])
def test_a_void_lease_holds_nothing(lease: dict[str, Any]):
    """One of another boot, or past its time."""
    assert held_there(facts(**lease), clock=ManualClock()) is None


def test_no_lease_is_free():
    """A rig that says so is free."""
    assert held_there({**facts(), "lease": None}, clock=ManualClock()) is None


@pytest.mark.parametrize(
    "answer",
    [
        facts(expires_boottime_ns="soon"),
        facts(expires_boottime_ns=10**40),
        {**facts(), "lease": {"holder": "", "run_id": "", "note": "damaged"}},
        {**facts(), "lease": [1]},
        {**facts(), "boottime_ns": None},
    ],
)
def test_a_record_that_is_none_is_not_taken_for_free(answer: dict[str, Any]):
    """Somebody may hold the rig: nobody guesses."""
    with pytest.raises(RigLostError, match="cannot be read"):
        held_there(answer, clock=ManualClock())


def test_foreign_words_are_harmless():
    """Whoever writes a lease does not write on other people's terminals."""
    held = held_there(facts(holder="x\x1b[2Jy", note="n" * 999), clock=ManualClock())
    assert held is not None
    assert (held.holder, len(held.note)) == ("x [2Jy", 200)


def test_this_machine_is_held_while_a_run_goes_on(tmp_path: Path):
    """Before, during, after; the lock's own record says who."""
    assert held_here(tmp_path) is None
    with RigLease(tmp_path, run_id="run-7"):
        held = held_here(tmp_path)
        assert held is not None
        assert (held.run_id, held.until_utc) == ("run-7", None)
    assert held_here(tmp_path) is None


def test_a_record_without_a_lock_holds_nothing(tmp_path: Path):
    """A run that was killed leaves its name behind, but no lock."""
    (tmp_path / LOCK_FILE).write_text(json.dumps({"run_id": "run-7", "pid": 1, "user": "ada", "since_utc": ""}))
    assert held_here(tmp_path) is None


@pytest.mark.parametrize("record", ["", "{", "[1]", "7", '"x"'])
def test_a_lock_without_a_record_is_held_by_somebody(tmp_path: Path, record: str):
    """Taken a moment ago, or written by hand: held all the same."""
    with RigLease(tmp_path, run_id="run-7"):
        (tmp_path / LOCK_FILE).write_text(record)
        held = held_here(tmp_path)
    assert held is not None
    assert (held.holder, held.run_id) == ("somebody", "")


def test_looking_never_disturbs_a_run(tmp_path: Path):
    """A run that begins while somebody looks is let in: 200 times, for a look that locks fails within a few."""
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            held_here(tmp_path)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for number in range(200):
            with RigLease(tmp_path, run_id=f"run-{number}"):
                pass
    finally:
        done.set()
        watcher.join()
