"""The CI job's own shell against simulated rigs: its exit codes, what it keeps, what it leaves behind."""

import os
import re
import signal
import socket
import subprocess
from xml.etree import ElementTree as ET

import pytest
import yaml

from ci_jobs import ROOT, SCRIPT, CiLab
from going_on import measuring, result_of, wait_for

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_app_many_rigs, test_app_matrix


@pytest.fixture
def lab(bench) -> CiLab:
    bench.station()
    return CiLab(bench)


def suite_of(done) -> ET.Element:
    return next(ET.parse(done.kept / "junit.xml").iter("testsuite"))


def test_a_run_on_a_rig_passes_its_exit_code_on(lab, tmp_path):
    """The verdict's code is the job's; JSON, JUnit, summary and the report are where the CI system takes them."""
    lab.bench.station(fps=300, duration_s=2)  # 600 frames: enough for a p99
    lab.rig("sim-a")
    outputs, summary = tmp_path / "outputs", tmp_path / "summary"
    done = lab.job(HIL_RIGS="sim-a", GITHUB_OUTPUT=str(outputs), GITHUB_STEP_SUMMARY=str(summary))
    (run_dir,) = lab.bench.run_dirs()
    status = result_of(run_dir)["judgement"]["status"]
    assert status in {"PASS", "INCONCLUSIVE"}, done  # the latter when the machine itself disturbed the run
    assert done.code == {"PASS": 0, "INCONCLUSIVE": 11}[status], done
    assert done.json["status"] == status
    assert suite_of(done).get("name") == "hilrig.bench-station"
    assert (done.kept / "summary.md").read_bytes() == (run_dir / "summary.md").read_bytes() == summary.read_bytes()
    assert outputs.read_text() == f"exit_code={done.code}\n"
    assert lab.bench.call("verify", str(run_dir)).code == done.code
    assert lab.leftovers() == []


def test_many_rigs_are_one_job(lab):
    """By labels: two rigs and one that is out of service, which has its row and its red suite."""
    for name in ("sim-a", "sim-b"):
        lab.rig(name, board="sim")
    broken = lab.rig("sim-c", board="sim")
    broken.write_text(broken.read_text() + 'enabled: false\ndisabled_reason: "fan is broken"\n')
    done = lab.job(HIL_LABELS="board=sim", HIL_ALL="true", HIL_MAX_PARALLEL="2")
    assert done.code == 11, done  # 200 frames never pass a p99
    rows = done.json["rows"]
    assert [(row["rig"], row["status"], row["exit_code"]) for row in rows] == [
        ("sim-a", "INCONCLUSIVE", 11),
        ("sim-b", "INCONCLUSIVE", 11),
        ("sim-c", None, 22),
    ]
    assert "fan is broken" in rows[2]["why_not_run"]
    suites = list(ET.parse(done.kept / "junit.xml").iter("testsuite"))
    assert [suite.get("name").rpartition(".")[2] for suite in suites] == ["sim-a", "sim-b", "sim-c"]
    assert int(suites[2].get("errors")) == 1
    assert lab.bench.call("list").out.count("INCONCLUSIVE") == 2  # the folder of all three is no run
    assert lab.leftovers() == []


def test_busy_is_20_and_sigterm_leaves_nothing(lab):
    """While one job runs another is told who holds the rig; the first is cancelled, judged, the rig clean."""
    lab.bench.station("station", duration_s=120)
    lab.rig("sim-a")
    first = lab.start(HIL_RIGS="sim-a", HILRIG_HOLDER="ci-job-1")
    try:
        run_dir = measuring(lab.bench)
        second = lab.job(HIL_RIGS="sim-a", HIL_OUT="second")
        assert second.code == 20, second
        assert "ci-job-1" in second.err
        (error,) = ET.parse(lab.bench.folder / "second" / "junit.xml").iter("error")
        assert error.get("type") == "exit 20"
        assert "exit code 20" in (lab.bench.folder / "second" / "summary.md").read_text()
        assert len(lab.leftovers()) > 3  # a lease, the run's folder, processes: the same look finds none below
    finally:
        first.send_signal(signal.SIGTERM)
    done = lab.ended(first)
    assert done.code == 12, done
    assert result_of(run_dir)["ended"] == "aborted"
    assert (done.kept / "junit.xml").exists()
    assert wait_for(lambda: not lab.leftovers(), limit_s=60), lab.leftovers()


