"""hilrig.app.finished.baseline: which run others are shown beside, and that it must be a signed PASS."""

import json
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from builders import make_plan
from hilrig.app.finished.baseline import (
    baseline_of,
    find_kept,
    list_baselines,
    resolve_baseline,
    set_baseline,
    unset_baseline,
)
from hilrig.app.folders import baselines_folder
from hilrig.app.run.request import RunRequest
from hilrig.config.noun_json import from_json, to_json
from hilrig.core import files
from hilrig.core.baseline import Baseline
from hilrig.core.clock import ManualClock
from hilrig.core.errors import PreconditionError, RecordError, TrustError, UsageError
from hilrig.core.rig import RigInfo
from hilrig.core.verdict import RunStatus
from signed_runs import Signer, make_judgement, make_result

CLOCK = ManualClock(0)
RIG = RigInfo(
    name="local",
    device_classes=("x86-cpu",),
    boot_id="",
    serial_sha256=None,
    facts={"os": "Debian 12", "packages": {"onnxruntime": "1.31.1"}},
    stack_sha256="77" * 32,
)


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(tmp_path / "keys")


@pytest.fixture
def run_dir(tmp_path: Path, signer: Signer) -> Path:
    return signer.write(tmp_path / "run", make_result())


def make_request(baseline: Path | None = None) -> RunRequest:
    return RunRequest(
        profile=Path(), rig_file=None, reports=Path(), duration_s=None, key=Path(), baseline=baseline
    )


def plan_like_the_run(**changes):
    """Return a plan that differs from the run in `changes` only."""
    plan = make_plan(n_measured=18_000)
    same = make_result()
    alike = replace(
        plan,
        profile_sha256=same.profile_sha256,
        model_bundle_sha256=same.model_bundle_sha256,
        pipeline_sha256=same.pipeline_sha256,
    )
    return replace(alike, **changes)


def test_a_baseline_holds_what_a_report_shows(run_dir, signer):
    """Numbers, verdict, who signed; what differs is filled in when it stands beside a run."""
    baseline = baseline_of(run_dir, [signer.public_key])
    assert (baseline.run_id, baseline.status, baseline.differs) == ("7f3a0001", RunStatus.PASS, ())
    assert baseline.checks == make_judgement().checks
    assert baseline.key_fingerprint == signer.signer.public_key.keyid
    assert from_json(Baseline, to_json(baseline), what="baseline") == baseline


def test_a_set_baseline_outlives_its_run(run_dir, signer):
    """A copy is kept for the profile on the device class, and found for no other."""
    set_baseline(run_dir, keys=[signer.public_key], clock=CLOCK)
    expected = baseline_of(run_dir, [signer.public_key])
    shutil.rmtree(run_dir)
    assert find_kept("weld-station", "x86-cpu").baseline == expected
    assert find_kept("weld-station", "arm64-cpu") is None
    assert find_kept("weld", "x86-cpu") is None


def test_the_one_before_is_returned(run_dir, signer, tmp_path):
    """A person can see what was replaced."""
    other = signer.write(tmp_path / "other", make_result(run_id="later"))
    assert set_baseline(run_dir, keys=[signer.public_key], clock=CLOCK)[1] is None
    kept, before = set_baseline(other, keys=[signer.public_key], clock=CLOCK)
    assert (kept.baseline.run_id, before.baseline.run_id) == ("later", "7f3a0001")
    assert [one.baseline.run_id for one in list_baselines()] == ["later"]


@pytest.mark.parametrize("status", [RunStatus.FAIL, RunStatus.INCONCLUSIVE])
def test_only_a_pass_can_be_set(tmp_path, signer, status):
    """Others would be held against what nobody may release; the message has the verdict's sentence."""
    run_dir = signer.write(tmp_path / "bad", make_result(make_judgement(status=status)))
    with pytest.raises(PreconditionError, match=f"is a {status.value}: only a PASS"):
        set_baseline(run_dir, keys=[signer.public_key], clock=CLOCK)
    assert list_baselines() == []


def test_an_unsigned_word_is_not_believed(run_dir, signer, tmp_path):
    """Neither a stranger's run nor a changed one."""
    stranger = Signer(tmp_path / "others", name="stranger")
    with pytest.raises(TrustError, match="unknown key"):
        set_baseline(run_dir, keys=[stranger.public_key], clock=CLOCK)
    (run_dir / files.RESULT).write_bytes((run_dir / files.RESULT).read_bytes() + b" ")
    with pytest.raises(TrustError, match="not the one that was signed"):
        set_baseline(run_dir, keys=[signer.public_key], clock=CLOCK)
    assert list_baselines() == []


