"""Runs on a virtual rig, from the command line: sent, taken up again, cut off, fetched, verified."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from going_on import wait_for
from hilrig.app.rigs.virtual_rig import images_folder
from stations import write_station

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]
LIMIT_S = 600
"""Under emulation imports take tens of seconds, and a run starts a dozen processes one after the other."""


STEPPED = """\
faults:
  - {name: hour, kind: clock_steps, at_s: 1, duration_s: 3, recovery_max_s: 5, step_s: 3600, may_step_clock: true,
     undecided_max_pct: 50}"""


OF_ROOT = {
    "etc/passwd": "root:x:0:0::/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
    "hilrig:x:0:0::/home/hilrig:/bin/sh\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n",
    "etc/ssh/sshd_config.d/00-root.conf": "PermitRootLogin prohibit-password\nStrictModes no\nAllowUsers root\n",
}


class Desk:
    """A folder with a virtual rig, from which hilrig is called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        home = {"HILRIG_HOME": str(folder / "home"), "XDG_CACHE_HOME": str(images_folder().parents[1])}
        self.environment = {**os.environ, **home, "NO_COLOR": "1"}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "hilrig", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def call(self, *arguments: str, code: int = 0) -> str:
        """Return what hilrig prints; it must exit with `code`."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=LIMIT_S)
        if process.returncode != code:  # a failed assertion would shorten what it says
            pytest.fail(f"hilrig {' '.join(arguments)}: exit {process.returncode}, not {code}\n{out}{err}")
        return out

    def measuring(self) -> Path:
        """Return the run directory here, once frames are measured there."""
        give_up_s = time.monotonic() + LIMIT_S
        while time.monotonic() < give_up_s:
            for status in self.folder.glob("reports/*/status.json"):
                if json.loads(status.read_bytes())["phase"] == "measure":
                    return status.parent
            time.sleep(0.2)
        raise AssertionError("nothing was measured in time")


@pytest.fixture(scope="module")
def desk(image, tmp_path_factory):
    """Give a desk whose rig `bench-v` is up and enrolled."""
    del image
    desk = Desk(tmp_path_factory.mktemp("desk"))
    write_station(desk.folder / "station", duration_s=20, fps=10)
    with removed_at_the_end(desk, "bench-v"):
        desk.call("rigs", "virtual", "up", "bench-v")
        desk.call("rigs", "enroll", "bench-v")
        yield desk


@contextmanager
def removed_at_the_end(desk: Desk, name: str) -> Iterator[None]:
    """Let no virtual rig outlive its test, nor one that did not come up."""
    try:
        yield
    finally:
        desk.call("rigs", "virtual", "remove", name)


@pytest.fixture
def rig_of_root(desk):
    """Give a virtual rig of its own whose user is root under another name: its first disk is told so at boot."""
    with removed_at_the_end(desk, "bench-root"):
        desk.call("rigs", "virtual", "up", "bench-root")
        (seed,) = desk.folder.glob("home/**/bench-root/**/seed.tar")
        with tarfile.open(seed, "a") as archive:
            for path, text in OF_ROOT.items():
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(text), 0o644
                archive.addfile(entry, io.BytesIO(text.encode()))
        desk.call("rigs", "power", "bench-root", "off")
        desk.call("rigs", "virtual", "up", "bench-root")
        desk.call("rigs", "enroll", "bench-root")
        yield "bench-root"


def result_of(run_dir: Path) -> dict:
    return json.loads((run_dir / "result.json").read_bytes())


def state_of_the_rig(desk) -> str:
    (rig,) = json.loads(desk.call("rigs", "list", "--json"))["rigs"]
    assert rig["state"] in {"free", "unreachable"}, rig
    return rig["state"]


def test_a_killed_client_is_taken_up_and_the_rigs_signature_holds(desk):
    """Started, left alone, its client killed: watch brings the report home, verify trusts the rig's own key."""
    started = desk.call("run", "station", "--rig", "bench-v", "--detach", "--json")
    run_dir = Path(json.loads(started)["run_dir"])
    desk.measuring()
    client = json.loads((run_dir / "status.json").read_bytes())["pid"]
    os.kill(client, signal.SIGKILL)
    desk.call("watch", str(run_dir), code=11)
    desk.call("verify", str(run_dir), code=11)
    result = result_of(run_dir)
    assert (result["ended"], result["rig"]) == ("completed", "bench-v")
    assert not (run_dir / "remote.json").exists()
    wait_for(lambda: state_of_the_rig(desk) == "free", limit_s=LIMIT_S)  # busy, it may not answer within 10 s