@pytest.mark.nightly  # short: test_app_first_free, and the two tests above
def test_the_first_free_rig_takes_the_run_and_a_busy_one_is_waited_for(lab):
    """One rig is held: labels find the other; who names the held one waits, and gets it when it is given back."""
    lab.bench.station("station", duration_s=120)
    lab.rig("sim-a", board="sim")
    lab.rig("sim-b", board="sim")
    first = lab.start(HIL_RIGS="sim-a", HILRIG_HOLDER="ci-job-1")
    try:
        measuring(lab.bench)
        waiting = lab.start(HIL_RIGS="sim-a", HIL_WAIT="3m", HIL_DURATION="1s", HIL_OUT="waiting")
        second = lab.job(HIL_LABELS="board=sim", HIL_DURATION="1s", HIL_OUT="second")
    finally:
        first.send_signal(signal.SIGTERM)
    assert second.code == 11, second
    assert "rig sim-a: " in second.err
    assert "ci-job-1" in second.err
    rigs = {result_of(run_dir)["rig"] for run_dir in lab.bench.run_dirs() if (run_dir / "result.json").exists()}
    assert "sim-b" in rigs
    assert lab.ended(first).code == 12
    late = lab.ended(waiting)
    assert late.code == 11, late
    assert "waiting, 3 min left" in late.err
    assert lab.leftovers() == []


def test_a_killed_runner_leaves_nothing(lab):
    """SIGKILL to the whole group, as a runner does in the end: the run ends by itself, the rig is given back."""
    lab.bench.station("station", duration_s=120)
    lab.rig("sim-a")
    job = lab.start(HIL_RIGS="sim-a")
    measuring(lab.bench)
    os.killpg(job.pid, signal.SIGKILL)
    job.communicate()
    wait_for(lambda: not lab.leftovers(), limit_s=60)


def test_unreachable_is_21(lab):
    """Nobody listens at that port: no run directory, no report, a red test case with the reason."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused, and nobody else gets it meanwhile
        rig = lab.bench.folder / "rigs" / "away.yaml"
        rig.parent.mkdir(exist_ok=True)
        (rig.parent / "known_hosts").write_text("")
        rig.write_text(
            "format: 1\nname: away\ntransport: ssh\ndevice_class: x86-cpu\n"
            f"transport_options: {{host: 127.0.0.1, port: {taken.getsockname()[1]}}}\n"
        )
        done = lab.job(HIL_RIGS="away")
    assert done.code == 21, done
    assert suite_of(done).get("errors") == "1"
    assert lab.bench.run_dirs() == []


@pytest.mark.parametrize("asked", ["99999999", None])
def test_refused_is_22(lab, asked):
    """A condition of the rig that is not met, a rig out of service: what to do about it is in the job's log."""
    rig = lab.rig("sim-a")
    text = rig.read_text()
    rig.write_text(
        text.replace("min_free_mib: 16", f"min_free_mib: {asked}") if asked else text + "enabled: false\n"
    )
    done = lab.job(HIL_RIGS="sim-a")
    assert done.code == 22, done
    assert ("99999999" if asked else "out of service") in done.err
    assert lab.leftovers() == []


def test_a_mistake_is_2(lab):
    """A rig that nobody knows, a job without a profile: the exit code of a mistake, not of a verdict."""
    lab.rig("sim-a")
    done = lab.job(HIL_RIGS="sim-b")
    assert done.code == 2, done
    assert "sim-a" in done.err
    assert lab.job(HIL_PROFILE="").code == 2


def test_both_ci_systems_call_that_script():
    """The files parse, call the script and nothing else, keep its artifacts and have a time limit."""
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "hil.yml").read_text())
    job = workflow["jobs"]["hil"]
    (step,) = [step for step in job["steps"] if step.get("id") == "hil"]
    assert step["run"] == "exec bash .ci/hil-job"
    assert {"timeout-minutes", "concurrency"} <= job.keys()
    (upload,) = [step for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    assert upload["if"] == "always()"
    assert upload["with"]["path"].split() == ["hil-out/", "reports/"]
    template = yaml.safe_load((ROOT / ".ci" / "hilrig.gitlab-ci.yml").read_text())[".hilrig"]
    assert template["script"] == ["exec bash .ci/hil-job"]
    assert template["artifacts"]["when"] == "always"
    assert template["artifacts"]["reports"]["junit"] == "hil-out/junit.xml"
    known = set(re.findall(r"\bHIL_[A-Z_]+\b", SCRIPT.read_text()))
    assert {name for name in template["variables"] if name.startswith("HIL_")} <= known
    assert {name for name in step["env"] if name.startswith("HIL_")} <= known


def test_actions_are_pinned_by_digest():
    """A tag can be moved to other code, a digest cannot."""
    text = (ROOT / ".github" / "workflows" / "hil.yml").read_text()
    used = re.findall(r"uses: (\S+)", text)
    assert [one for one in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one) and "OWNER" not in one] == []


def test_foreign_words_do_not_get_into_the_shell(lab):
    """Inputs come from whoever starts a workflow: they are arguments, never code."""
    done = lab.job(HIL_RIGS="$(touch${IFS}pwned) `touch${IFS}pwned`", HIL_WAIT="1m;touch pwned")
    assert done.code == 2, done
    assert not (lab.bench.folder / "pwned").exists()


def test_the_shell_parses():
    """Said by bash itself, without running anything."""
    assert subprocess.run(["bash", "-n", str(SCRIPT)], check=False).returncode == 0
