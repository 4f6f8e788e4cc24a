"""hilrig.app.search.interleaved: a whole comparison, over runs that are computed instead of waited for."""

import json
from pathlib import Path

import pytest

from builders import P99, make_frames, make_plan
from computed_runs import leave_run
from hilrig.app.run.request import RunRequest
from hilrig.app.run.run import Finished
from hilrig.app.search import session as search_session
from hilrig.app.search.interleaved import CompareRequest, compare_interleaved
from hilrig.attest.envelope import verify_envelope
from hilrig.attest.keys import create_key, load_public_keys
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import ManualClock
from hilrig.core.search import Side
from searches import FIVE_PCT
from stations import write_station

LATENCY_MS = {"champion": 10.0, "challenger": 14.0}


def computed_run(request: RunRequest, *, on_status) -> Finished:
    """Return what a run leaves behind whose frames all take the time of its pipeline."""
    plan = make_plan(n_measured=600, n_warmup=0, limits=[P99])
    return leave_run(request, plan, make_frames(plan, latency_ms=LATENCY_MS[request.profile.name]))


@pytest.fixture
def compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a comparison of two pairs, and the lines that it said."""
    for name in LATENCY_MS:
        write_station(tmp_path / name, name=name)
    create_key(tmp_path / "keys", "rig", passphrase=None)
    monkeypatch.setattr(search_session, "run", computed_run)
    run = RunRequest(
        profile=tmp_path / "champion",
        rig_file=None,
        reports=tmp_path / "reports",
        duration_s=None,
        key=tmp_path / "keys" / "rig.pem",
    )
    request = CompareRequest(run=run, challenger=tmp_path / "challenger", n_pairs=2, block_s=20.0, margin=FIVE_PCT)
    said: list[str] = []
    done = compare_interleaved(request, clock=ManualClock(), on_status=lambda _: None, on_block=said.append)
    return done, said


def test_pairs_are_run_in_turns(compared) -> None:
    """A B, then B A: what warms up the rig between two blocks meets each side once."""
    done, said = compared
    runs = sorted(path.name for path in (done.folder / "runs").iterdir())
    assert runs == ["01-champion", "02-challenger", "03-challenger", "04-champion"]
    assert [pair.first for pair in done.comparison.pairs] == [Side.CHAMPION, Side.CHALLENGER]
    assert sum("left" in line for line in said) == 4


def test_two_pairs_are_too_few_for_a_verdict(compared) -> None:
    """Four milliseconds are seen; without a bound they are no verdict, and more pairs are asked for."""
    comparison = compared[0].comparison
    assert (comparison.verdict.value, comparison.exit_code) == ("INCONCLUSIVE", 11)
    assert comparison.estimate.value_ms == pytest.approx(4.0)
    assert comparison.pairs_needed > 0


def test_the_signature_covers_the_document_and_each_block(compared) -> None:
    """compare.json says what was found; it, the page and each block's result are signed."""
    folder = compared[0].folder
    document = json.loads((folder / "compare.json").read_bytes())
    assert document["challenger"]["profile_name"] == "challenger"
    keys = load_public_keys([folder.parents[1] / "keys" / "rig.pub"])
    signed = verify_envelope((folder / "views.dsse.json").read_bytes(), keys).statement.subjects
    assert {"compare.json", "compare.html"} < signed.keys()
    assert len(signed) == 2 + 2 * 4
    for name, digest in signed.items():
        assert sha256_hex((folder / name).read_bytes()) == digest, name