def test_a_run_on_an_emulated_cpu_is_never_a_pass(desk):
    """Unless the guest runs under KVM, its report says that its times are no evidence."""
    run_dir = next(path.parent for path in desk.folder.glob("reports/*/result.json"))
    result = result_of(run_dir)
    (check,) = [one for one in result["judgement"]["self_checks"] if one["check_id"] == "rig.real_hardware"]
    assert check["ok"] == (result["rig_info"]["facts"]["emulated"] is None)


def test_a_clock_that_the_rigs_user_may_not_set_is_refused_at_its_place(desk):
    """The user of a virtual rig has no rights of root: said before the run, with the line of the fault."""
    write_station(desk.folder / "refused", duration_s=2, fps=10, more=STEPPED)
    told = json.loads(desk.call("run", "refused", "--rig", "bench-v", "--json", code=22))
    assert "the fault hour (profile.yaml:21:" in told["error"]
    assert "CAP_SYS_TIME" in told["error"]


@pytest.mark.nightly  # short: test_run_clock_step.py steps, puts back and is killed without a machine to itself
def test_a_stepped_clock_there_changes_nothing_and_is_put_back(desk, rig_of_root):
    """An hour ahead for three seconds, on a machine where that harms nobody: frames are decided all the same."""
    write_station(desk.folder / "stepped", name="stepped", duration_s=2, fps=10, more=STEPPED)
    desk.call("run", "stepped", "--rig", rig_of_root, code=11)
    (run_dir,) = (path.parent for path in desk.folder.glob("reports/*stepped*/result.json"))
    desk.call("verify", str(run_dir), code=11)
    judgement = result_of(run_dir)["judgement"]
    (fault,) = judgement["faults"]
    held = {one["check_id"]: one["ok"] for one in judgement["self_checks"]}
    assert (held["drill.injected"], held["clock.steps"], held["host.boot"]) == (True, True, True)
    assert (fault["n_frames"], fault["n_failed"]) == (30, 0)
    assert fault["n_decided"] > 0
    events = [json.loads(line) for line in (run_dir / "events.jsonl").read_text().splitlines()]
    ahead_s = {one["detail"]["state"]: wall_ahead_s(events[0], one) for one in events if one["kind"] == "fault"}
    assert ahead_s == {"start": pytest.approx(3600, abs=1), "stop": pytest.approx(0, abs=1)}
    assert wall_ahead_s(events[0], events[-1]) == pytest.approx(0, abs=1)


def wall_ahead_s(first: dict, event: dict) -> float:
    """Return by how much more than CLOCK_MONOTONIC the wall clock has moved between two events."""
    begin, end = (datetime.fromisoformat(one["at_utc"].replace("Z", "+00:00")) for one in (first, event))
    return (end - begin).total_seconds() - (event["t_ns"] - first["t_ns"]) / 1e9


def test_a_power_cut_in_the_middle_is_inconclusive_and_says_so(desk):
    """The rig is cut, comes back with another boot id: what was recorded is recovered, judged, signed there."""
    until_cut = ("--duration", "30m")
    with desk.start("run", "station", "--rig", "bench-v", *until_cut) as client:
        run_dir = desk.measuring()
        time.sleep(3)  # some batches of frames are on the disk there
        desk.call("rigs", "power", "bench-v", "off")
        desk.call("rigs", "power", "bench-v", "on")
        out, err = client.communicate(timeout=LIMIT_S)
    assert client.returncode == 11, (out, err)
    assert "The rig rebooted in the middle of the run" in result_of(run_dir)["judgement"]["sentence"]
    desk.call("verify", str(run_dir), code=11)
