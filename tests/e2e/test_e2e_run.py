"""`hilrig run`, from the command to the files that it leaves."""

import json
import os
import re
import signal
import subprocess
import xml.etree.ElementTree as ET

import psutil
import pytest

from going_on import measuring, result_of, wait_for
from hilrig.core.files import EVIDENCE_FILES, VIEW_FILES

pytestmark = pytest.mark.waiting


def checks_of(result):
    return {check["check_id"]: check for check in result["judgement"]["checks"]}


@pytest.fixture(scope="module")
def asked(new_bench, finished):
    """Return a run of many options, hung up on under nohup: its bench, what the call gave, its directory."""
    bench = new_bench("asked")
    (bench.folder / "secret").write_text("correct horse\n")
    (bench.folder / "secret").chmod(0o600)
    assert bench.call("keys", "new", "locked", "--passphrase-file", "secret").code == 0
    (bench.folder / "step.md").write_text("before\n")
    process = bench.start(
        *("run", bench.station(duration_s=60, fps=300), "--duration", "2s", "--json"),
        *("--key", str(bench.folder / "home" / "keys" / "locked.pem"), "--passphrase-file", "secret"),
        *("--baseline", str(finished[2])),
        through=("nohup",),
        GITHUB_STEP_SUMMARY=str(bench.folder / "step.md"),
        HILRIG_OPERATOR="Grace",
    )
    run_dir = measuring(bench)
    process.send_signal(signal.SIGHUP)
    out, err = process.communicate(timeout=60)
    return bench, subprocess.CompletedProcess(process.args, process.returncode, out, err), run_dir


@pytest.fixture(scope="module")
def overrun(new_bench):
    """Return a run of a target four times slower than its camera, that may end early: what it gave, its result."""
    bench = new_bench("overrun")
    station = bench.station(
        backend="service_ms: 40",
        more="  frames: {drop_max_pct: 1}",
        depth=4,
        duration_s=60,
        stop_when_failed=True,
    )
    called = bench.run(station)
    return called, result_of(bench.run_dirs()[0])


def test_a_run_leaves_the_whole_directory(finished):
    """Evidence, result, signatures and every view are there, and nothing that is no result's."""
    _, called, run_dir = finished
    names = {path.name for path in run_dir.iterdir()}
    expected = {*EVIDENCE_FILES, *VIEW_FILES, "result.json", "attestation.dsse.json", "attestation.sigstore.json"}
    expected -= {"accelerator.json", "actuations.arrows", "baseline.json", "companions.json", "power_loss.json"}
    expected -= {"stop.json"}  # nobody asked for any of them
    assert expected | {"views.dsse.json", "run.log"} == names, called


def test_the_exit_code_the_page_and_the_junit_tell_one_story(finished):
    """One result.json feeds exit code, terminal, HTML, JUnit and Markdown."""
    _, called, run_dir = finished
    result = result_of(run_dir)
    status, sentence = result["judgement"]["status"], result["judgement"]["sentence"]
    assert called.code == result["exit_code"] == {"PASS": 0, "FAIL": 10, "INCONCLUSIVE": 11}[status]
    assert status in called.out
    assert sentence in called.out
    assert status in (run_dir / "summary.md").read_text()
    assert f"<title>{status}" in (run_dir / "report.html").read_text()
    suite = ET.parse(run_dir / "junit.xml").getroot()
    names = {f"{case.get('classname').split('.')[-1]}.{case.get('name')}" for case in suite.iter("testcase")}
    assert {check["check_id"] for check in result["judgement"]["checks"]} <= names


def test_200_frames_never_pass_a_p99_limit(finished):
    """A percentile needs 459 frames at least: fewer are INCONCLUSIVE, and the sentence says so."""
    _, called, run_dir = finished
    check = next(c for c in result_of(run_dir)["judgement"]["checks"] if c["check_id"] == "latency.p99_max_ms")
    assert check["status"] == "INCONCLUSIVE"
    assert "459" in check["sentence"]
    assert called.code == 11


