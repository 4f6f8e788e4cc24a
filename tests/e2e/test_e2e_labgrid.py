"""`hilrig run --rig` on a rig that a real labgrid lab hands out, reached over a real sshd."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from labgrid_lab import bench as bench_resources
from labgrid_lab import running_lab, wait_for
from sshd import running_sshd

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_rig_labgrid_*

INCONCLUSIVE, RIG_BUSY = 11, 20
OTHER = "build7/alice"


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    with running_sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def lab(tmp_path, sshd):
    """Give a lab with the place `line3`."""
    with running_lab(tmp_path / "lab") as running:
        running.start_exporter("rack1", {"line3": bench_resources(port=sshd.port, user=sshd.user)})
        running.write_place("line3", "rack1", "line3")  # for a coordinator that is started anew
        running.add_place("line3", "rack1/line3/*", board="ipc")
        yield running


@pytest.fixture
def rig(bench, lab, sshd):
    """Write a rig file, accept both keys of the rig; return the file's name."""
    (bench.folder / "rigs").mkdir()
    (bench.folder / "rigs/line3.yaml").write_text(
        "format: 1\nname: line3\ntransport: labgrid\ntransport_options:\n"
        f"  match: {{board: ipc}}\n  coordinator: {lab.address}\n  key_file: {sshd.key_file}\n"
        f"device_class: x86-cpu\nwork_folder: work\npython: {sys.executable}\n"
    )
    shown = bench.call("rigs", "enroll", "line3", "--fingerprint", fingerprint(sshd))
    assert shown.code == 0, shown
    return "line3"


def fingerprint(sshd) -> str:
    command = ["ssh-keygen", "-l", "-f", f"{sshd.host_key}.pub"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[1]


def result_of(bench) -> dict:
    (run_dir,) = bench.run_dirs()
    return json.loads((run_dir / "result.json").read_text())


def measuring(bench) -> Path:
    """Return the run directory when frames are measured in it."""

    def look():
        return next((path for path in bench.run_dirs() if n_offered(path)), None)

    return wait_for(look, "frames on the rig")


def n_offered(run_dir: Path) -> int:
    try:
        return json.loads((run_dir / "status.json").read_text()).get("n_offered") or 0
    except (OSError, ValueError):
        return 0


def test_a_run_through_labgrid(bench, lab, rig):
    """The place is held for the run, the result comes home signed, the place is free again."""
    called = bench.call("run", bench.station(), "--rig", rig)
    assert called.code == INCONCLUSIVE, called  # 200 frames, by rule
    assert bench.call("verify", str(bench.run_dirs()[0])).out.startswith("verified")
    assert lab.holder("line3") == "None"


def test_a_place_of_another(bench, lab, rig):
    """Exit 20, and who has it since when."""
    lab.client("-p", "line3", "acquire", who=OTHER)
    called = bench.call("run", bench.station(), "--rig", rig)
    assert called.code == RIG_BUSY, called
    assert "place line3 is held by alice@build7 since" in called.err
    assert not bench.run_dirs()


@pytest.mark.nightly  # short: the next test
def test_a_coordinator_restarted_in_mid_run(bench, lab, rig):
    """Nobody knows whose the rig was from then on: INCONCLUSIVE, and it says why."""
    started = bench.start("run", bench.station(duration_s=90), "--rig", rig)
    measuring(bench)
    lab.restart_coordinator()
    out, err = started.communicate(timeout=120)
    assert started.returncode == INCONCLUSIVE, out + err
    result = result_of(bench)
    assert result["ended"] == "lease_lost"
    assert "the labgrid coordinator was restarted and forgot who holds place line3" in result["ended_reason"]


def test_kicked_in_mid_run(bench, lab, rig):
    """A place that was given to somebody else is theirs: the run ends, and leaves it to them."""
    started = bench.start("run", bench.station(duration_s=90), "--rig", rig)
    measuring(bench)
    lab.client("-p", "line3", "release", "--kick", who=OTHER)
    lab.client("-p", "line3", "acquire", who=OTHER)
    out, err = started.communicate(timeout=120)
    assert started.returncode == INCONCLUSIVE, out + err
    assert result_of(bench)["ended"] == "lease_lost"
    assert lab.holder("line3") == OTHER


@pytest.mark.nightly  # short: test_e2e_rig_ssh has the line
def test_a_broken_line_does_not_give_the_place_away(bench, lab, rig, sshd):
    """The line is cut in mid-run and made anew: the place is released once, at the end."""
    before = n_releases(lab)
    started = bench.start("run", bench.station(duration_s=8), "--rig", rig)
    measuring(bench)
    sshd.cut()
    out, err = started.communicate(timeout=120)
    assert started.returncode in {0, INCONCLUSIVE}, out + err
    assert n_releases(lab) == before + 1


def n_releases(lab) -> int:
    return (lab.folder / "coordinator.log").read_text().count("line3: place released")
