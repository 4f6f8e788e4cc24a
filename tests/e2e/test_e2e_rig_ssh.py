"""A run on a rig behind a real sshd on loopback: enrolled, followed over a line that goes away, fetched."""

import json
import signal
import threading
import time
from dataclasses import replace

import pytest

from hilrig.app.finished.verify import verify
from hilrig.app.folders import keys_folder
from hilrig.app.rigs import soak as client
from hilrig.app.rigs.enroll import enroll_signing_key
from hilrig.app.rigs.mirror import Mirror
from hilrig.app.run.ending import Stop
from hilrig.core.clock import SystemClock
from hilrig.core.errors import PreconditionError, RigLostError
from hilrig.core.rig import RigSpec
from rig_clients import SimulatedRig
from sshd import running_sshd
from stations import write_station

pytestmark = pytest.mark.waiting

INCONCLUSIVE = 11


@pytest.fixture
def sshd(tmp_path, monkeypatch):
    """Return a running sshd; the client of the rig behind it is this process."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    monkeypatch.setenv("HILRIG_HOME", str(tmp_path / "client-home"))
    with running_sshd(tmp_path / "sshd") as started:
        yield started
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def rig(tmp_path, sshd):
    """Return the rig behind it; nothing of it runs on afterwards."""

    class SshRig(SimulatedRig):
        @property
        def home(self):
            return sshd.home

        @property
        def spec(self) -> RigSpec:
            return replace(super().spec, name="bench", transport="ssh", transport_options=sshd.options())

    made = SshRig(tmp_path)
    yield made
    made.end()


def soak(rig: SimulatedRig, station, *, reconnect_s: float = 60) -> int:
    """Do a run there, followed by this process."""
    request = rig.request(station)
    return client.rig_soak(request, rig.spec, stop=Stop(), clock=SystemClock(), reconnect_s=reconnect_s)


def test_a_rig_whose_key_nobody_accepted_is_refused_with_the_next_command(rig):
    """What an unknown key signs proves nothing: exit 22 before anything is sent."""
    with pytest.raises(PreconditionError, match="was not accepted here yet") as caught:
        soak(rig, write_station(rig.folder / "station"))
    assert caught.value.hint == "hilrig rigs enroll bench"
    assert not rig.run_dirs()


@pytest.mark.long  # short: test_rig_agent_follow
def test_an_sshd_that_goes_away_in_mid_run_costs_no_event(rig, sshd, monkeypatch):
    """The sshd is gone for three seconds: the run goes on, every event arrives once, the signature holds."""
    enroll_signing_key(rig.spec, keys_folder=keys_folder())
    seen, cuts = [], []
    keep_event, keep_status = Mirror.event, Mirror.status
    monkeypatch.setattr(Mirror, "event", lambda self, event: (seen.append(event), keep_event(self, event))[1])

    def cut_once(self, status):
        keep_status(self, status)
        if status.get("n_offered") and not cuts:
            sshd.stop()
            cuts.append(threading.Timer(3, sshd.start))
            cuts[0].start()

    monkeypatch.setattr(Mirror, "status", cut_once)
    try:
        assert soak(rig, write_station(rig.folder / "station", duration_s=4)) == INCONCLUSIVE
    finally:
        for timer in cuts:
            timer.join()

    (run_dir,) = rig.run_dirs()
    written = [json.loads(line) for line in (run_dir / "events.jsonl").read_text().splitlines()]
    assert len(cuts) == 1
    assert seen == written
    assert verify(run_dir, keys=[keys_folder() / "bench.pub"]).ok
    assert rig.left() == []


def test_an_sshd_that_is_down_is_said_at_once(rig, sshd):
    """Nothing answers: exit 21 in seconds, not after the patience for a run that goes on."""
    sshd.stop()
    began_s = time.monotonic()
    with pytest.raises(RigLostError):
        soak(rig, write_station(rig.folder / "station"))
    assert time.monotonic() - began_s < 30