def test_every_frame_is_on_record(finished):
    """200 measured and 20 warm-up frames at 100 fps: offered, each with an outcome."""
    _, _, run_dir = finished
    measured = {m["metric"]: m["value"] for m in result_of(run_dir)["judgement"]["measurements"]}
    assert measured["frames_offered"] == 200
    assert result_of(run_dir)["n_warmup_frames_cut"] == 20


@pytest.mark.long  # short: test_e2e_judge
def test_a_slow_target_fails_the_check(bench):
    """A target that needs 4 ms cannot meet a limit of 1 ms: lower bound over the limit."""
    station = bench.station(
        backend="service_ms: 4", p99_max_ms=1, duration_s=2.5, fps=200
    )  # 500 frames, 459 needed
    called = bench.run(station)
    check = checks_of(result_of(bench.run_dirs()[0]))["latency.p99_max_ms"]
    assert check["status"] == "FAIL", called
    assert called.code == 10, called


@pytest.mark.long  # short: test_run_queue
def test_a_target_slower_than_the_camera_drops_frames(overrun):
    """40 ms for a frame every 10 ms: three of four frames find no decision, each is counted."""
    called, result = overrun
    checks = checks_of(result)
    assert checks["frames.drop_max_pct"]["status"] == "FAIL", called
    assert 60 < checks["frames.drop_max_pct"]["observed"] < 90
    assert checks["latency.p99_max_ms"]["observed"] is None
    assert "infinite" in checks["latency.p99_max_ms"]["observed_text"]


@pytest.mark.long  # short: test_run_supervisor
def test_a_lost_run_ends_long_before_its_time(overrun):
    """A minute was asked for; when the drops can no longer be made up, the run ends, says so and is a FAIL."""
    called, result = overrun
    assert called.code == 10, called
    assert result["ended"] == "decided_early"
    assert "even if no other follows" in result["ended_reason"]
    measured = next(m["value"] for m in result["judgement"]["measurements"] if m["metric"] == "duration_min")
    assert measured < 0.5


@pytest.mark.long  # short: test_target_contract
def test_nan_scores_are_failed_frames(bench):
    """Every tenth frame scores NaN: a tenth of the frames has failed, none of them is "ok"."""
    called = bench.run(bench.station(backend="non_finite_every: 10", duration_s=1))
    check = checks_of(result_of(bench.run_dirs()[0]))["frames.failed_max_pct"]
    assert check["status"] == "FAIL", called
    assert check["observed"] == pytest.approx(10, abs=1)
    assert called.code == 10


def test_ctrl_c_ends_a_run_in_order(bench):
    """What was recorded until then is judged and signed; the exit code says who ended it."""
    process = bench.start("run", bench.station(duration_s=60))
    run_dir = measuring(bench)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 12, out + err
    assert result_of(run_dir)["ended"] == "aborted"
    assert bench.call("verify", str(run_dir)).code == 12


@pytest.mark.long  # short: test_record_recover
def test_a_killed_run_is_listed_and_recovered(bench):
    """After kill -9 no result is there, `watch` and `list` say so, `recover` judges and signs what was kept."""
    process = bench.start("run", bench.station(duration_s=60))
    run_dir = measuring(bench)
    journal = run_dir / "frames.journal"
    n_bytes = journal.stat().st_size
    wait_for(lambda: journal.stat().st_size > n_bytes)  # flushed once a second: there is something to keep
    os.kill(json.loads((run_dir / "status.json").read_bytes())["pid"], signal.SIGKILL)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 21, err
    assert f"hilrig recover {run_dir}" in err
    assert not (run_dir / "result.json").exists()
    watched = bench.call("watch", str(run_dir))
    assert watched.code == 21, watched
    assert f"hilrig recover {run_dir.relative_to(bench.folder)}" in watched.err
    assert "recoverable" in bench.call("list").out
    recovered = bench.call("recover", str(run_dir))
    assert recovered.code == 11, recovered
    assert result_of(run_dir)["ended"] == "recovered"
    assert bench.call("verify", str(run_dir)).code == 11


