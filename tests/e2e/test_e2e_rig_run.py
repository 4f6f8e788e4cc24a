"""`hilrig run --rig` on a simulated rig elsewhere: a work folder of this machine, reached like any other."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from hilrig.record.heartbeat import read_status
from rig_clients import SimulatedRig, wait_for
from stations import write_station

pytestmark = pytest.mark.waiting

INCONCLUSIVE = 11
ABORTED = 12


@pytest.fixture
def rig(tmp_path):
    """Return a simulated rig, of which nothing runs on afterwards."""
    made = SimulatedRig(tmp_path)
    yield made
    made.end()


def rig_file(bench) -> str:
    """Write a rig file on a bench; return its name."""
    (bench.folder / "rig-home").mkdir()
    (bench.folder / "sim.yaml").write_text(
        f"format: 1\nname: sim\ntransport: local\ntransport_options: {{home: rig-home}}\ndevice_class: x86-cpu\n"
        f"work_folder: work\npython: {sys.executable}\n"
    )
    return "sim.yaml"


def test_a_run_on_a_rig_comes_home_signed_by_the_rig_and_leaves_nothing_there(bench):
    """From the command line to a verified directory: as a run here, with the rig's key."""
    called = bench.call("run", bench.station(), "--rig", rig_file(bench))

    assert called.code == INCONCLUSIVE, called
    (run_dir,) = bench.run_dirs()
    assert bench.call("verify", str(run_dir)).out.startswith("verified")
    result = json.loads((run_dir / "result.json").read_text())
    assert (result["rig"], result["device_class"]) == ("sim", "x86-cpu")
    assert not (run_dir / "remote.json").exists()
    assert not list((bench.folder / "rig-home/work/runs").iterdir())
    assert not (bench.folder / "rig-home/work/lease.json").exists()


@pytest.mark.long  # short: test_rig_agent_main
def test_a_rig_of_another_class_refuses_the_run_with_its_own_words(bench):
    """What the rig's preflight says arrives here as the same error, and nothing is left."""
    name = rig_file(bench)
    path = bench.folder / name
    path.write_text(path.read_text().replace("x86-cpu", "jetson-orin-nx-16gb"))

    called = bench.call("run", bench.station(), "--rig", name)

    assert called.code == 22, called
    assert "jetson-orin-nx-16gb, this machine is" in called.err
    assert not bench.run_dirs()
    assert not list((bench.folder / "rig-home/work/runs").iterdir())


@pytest.mark.long  # short: test_rig_agent_follow
def test_a_killed_client_of_a_detached_run_is_taken_up_again_by_watch(bench):
    """Kill -9 in mid-run: the run goes on there, `watch` follows it to its verdict."""
    station = bench.station(duration_s=4)  # 400 frames: INCONCLUSIVE by rule
    started = bench.call("run", station, "--rig", rig_file(bench), "--detach", "--json")
    run_dir = Path(json.loads(started.out)["run_dir"])
    status = wait_for(lambda: read_status(run_dir))

    os.kill(status["pid"], signal.SIGKILL)
    listed, looked = bench.call("list"), bench.call("watch", str(run_dir), "--once")
    watched = bench.call("watch", str(run_dir))

    assert "on rig sim, nobody here follows it (hilrig watch" in listed.out, listed
    assert "hilrig watch" in looked.out, looked
    assert watched.code == INCONCLUSIVE, watched
    assert bench.call("verify", str(run_dir)).out.startswith("verified")


@pytest.mark.long  # short: test_rig_agent_cancel
def test_stop_reaches_a_run_whose_client_is_gone(bench):
    """`hilrig stop` takes the run up, then asks it to end: judged, signed, with who and why."""
    station = bench.station(duration_s=60)
    started = bench.call("run", station, "--rig", rig_file(bench), "--detach", "--json")
    run_dir = Path(json.loads(started.out)["run_dir"])
    status = wait_for(
        lambda: (
            (run_dir / "status.json").exists()
            and (seen := json.loads((run_dir / "status.json").read_text()))["phase"] == "measure"
            and seen
        )
    )
    os.kill(status["pid"], signal.SIGKILL)

    stopped = bench.call("stop", str(run_dir), "--reason", "shift is over", "--operator", "ada")

    result = json.loads((run_dir / "result.json").read_text())
    assert (result["exit_code"], result["ended_reason"]) == (ABORTED, "stopped by ada: shift is over"), stopped
    assert bench.call("verify", str(run_dir)).out.startswith("verified")


@pytest.mark.nightly  # short: test_e2e_ci_job ends a job so
def test_a_signal_ends_a_run_on_a_rig_in_order(bench):
    """SIGTERM from a CI runner: the run is judged, signed and fetched, exit 12 as here."""
    process = bench.start("run", bench.station(duration_s=60), "--rig", rig_file(bench))
    wait_for(lambda: any((path / "status.json").exists() for path in bench.run_dirs()))
    wait_for(lambda: json.loads((bench.run_dirs()[0] / "status.json").read_text()).get("n_offered"))
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)

    assert process.returncode == ABORTED, out + err
    assert json.loads((bench.run_dirs()[0] / "result.json").read_text())["ended"] == "aborted"
    assert not list((bench.folder / "rig-home/work/runs").iterdir())


@pytest.mark.long  # short: test_rig_agent_keeper
def test_a_tied_run_ends_when_its_client_is_killed_and_nobody_comes(rig):
    """A CI job that was killed leaves no run, no lease and no process for longer than the lease."""
    rig.ttl_s = 3  # what a rig file may not ask for: the test has no minute to wait
    client = rig.client(write_station(rig.folder / "station", duration_s=120))
    client.until("started")
    client.kill()
    killed_s = time.monotonic()

    wait_for(lambda: not rig.processes(), within_s=40)

    assert time.monotonic() - killed_s < 40
    assert not (rig.work.path / "lease.json").exists()


@pytest.mark.long  # short: test_rig_agent_place
def test_a_signal_before_the_job_is_placed_leaves_nothing(rig):
    """Stopped while it is sent: no lease, no run, no half upload."""
    station = write_station(rig.folder / "station")
    with (station / "model.bin").open("wb") as file:
        file.truncate(1 << 30)  # long enough to be met on its way
    client = rig.client(station)
    while client.until("status")["phase"] != "uploading":
        pass
    client.process.send_signal(signal.SIGTERM)

    assert client.ended() == ABORTED, client.said
    assert client.said[-1]["type"] == "RunAbortedError"
    assert [name for name in rig.left() if not name.endswith(".part")] == []
    assert not rig.run_dirs()


@pytest.mark.long  # short: test_rig_agent_keeper
def test_a_run_whose_keeper_and_process_are_killed_is_recovered_there(rig):
    """Everything of a run is killed on the rig: what is left is judged INCONCLUSIVE and signed there."""
    client = rig.client(write_station(rig.folder / "station", duration_s=60))
    run_dir = Path(client.until("started")["run_dir"])
    wait_for(lambda: (read_status(run_dir) or {}).get("n_offered"))
    for pid in rig.processes():
        text = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"keeper" in text or b"hilrig.app.soak.main" in text:
            os.kill(pid, signal.SIGKILL)

    assert client.ended() == 0, client.said
    result = json.loads((run_dir / "result.json").read_text())
    assert (result["exit_code"], result["ended"]) == (INCONCLUSIVE, "recovered")
    assert rig.left() == []