def test_a_name_that_would_leave_the_folder_is_refused(tmp_path, signer):
    """The result is signed, but who signs may be careless."""
    run_dir = signer.write(tmp_path / "run", make_result(profile_name="../../etc/passwd"))
    with pytest.raises(RecordError, match="a profile's name should match"):
        set_baseline(run_dir, keys=[signer.public_key], clock=CLOCK)


def test_unset_forgets_one(run_dir, signer, tmp_path):
    """Where the profile has two, the class has to be named; what is not there is an error of use."""
    jetson = signer.write(tmp_path / "jetson", make_result(device_class="jetson-orin-nx-16gb"))
    for path in (run_dir, jetson):
        set_baseline(path, keys=[signer.public_key], clock=CLOCK)
    with pytest.raises(UsageError, match="has a baseline on jetson-orin-nx-16gb and on x86-cpu"):
        unset_baseline("weld-station")
    assert unset_baseline("weld-station", "x86-cpu") == ("weld-station", "x86-cpu")
    assert unset_baseline("weld-station") == ("weld-station", "jetson-orin-nx-16gb")
    for device_class in (None, "x86-cpu"):
        with pytest.raises(UsageError, match="has no baseline"):
            unset_baseline("weld-station", device_class)


def test_a_damaged_baseline_is_told_and_can_be_forgotten(run_dir, signer):
    """Never passed over in silence: the report would show no baseline where one is set."""
    set_baseline(run_dir, keys=[signer.public_key], clock=CLOCK)
    (path,) = baselines_folder().iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    for look in (list_baselines, lambda: find_kept("weld-station", "x86-cpu")):
        with pytest.raises(RecordError) as caught:
            look()
        assert "hilrig baseline unset weld-station --device-class x86-cpu" in caught.value.hint
    unset_baseline("weld-station")
    assert list_baselines() == []


def test_a_baseline_under_another_name_is_refused(run_dir, signer):
    """A file that was copied by hand must not speak for another class."""
    set_baseline(run_dir, keys=[signer.public_key], clock=CLOCK)
    (path,) = baselines_folder().iterdir()
    path.rename(path.with_name("weld-station@arm64-cpu.json"))
    with pytest.raises(RecordError, match="of another profile or device class"):
        find_kept("weld-station", "arm64-cpu")


def test_a_run_is_shown_beside_the_one_that_is_set(run_dir, signer):
    """The model may be another: that is what a baseline is for. Nothing else differs."""
    set_baseline(run_dir, keys=[signer.public_key], clock=CLOCK)
    plan = plan_like_the_run(model_bundle_sha256="0" * 64)
    found = resolve_baseline(make_request(), plan, RIG, keys=[])
    assert (found.run_id, found.differs) == ("7f3a0001", ())
    assert resolve_baseline(make_request(), replace(plan, profile_name="other"), RIG, keys=[]) is None


def test_what_else_differs_is_said(run_dir, signer):
    """Rate, rig, stack, version, from the baseline's to the run's."""
    set_baseline(run_dir, keys=[signer.public_key], clock=CLOCK)
    period_ns = Fraction(10**9, 60)
    plan = plan_like_the_run(
        rig="bench-2",
        hilrig_version="0.2.0",
        period_numerator_ns=period_ns.numerator,
        period_denominator=period_ns.denominator,
        n_measured_frames=36_000,
    )
    rig = replace(RIG, stack_sha256="00" * 32, facts={**RIG.facts, "os": "Debian 13"})
    found = resolve_baseline(make_request(), plan, rig, keys=[])
    assert found.differs == (
        "frame rate 30 fps -> 60 fps",
        "rig local -> bench-2",
        "stack 77777777..77 -> 00000000..00 (os Debian 12 -> Debian 13)",
        "hilrig 0.1.0 -> 0.2.0",
    )


def test_a_named_run_comes_before_the_one_that_is_set(run_dir, signer, tmp_path):
    """Whatever its verdict: the report says it. It has to be signed by a known key."""
    set_baseline(run_dir, keys=[signer.public_key], clock=CLOCK)
    named = signer.write(tmp_path / "named", make_result(make_judgement(status=RunStatus.FAIL), run_id="named"))
    found = resolve_baseline(make_request(named), plan_like_the_run(), RIG, keys=[signer.public_key])
    assert (found.run_id, found.status) == ("named", RunStatus.FAIL)
    with pytest.raises(TrustError, match="unknown key"):
        resolve_baseline(make_request(named), plan_like_the_run(), RIG, keys=[])


def test_baselines_are_private_json(run_dir, signer):
    """One readable file for each; nobody else looks into the folder."""
    set_baseline(run_dir, keys=[signer.public_key], clock=CLOCK)
    (path,) = baselines_folder().iterdir()
    assert path.name == "weld-station@x86-cpu.json"
    assert json.loads(path.read_bytes())["baseline"]["run_id"] == "7f3a0001"
    assert baselines_folder().stat().st_mode & 0o777 == 0o700
