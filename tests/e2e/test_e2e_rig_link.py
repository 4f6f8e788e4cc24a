"""A run on a simulated rig over a bad line: cut again and again, or tampered with on the way."""

import json
import signal
import threading

import pytest

from hilrig.app.folders import keys_folder
from hilrig.app.rigs import link as rig_link
from hilrig.app.rigs.attach import attach
from hilrig.app.rigs.enroll import enroll_signing_key
from hilrig.app.rigs.link import linked
from hilrig.app.rigs.mirror import Mirror
from hilrig.app.rigs.soak import rig_soak
from hilrig.app.rigs.upload import read_profile, upload
from hilrig.app.run.ending import Stop
from hilrig.core.clock import SystemClock
from hilrig.core.errors import RigBusyError, RigLostError, TrustError
from rig_clients import SimulatedRig, WrappedTransport
from stations import write_station

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_app_rig_patience, test_app_rig_fetch

INCONCLUSIVE = 11


@pytest.fixture
def rig(tmp_path, monkeypatch):
    """Return a simulated rig whose client is this process; nothing of it runs on afterwards."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    monkeypatch.setenv("HILRIG_HOME", str(tmp_path / "client-home"))
    made = SimulatedRig(tmp_path)
    yield made
    made.end()
    for number, handler in before.items():
        signal.signal(number, handler)


def through(monkeypatch, transport: WrappedTransport) -> None:
    """Have every line to the rig go through this transport."""
    monkeypatch.setattr(rig_link, "open_transport", lambda spec: transport)


def soak(rig: SimulatedRig, station, *, reconnect_s: float = 60) -> int:
    """Do a run there, followed by this process."""
    request = rig.request(station)
    return rig_soak(request, rig.spec, stop=Stop(), clock=SystemClock(), reconnect_s=reconnect_s)


@pytest.mark.nightly  # short: test_e2e_rig_ssh cuts it once
def test_no_event_is_lost_or_doubled_when_the_line_is_cut_again_and_again(rig, monkeypatch):
    """The line is cut twice a second all the way: every event arrives once, in order, and the run comes home."""
    transport = WrappedTransport(rig.home)
    through(monkeypatch, transport)
    seen = []
    keep = Mirror.event
    monkeypatch.setattr(Mirror, "event", lambda self, event: (seen.append(event), keep(self, event))[1])
    is_over, n_cuts = threading.Event(), []

    def cut():
        while not is_over.wait(0.5):
            following = [one for one in transport.started if one.poll() is None and "follow" in one.args[-1]]
            for process in following:
                process.kill()
                n_cuts.append(process.pid)

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        assert soak(rig, write_station(rig.folder / "station", duration_s=4)) == INCONCLUSIVE
    finally:
        is_over.set()
        cutter.join()

    (run_dir,) = rig.run_dirs()
    written = [json.loads(line) for line in (run_dir / "events.jsonl").read_text().splitlines()]
    assert len(n_cuts) >= 3  # else the test tested nothing
    assert [event["seq"] for event in seen] == [event["seq"] for event in written]
    assert seen == written


def test_a_rig_that_stays_away_is_lost_and_its_run_can_be_taken_up_later(rig, monkeypatch):
    """Exit 21 after `reconnect_s`; the directory stays, and the run comes home when the rig is back."""
    transport = WrappedTransport(rig.home)
    through(monkeypatch, transport)
    is_away = False

    def cut(event_keeper=Mirror.status):
        def status(self, status):
            nonlocal is_away
            event_keeper(self, status)
            if not is_away:
                is_away = True
                transport.change = lambda argv: ["false"]
                for process in transport.started:
                    process.kill()

        return status

    with monkeypatch.context() as patched:
        patched.setattr(Mirror, "status", cut())
        with pytest.raises(RigLostError, match="away for 1 s"):
            soak(rig, write_station(rig.folder / "station"), reconnect_s=1)
    (run_dir,) = rig.run_dirs()
    assert (run_dir / "remote.json").is_file()
    assert not (run_dir / "result.json").exists()

    transport.change = list
    assert attach(run_dir, stop=Stop(), clock=SystemClock()) == INCONCLUSIVE
    assert not (run_dir / "remote.json").exists()


@pytest.mark.parametrize(
    ("verb", "script", "words"),
    [
        pytest.param("send", "s/INCONCLUSIVE/INCONCLUSIVF/g", "is not what the rig listed", id="a file"),
        pytest.param("manifest", 's#"path":"feed.json"#"path":"../f.json"#', "climbs", id="a name that climbs"),
    ],
)
def test_what_was_tampered_with_on_the_way_is_never_a_result(rig, monkeypatch, verb, script, words):
    """A changed byte or name is named, nothing is presented as finished, nothing is written outside."""

    def tamper(argv):
        is_it = argv[-1] == verb
        return ["sh", "-c", f"\"$@\" | LC_ALL=C sed -u '{script}'", "sh", *argv] if is_it else argv

    transport = WrappedTransport(rig.home, tamper)
    through(monkeypatch, transport)

    with pytest.raises(TrustError, match=words):
        soak(rig, write_station(rig.folder / "station"))

    (run_dir,) = rig.run_dirs()
    assert not (run_dir / "result.json").exists()
    assert not (rig.reports / "f.json").exists()

    transport.change = list  # the run is still there, and comes home over an honest line
    assert attach(run_dir, stop=Stop(), clock=SystemClock()) == INCONCLUSIVE


def test_a_rig_with_another_key_than_the_accepted_one_is_refused_before_the_run(rig, monkeypatch):
    """Nobody signs for a rig with a key that no person accepted."""
    through(monkeypatch, WrappedTransport(rig.home))
    station = write_station(rig.folder / "station")
    enroll_signing_key(rig.spec, keys_folder=keys_folder())
    for half in rig.work.home.glob("keys/*"):
        half.unlink()

    with pytest.raises(TrustError, match="another signing key"):
        soak(rig, station)

    assert not rig.run_dirs()
    assert rig.left() == []


def test_an_unchanged_model_is_not_sent_again(rig, monkeypatch):
    """The second upload of 100 MB moves no byte of it: `receive` is not even called."""
    transport = WrappedTransport(rig.home)
    through(monkeypatch, transport)
    station = write_station(rig.folder / "station")
    (station / "model.bin").write_bytes(bytes(range(256)) * 400_000)
    sent = read_profile(station)
    with linked(rig.spec) as link:
        upload(link, sent.files, on_progress=lambda progress: None)
        transport.started.clear()
        upload(link, sent.files, on_progress=lambda progress: None)

    assert [process.args[-1] for process in transport.started] == ["have"]


def test_a_rig_that_is_taken_away_in_mid_run_gives_no_verdict_but_inconclusive(rig, monkeypatch):
    """The coordinator forgets the reservation: the run there is told, ends as lease lost, and comes home."""
    transport = WrappedTransport(rig.home)
    through(monkeypatch, transport)
    keep = Mirror.status

    def take_away(self, status):
        keep(self, status)
        if status.get("n_offered"):
            monkeypatch.setattr(transport, "lost", lambda: "the place was released by bob")

    monkeypatch.setattr(Mirror, "status", take_away)

    assert soak(rig, write_station(rig.folder / "station", duration_s=60)) == INCONCLUSIVE

    result = json.loads((rig.run_dirs()[0] / "result.json").read_text())
    assert result["ended"] == "lease_lost"
    assert "released by bob" in result["ended_reason"]
    assert rig.left() == []


def test_a_rig_that_somebody_else_holds_is_busy_and_names_them(rig, monkeypatch):
    """Exit 20 with who and since when; their reservation stands."""
    through(monkeypatch, WrappedTransport(rig.home))
    with linked(rig.spec) as link:
        link.call("lease", {"holder": "bob@lab", "run_id": "", "note": "line 3", "ttl_s": 600})

    with pytest.raises(RigBusyError, match=r"bob@lab since .*line 3"):
        soak(rig, write_station(rig.folder / "station"))

    assert rig.left() == ["lease.json"]