@pytest.mark.long  # short: test_run_supervisor
@pytest.mark.parametrize(
    "role",
    [
        "feeder",
        pytest.param("sampler_loop", marks=pytest.mark.nightly),  # the supervisor waits for all alike
        pytest.param("stall_sentinel", marks=pytest.mark.nightly),
    ],
)
def test_any_process_that_dies_ends_the_run_in_order(bench, role):
    """Whichever is killed: the run is judged INCONCLUSIVE and signed, the process named (worker: next test)."""
    process = bench.start("run", bench.station(duration_s=60))
    run_dir = measuring(bench)
    supervisor = psutil.Process(json.loads((run_dir / "status.json").read_bytes())["pid"])
    victim = next(child for child in supervisor.children() if f"hilrig.run.{role}" in child.cmdline())
    victim.kill()
    out, err = process.communicate(timeout=100)
    assert process.returncode == 11, out + err
    result = result_of(run_dir)
    assert result["ended"] == "process_lost"
    assert f"the {role} process was lost: killed by signal SIGKILL" in result["ended_reason"]
    assert bench.call("verify", str(run_dir)).code == 11


@pytest.mark.long  # short: test_run_supervisor
def test_a_target_that_dies_is_named_and_not_judged(bench):
    """The worker's death is the finding; frames without an answer are counted, the model is not blamed."""
    called = bench.call("run", bench.station(backend="crash_after: 60", duration_s=60))
    assert called.code == 11, called
    assert "worker" in called.out
    assert "SIGKILL" in called.out
    run_dir = bench.run_dirs()[0]
    result = result_of(run_dir)
    assert result["ended"] == "process_lost"
    assert "the worker process was lost: killed by signal SIGKILL" in result["ended_reason"]
    assert bench.call("verify", str(run_dir)).code == 11


def test_nohup_outlives_its_terminal(asked):
    """A run started with nohup is not ended by the hangup that nohup was asked to ignore."""
    _, called, run_dir = asked
    assert called.returncode == 11, called
    assert result_of(run_dir)["ended"] == "completed"


def test_json_is_one_object_on_stdout(asked):
    """A CI job parses stdout; everything for people goes to stderr."""
    _, called, _ = asked
    printed = json.loads(called.stdout)
    assert printed["exit_code"] == called.returncode
    assert printed["status"] == "INCONCLUSIVE"


def test_a_shorter_run_than_the_profile_asks_cannot_pass(asked):
    """--duration below the profile's is measured and judged, and is INCONCLUSIVE for want of time."""
    _, called, run_dir = asked
    assert checks_of(result_of(run_dir))["latency.duration_minutes"]["status"] == "INCONCLUSIVE", called
    assert called.returncode == 11


def test_the_step_summary_of_a_ci_job_gets_the_table(asked):
    """With GITHUB_STEP_SUMMARY set, the Markdown view is appended to it."""
    bench, _, _ = asked
    summary = (bench.folder / "step.md").read_text()
    assert summary.startswith("before\n")
    assert "latency.p99_max_ms" in summary


def test_the_operator_may_come_from_the_environment(asked):
    """Set once on the rig's account."""
    _, _, run_dir = asked
    assert result_of(run_dir)["operator"] == "Grace"


def test_a_protected_key_signs_with_its_passphrase(asked):
    """The key that was named signs, not the rig's usual one; its public half alone verifies."""
    bench, called, run_dir = asked
    assert called.returncode == 11, called
    public = bench.folder / "home" / "keys" / "locked.pub"
    assert bench.call("verify", str(run_dir), "--key", str(public)).code == 11


def test_a_named_baseline_is_evidence_of_the_run(asked):
    """The run that it is shown beside is kept with it; one that is no run is refused before the first frame."""
    bench, _, run_dir = asked
    assert "baseline.json" in result_of(run_dir)["files"]
    refused = bench.call("run", "station", "--baseline", str(bench.folder))
    assert refused.code in {22, 30}, refused
    assert bench.run_dirs() == [run_dir]


def test_progress_without_a_terminal_is_plain_lines(finished):
    """A CI log gets lines, no control characters."""
    _, called, _ = finished
    assert "checking the rig" in called.err
    assert not re.search(r"\x1b", called.err + called.out)
