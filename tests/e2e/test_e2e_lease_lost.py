"""A run whose rig is taken from it: it ends in order, and proves nothing."""

import json

import pytest

from going_on import measuring, result_of, status_of, wait_for

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_rig_agent_keeper

REASON = "bob@line3 released the rig by force"


def lose_lease(run_dir):
    """Leave the request as a rig's keeper does."""
    new = run_dir / ".stop.new"
    new.write_text(
        json.dumps({"by": "", "reason": REASON, "at_utc": "2026-11-21T05:33:12Z", "ended": "lease_lost"})
    )
    new.replace(run_dir / "stop.json")


def test_a_lost_lease_is_inconclusive_and_says_what_to_do(bench):
    """Exit code 11, not 12: nobody aborted it. The signed verdict names the loss, though every limit fails."""
    limits = "  frames: {drop_max_pct: 0.001}"
    station = bench.station(backend="service_ms: 40", depth=4, duration_s=60, more=limits)
    process = bench.start("run", station)
    run_dir = measuring(bench)
    wait_for(lambda: (status_of(run_dir).get("n_dropped") or 0) > 0)
    lose_lease(run_dir)
    out, err = process.communicate(timeout=60)
    result = result_of(run_dir)
    assert (process.returncode, result["exit_code"], result["ended"]) == (11, 11, "lease_lost"), out + err
    assert result["judgement"]["status"] == "INCONCLUSIVE"
    assert result["judgement"]["sentence"].startswith(
        f"The run ended early (the lease of the rig was lost: {REASON})"
    )
    advice = [one["advice"] for one in result["judgement"]["self_checks"] if one["check_id"] == "run.completed"]
    assert advice == ["Reserve the rig, then run again."]
    assert bench.call("verify", str(run_dir)).code == 11


def test_a_lease_lost_before_the_first_frame_leaves_no_run(bench):
    """There is nothing to judge: the directory goes, the exit code is that of a lost rig, the reason is told."""
    station = bench.station(duration_s=60)
    profile = bench.folder / station / "profile.yaml"
    profile.write_text(profile.read_text().replace("self_test_s: 0.2", "self_test_s: 30"))
    process = bench.start("run", station)
    lose_lease(wait_for(lambda: next(iter(bench.run_dirs()), None)))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 21
    assert f"the lease of the rig was lost: {REASON}" in err
    assert "reserve the rig" in err
    assert bench.run_dirs() == []
