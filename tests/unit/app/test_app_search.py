"""hilrig.app.search.capacity, interleaved, search_session, search_stop: what surrounds the runs of a search."""

import os
import signal
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from hilrig.app.run.request import RunRequest
from hilrig.app.run.search_stop import stop_watch
from hilrig.app.search import session as search_session
from hilrig.app.search.capacity import refuse_other_arrivals, search_capacity
from hilrig.app.search.interleaved import refuse_short_blocks, refuse_unlike
from hilrig.app.search.session import SearchSession
from hilrig.app.soak.plan import as_requested, build_plan
from hilrig.app.soak.preflight import load_rig_in_place, preflight
from hilrig.attest.envelope import verify_envelope
from hilrig.attest.keys import create_key, load_public_keys, read_passphrase
from hilrig.config.noun_json import from_json, to_json
from hilrig.config.profile import load_profile
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import ManualClock
from hilrig.core.errors import ConfigError, PreconditionError, RunAbortedError, TrustError, UsageError
from hilrig.core.profile import ArrivalModel, ArrivalSpec
from stations import write_station


@pytest.fixture
def request_of(tmp_path):
    """Return a request for a small station, with a key that exists."""
    create_key(tmp_path / "keys", "rig", passphrase=None)
    return RunRequest(
        profile=write_station(tmp_path / "station"),
        rig_file=None,
        reports=tmp_path / "reports",
        duration_s=None,
        key=tmp_path / "keys" / "rig.pem",
    )


@pytest.fixture
def profile(tmp_path):
    """Return the small station's profile, 100 fps."""
    return load_profile(write_station(tmp_path / "station"))


def open_session(request, watch):
    return SearchSession(request, name="st", watch=watch, clock=ManualClock(), on_status=lambda _: None)


def test_a_request_changes_rate_self_test_and_stop_and_nothing_else(request_of):
    """The limits stay those of the file, so that `hilrig verify` finds them in the run's profile.yaml."""
    ready = preflight(request_of.profile, load_rig_in_place(None))
    asked = replace(request_of, frame_rate_fps=Fraction(50), self_test_s=1.0, stop_when_failed=False)
    changed = as_requested(ready, asked).profile
    assert (changed.frame_rate_fps, changed.self_test_s, changed.stop_when_failed) == (50, 1.0, False)
    assert (changed.limits, changed.sha256) == (ready.profile.limits, ready.profile.sha256)
    assert as_requested(ready, request_of) == ready


EVERYTHING = """\
  recovery: {power_loss_test: required}
power_loss: {depths: [file_calls]}
companions:
  - {name: sync, command: [sleep, "60"], probe: {command: ["true"]}, alone_s: 7, slowdown_max: 2}
faults:
  - {name: gone, kind: camera_stops, at_s: 2, duration_s: 3, recovery_max_s: 1}"""


def test_a_run_of_a_search_measures_and_nothing_else(tmp_path, request_of):
    """No drill, no power-loss test, no companion alone in every step; all limits stay, to be not measured."""
    whole = load_profile(write_station(tmp_path / "all", more=EVERYTHING))
    ready = replace(preflight(request_of.profile, load_rig_in_place(None)), profile=whole)
    asked = replace(request_of, measured_part_only=True)
    kept, step = (
        build_plan(as_requested(ready, one), one, run_id="1", created_at_utc="") for one in (request_of, asked)
    )
    assert kept.faults
    assert kept.power_loss is not None
    assert kept.companions[0].alone_s == 7
    assert (step.n_drill_frames, step.faults, step.power_loss) == (0, (), None)
    assert [(one.name, one.alone_s) for one in step.companions] == [("sync", 0.0)]
    assert (step.limits, step.n_frames) == (kept.limits, kept.n_frames - kept.n_drill_frames)


def test_every_run_of_a_search_is_asked_for_the_measured_part_only(request_of, monkeypatch):
    """Capacity and interleaved comparison both go through the session."""
    asked = []

    def run_nothing(request, *, on_status):
        del on_status
        asked.append(request)
        raise UsageError("not in this test")

    monkeypatch.setattr(search_session, "run", run_nothing)
    with stop_watch() as watch, pytest.raises(UsageError):
        open_session(request_of, watch).run(lambda one: one, profile_sha256="")
    assert asked[0].measured_part_only


def test_a_request_with_a_broadcast_rate_survives_the_way_to_the_runs_process(request_of):
    """30000/1001 is no float: the other process gets the same fraction."""
    asked = replace(request_of, frame_rate_fps=Fraction(30000, 1001))
    assert from_json(RunRequest, to_json(asked), what="the request") == asked


@pytest.mark.parametrize(
    "arrivals",
    [
        ArrivalSpec(model=ArrivalModel.TRACE, trace_gaps_ns=(1, 2)),
        ArrivalSpec(model=ArrivalModel.BURST, burst_frames=4, burst_spacing_ms=5.0),
        ArrivalSpec(model=ArrivalModel.JITTER, jitter_ms=2.0),
        ArrivalSpec(camera_offsets_ms=(0.0, 5.0)),
    ],
)
def test_arrivals_with_times_of_their_own_have_no_capacity(profile, arrivals):
    """Nobody knows what a recorded trace would be at another rate: refused, not guessed."""
    with pytest.raises(PreconditionError, match="times of their own"):
        refuse_other_arrivals(replace(profile, arrivals=arrivals))


