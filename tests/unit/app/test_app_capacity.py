"""hilrig.app.search.capacity: a whole search, over runs that are computed instead of waited for.

`test_e2e_search` probes real targets: short searches in `make check`, a whole one in `make nightly`.
"""

import json
from pathlib import Path

import pytest

from builders import make_frames, make_limit, make_plan
from computed_runs import leave_run
from hilrig.app.run.request import RunRequest
from hilrig.app.run.run import Finished
from hilrig.app.search import session as search_session
from hilrig.app.search.capacity import search_capacity
from hilrig.attest.envelope import verify_envelope
from hilrig.attest.keys import create_key, load_public_keys
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import ManualClock
from hilrig.core.search import SearchLimit
from stations import write_station

DROPS = make_limit("frames.drop_max_pct", "drop_pct", 2.0, "%")
TARGET_FPS = 50


def computed_run(request: RunRequest, *, on_status) -> Finished:
    """Return what a run leaves behind whose target decides 50 frames a second and drops the others."""
    fps, n_frames = request.frame_rate_fps, round(request.frame_rate_fps * request.duration_s)
    n_dropped = max(0, n_frames - round(TARGET_FPS * request.duration_s))
    plan = make_plan(fps=fps, n_measured=n_frames, n_warmup=0, limits=[DROPS])
    dropped = {round(index * n_frames / n_dropped) for index in range(n_dropped)}
    return leave_run(request, plan, make_frames(plan, dropped=dropped))


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a search from 26 fps, and the lines that it said."""
    station = write_station(tmp_path / "station", fps=26, more="  frames: {drop_max_pct: 2}")
    text = (station / "profile.yaml").read_text()
    (station / "profile.yaml").write_text(text.replace("p99_max_ms: 1000, ", ""))
    create_key(tmp_path / "keys", "rig", passphrase=None)
    monkeypatch.setattr(search_session, "run", computed_run)
    request = RunRequest(
        profile=station,
        rig_file=None,
        reports=tmp_path / "reports",
        duration_s=20.0,
        key=tmp_path / "keys" / "rig.pem",
    )
    said: list[str] = []
    done = search_capacity(request, clock=ManualClock(), on_status=lambda _: None, on_probe=said.append)
    return done, said


def test_the_capacity_lies_within_the_resolution_of_the_true_one(found) -> None:
    """50 fps and 2 % that may be dropped are 51.02 fps: found to 2 %, from below, and limited by the profile."""
    capacity = found[0].capacity
    assert 50.0 <= capacity.found_fps <= 50 / 0.98
    assert capacity.limited_by is SearchLimit.PROFILE
    assert capacity.found_fps < capacity.limited_at_fps <= capacity.found_fps * 1.02
    assert capacity.exit_code == 0


def test_the_rate_that_is_found_was_confirmed_by_a_longer_run(found) -> None:
    """Eight probes: 26, 52, five halves of the range, and the one that confirms, twice as long."""
    probes = found[0].capacity.probes
    assert [probe.frame_rate_fps for probe in probes[:3]] == [26, 52, 39]
    assert len(probes) == 8
    assert (probes[-1].purpose.value, probes[-1].duration_s) == ("confirm", 40.0)
    assert probes[-1].frame_rate_fps == found[0].capacity.found_fps


def test_document_signature_and_progress_tell_one_story(found) -> None:
    """capacity.json is what was found; the signature covers it, the page and each probe's result."""
    done, said = found
    document = json.loads((done.folder / "capacity.json").read_bytes())
    assert document["found_fps"] == done.capacity.found_fps
    assert document["sentence"] == done.capacity.sentence
    keys = load_public_keys([done.folder.parents[1] / "keys" / "rig.pub"])
    signed = verify_envelope((done.folder / "views.dsse.json").read_bytes(), keys).statement.subjects
    assert {"capacity.json", "capacity.html"} < signed.keys()
    assert len(signed) == 2 + 2 * len(document["probes"])
    for name, digest in signed.items():
        assert sha256_hex((done.folder / name).read_bytes()) == digest, name
    for probe in document["probes"]:
        assert f"{probe['run_dir']}/result.json" in signed
    assert said[0].startswith("probe 1: 26 fps for 20 s, looking for the range; about ")
    assert sum("left, this probe included" in line for line in said) == len(document["probes"])