@pytest.mark.parametrize("model", [ArrivalModel.FIXED, ArrivalModel.POISSON])
def test_arrivals_by_rate_alone_are_searched(profile, model):
    """Equal periods and independent parts are the same law at every rate."""
    refuse_other_arrivals(replace(profile, arrivals=ArrivalSpec(model=model)))


def test_profiles_that_show_other_frames_are_not_compared(profile):
    """Every difference is named, not only the first."""
    other = replace(
        profile,
        frame_rate_fps=Fraction(50),
        queue=replace(profile.queue, depth=9),
        feed=replace(profile.feed, options={"seed": 2}),
        arrivals=ArrivalSpec(model=ArrivalModel.POISSON),
    )
    with pytest.raises(PreconditionError) as caught:
        refuse_unlike(profile, other)
    assert [line.split(":")[0] for line in caught.value.message.splitlines()[1:]] == [
        "  - frame rate",
        "  - queue",
        "  - feed",
        "  - arrivals",
    ]
    refuse_unlike(profile, replace(profile, name="challenger", warmup_s=9.0))


def test_a_block_in_which_p99_is_one_frame_is_refused(profile):
    """At 100 fps two seconds are 200 frames: just enough."""
    refuse_short_blocks(profile, 2.0)
    with pytest.raises(UsageError) as caught:
        refuse_short_blocks(profile, 1.9)
    assert caught.value.hint == "--block-duration 2s or longer"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_between_two_runs_ends_the_search_in_order(number, request_of):
    """It does not kill: the next run is not started, and the one who asked is told."""
    with stop_watch() as watch:
        session = open_session(request_of, watch)
        session.refuse_when_stopped()
        os.kill(os.getpid(), number)
        with pytest.raises(RunAbortedError):
            session.run(lambda asked: asked, profile_sha256="")
        assert watch.requested  # and it stays so


def test_a_signal_that_a_run_handled_is_seen_as_well():
    """While a run is judged, its own handler takes the signal: the search ends all the same."""
    with stop_watch() as watch:
        before = signal.signal(signal.SIGTERM, lambda *_: None)
        os.kill(os.getpid(), signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)
        assert watch.requested


def test_other_signals_do_not_end_a_search():
    """A window that was resized asks for nothing."""
    before = signal.signal(signal.SIGWINCH, lambda *_: None)
    try:
        with stop_watch() as watch:
            os.kill(os.getpid(), signal.SIGWINCH)
            assert not watch.requested
    finally:
        signal.signal(signal.SIGWINCH, before)


def test_the_handlers_of_before_are_back_after_a_search():
    """Also the one of an ignored hangup, which nohup asked for."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with stop_watch():
        pass
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]


def test_the_signature_covers_document_page_and_the_results_of_the_runs(request_of):
    """Digests of all of them, under the key of the request; the document is written last."""
    with stop_watch() as watch:
        session = open_session(request_of, watch)
    run_dir = session.folder / "runs" / "one"
    run_dir.mkdir(parents=True)
    for name in ("result.json", "views.dsse.json", "frames.arrows"):
        (run_dir / name).write_bytes(name.encode())
    session.sign_and_keep(document_name="a.json", document=b"{}", page_name="a.html", page=b"<p>")
    keys = load_public_keys([request_of.key.with_suffix(".pub")])
    signed = verify_envelope((session.folder / "views.dsse.json").read_bytes(), keys).statement
    assert signed.predicate == {"run_id": session.search_id}
    assert set(signed.subjects) == {"a.json", "a.html", "runs/one/result.json", "runs/one/views.dsse.json"}
    for name, digest in signed.subjects.items():
        assert sha256_hex((session.folder / name).read_bytes()) == digest
    assert sorted(path.name for path in session.folder.iterdir()) == [
        "a.html",
        "a.json",
        "runs",
        "views.dsse.json",
    ]


def test_a_passphrase_by_descriptor_is_there_for_every_run(request_of, tmp_path):
    """A pipe gives it once; each run reads the same bytes, line ends in it included."""
    create_key(tmp_path / "locked", "rig", passphrase=b"secret\nof two lines")
    reader, writer = os.pipe()
    os.write(writer, b"secret\nof two lines\n")
    os.close(writer)
    locked = replace(request_of, key=tmp_path / "locked" / "rig.pem", passphrase_fd=reader)
    with stop_watch() as watch:
        session = open_session(locked, watch)
    for _ in range(2):
        with session._passphrase_again() as fd:
            assert read_passphrase(None, fd) == b"secret\nof two lines"
    os.close(reader)


def test_a_search_without_a_run_leaves_no_folder(request_of):
    """Nothing was found, so nothing is left to be taken for a search."""
    with stop_watch() as watch:
        session = open_session(request_of, watch)
        session.discard()
    assert list(request_of.reports.iterdir()) == []


def test_a_profile_or_key_that_cannot_be_used_leaves_no_folder(request_of):
    """Both are read before the folder is made."""
    said = {"clock": ManualClock(), "on_status": lambda _: None, "on_probe": lambda _: None}
    with pytest.raises(ConfigError):
        search_capacity(replace(request_of, profile=Path("/nowhere")), **said)
    with pytest.raises(TrustError):
        search_capacity(replace(request_of, key=Path("/nowhere/rig.pem")), **said)
    assert not request_of.reports.exists()
