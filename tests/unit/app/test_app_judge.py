"""hilrig.app.judge: other limits over the same evidence, in a directory that verifies like any run's."""

import json
import re
import shutil
from pathlib import Path

import pytest

from accelerator_proofs import make_proof
from finished_soaks import leave_out_the_picture
from hilrig.app.finished.conclude import conclude, read_evidence
from hilrig.app.finished.verify import verify
from hilrig.app.judge import judge_again
from hilrig.attest.keys import create_key, load_signer
from hilrig.config.noun_json import to_json
from hilrig.config.plan_file import load_plan
from hilrig.core import files
from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.core.clock import ManualClock
from hilrig.core.errors import ConfigError, HilrigError, PreconditionError, RecordError, TrustError, UsageError
from hilrig.core.judged_from import JudgedFrom
from hilrig.core.result import Result
from hilrig.core.verdict import RunStatus
from hilrig.record.finish import finish
from hilrig.record.listing import list_runs

OLD = Path(__file__).parents[2] / "golden" / "run_format_1"
RUN_ID = "aace57b5"
RUN_DIR = Path("runs") / f"20261121T083350Z-old-station-{RUN_ID}"


class Bench:
    """A finished run, a key of its own, and profiles that differ from the run's in one place."""

    def __init__(self, folder: Path, result: Result) -> None:
        self.folder = folder
        self.reports = folder / "reports"
        self.public_key = folder / "keys" / "rig.pub"
        self.signer = load_signer(folder / "keys" / "rig.pem", passphrase=None)
        self.run_dir = folder / RUN_DIR
        self.result = result

    def profile(self, *changes: tuple[str, str]) -> Path:
        """Return a profile folder: the run's own, with texts replaced."""
        folder = self.folder / "station"
        folder.mkdir(exist_ok=True)
        text = (self.run_dir / files.PROFILE).read_text()
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (folder / files.PROFILE).write_text(text)
        return folder

    def judge(self, *changes: tuple[str, str], run_dir: Path | None = None):
        """Judge the run by its profile with texts replaced."""
        return judge_again(
            run_dir or self.run_dir,
            self.profile(*changes),
            reports=self.reports,
            signer=self.signer,
            keys=[self.public_key],
            clock=ManualClock(1_800_000_000_000_000_000),
        )

    def refused(self, error: type[HilrigError], match: str, *changes: tuple[str, str]) -> HilrigError:
        """Expect a refusal that leaves nothing behind; return it."""
        with pytest.raises(error, match=match) as caught:
            self.judge(*changes)
        assert not self.reports.exists() or not list(self.reports.iterdir())
        return caught.value


@pytest.fixture(scope="module")
def concluded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Return a folder with a key and a run that it signed, and the run's result: each test has a copy."""
    folder = tmp_path_factory.mktemp("concluded")
    create_key(folder / "keys", "rig", passphrase=None)
    run_dir = folder / RUN_DIR
    shutil.copytree(OLD, run_dir)
    for name in (files.RESULT, files.ATTESTATION):
        (run_dir / name).unlink()
    finish(run_dir)
    return folder, conclude(run_dir, load_signer(folder / "keys" / "rig.pem", passphrase=None))


@pytest.fixture
def bench(concluded: tuple[Path, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    leave_out_the_picture(monkeypatch)
    folder, result = concluded
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return Bench(tmp_path, result)


def statuses(result: Result) -> dict[str, str]:
    return {check.check_id: check.status.value for check in result.judgement.checks}


def test_a_tighter_limit_turns_the_same_evidence_into_a_fail(bench):
    """The run passed with 40 ms; the same frames are too slow for 1 ms, and the directory proves it."""
    done = bench.judge(("p99_max_ms: 40", "p99_max_ms: 1"))
    assert bench.result.judgement.status is RunStatus.PASS
    assert done.result.judgement.status is RunStatus.FAIL
    assert statuses(done.result)["latency.p99_max_ms"] == "FAIL"
    verified = verify(done.run_dir, keys=[bench.public_key])
    assert verified.ok, verified.findings
    assert verified.result is not None
    assert verified.result.judgement == done.result.judgement


def test_the_new_directory_says_where_its_evidence_is_from(bench):
    """A new id and the new profile's digest; the old run's id, profile, result and time."""
    done = bench.judge(("name: old-station", "name: new-station"), ("p99_max_ms: 40", "p99_max_ms: 30"))
    plan = load_plan((done.run_dir / files.PLAN).read_bytes())
    result_sha256 = sha256_hex((bench.run_dir / files.RESULT).read_bytes())
    expected = JudgedFrom(run_id=RUN_ID, profile_sha256=bench.result.profile_sha256, result_sha256=result_sha256)
    assert plan.judged_from == done.source == expected
    assert plan.run_id not in (RUN_ID, "")
    assert plan.profile_sha256 == sha256_hex((done.run_dir / files.PROFILE).read_bytes())
    assert (plan.profile_name, done.result.profile_name) == ("new-station", "new-station")
    assert done.result.started_at_utc == bench.result.started_at_utc
    assert re.fullmatch(rf"\d{{8}}T\d{{6}}Z-new-station-{plan.run_id}", done.run_dir.name)
    assert RUN_ID in done.sentence
    assert plan.profile_sha256 in done.sentence


def test_the_source_stays_as_it_is(bench):
    """Judging again reads: the old directory verifies as before, and only one new one is made."""
    before = {path.name: path.read_bytes() for path in bench.run_dir.iterdir()}
    done = bench.judge(("p99_max_ms: 40", "p99_max_ms: 30"))
    assert {path.name: path.read_bytes() for path in bench.run_dir.iterdir()} == before
    assert list(bench.reports.iterdir()) == [done.run_dir]


def test_the_evidence_is_the_same_to_the_byte(bench):
    """Everything but profile and plan is a copy."""
    done = bench.judge(("p99_max_ms: 40", "p99_max_ms: 30"))
    old, new = dict(bench.result.files), dict(done.result.files)
    for name in (files.PROFILE, files.PLAN):
        assert old.pop(name) != new.pop(name)
    assert new == old


def test_the_proof_of_an_accelerator_comes_along(bench):
    """Evidence that only runs on an accelerator have is copied, held against its digest and judged."""
    proof = make_proof()
    (bench.run_dir / files.RESULT).unlink()
    (bench.run_dir / files.ACCELERATOR).write_bytes(to_json(proof))
    conclude(bench.run_dir, bench.signer)
    done = bench.judge(("p99_max_ms: 40", "p99_max_ms: 30"))
    assert read_evidence(done.run_dir).accelerator == proof
    assert done.result.files[files.ACCELERATOR] == sha256_hex(to_json(proof))


def test_the_same_profile_is_judged_again_by_a_newer_hilrig(bench):
    """Nothing has to differ: the verdict on an old run may be wanted from a version that sees more."""
    done = bench.judge()
    assert done.result.judgement.status is RunStatus.PASS
    assert done.result.profile_sha256 == bench.result.profile_sha256


def test_a_run_judged_again_can_be_judged_again(bench):
    """Each directory names the one that it was made from: the chain is kept."""
    first = bench.judge(("p99_max_ms: 40", "p99_max_ms: 1"))
    second = bench.judge(run_dir=first.run_dir)
    assert second.source.run_id == first.result.run_id
    assert second.source.result_sha256 == sha256_hex((first.run_dir / files.RESULT).read_bytes())
    assert verify(second.run_dir, keys=[bench.public_key]).ok


def test_a_longer_duration_is_a_limit_like_others(bench):
    """Six seconds do not satisfy ten minutes: INCONCLUSIVE, not refused."""
    done = bench.judge(("duration_minutes: 0.1", "duration_minutes: 10"))
    assert statuses(done.result)["latency.duration_minutes"] == "INCONCLUSIVE"


def test_a_metric_that_was_not_measured_blocks(bench):
    """A limit on what the old run's rig could not see is NOT_MEASURED: missing is not zero."""
    gpu = ("  frames: {", "  resources: {gpu_memory_max_mb: 100}\n  frames: {")
    done = bench.judge(gpu)
    assert statuses(done.result)["resources.gpu_memory_max_mb"] == "NOT_MEASURED"
    assert done.result.judgement.status is RunStatus.INCONCLUSIVE


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("frame_rate_fps: 100", "frame_rate_fps: 50"), "frame_rate_fps: it measured 100 .* asks for 50 "),
        (("files: []", f"files: []\n  bundle_sha256: {'f' * 64}"), "model.bundle_sha256: it measured e3b0c4"),
        (("spatter]", "slag]\n"), "model.labels"),
        (("crack: 0.5", "crack: 0.6"), "pipeline.decide.thresholds.crack: it measured 0.5, .* asks for 0.6"),
        (("service_ms: 2", "service_ms: 3"), "pipeline.backend.options.service_ms"),
        (("color_order: rgb", "color_order: bgr"), "pipeline.preprocess.color_order: it measured rgb"),
        (("pool_frames: 4", "pool_frames: 5"), "feed.pool_frames"),
        (("pool_frames: 4", "pool_frames: 4, fresh_every: 10"), "feed.fresh_every: it measured 0"),
        (("seed: 1", "seed: 2"), "feed.options.seed"),
        (("depth: 4", "depth: 8"), "queue.depth"),
        (("drop_oldest", "drop_newest"), "queue.on_full: it measured drop_oldest, .* asks for drop_newest"),
        (("warmup_s: 0.2", "warmup_s: 2"), "run.warmup_s: it measured 20 frames, .* asks for 200 "),
        (("telemetry_period_ms: 100", "telemetry_period_ms: 50"), "run.telemetry_period_ms"),
        (("telemetry_period_ms: 100", "telemetry_period_ms: 100, worker_cpus: [1]"), "run.worker_cpus"),
        (("run: {", "arrivals: {model: jitter, jitter_ms: 2}\nrun: {"), "arrivals.model: it measured fixed"),
        (("[x86-cpu, arm64-cpu]", "[jetson-orin-nx-16gb]"), "device_class: it ran on x86-cpu, .*jetson"),
    ],
)
def test_another_measurement_is_refused(bench, change, named):
    """What was not measured cannot be judged: the refusal says what was, and what is asked for."""
    changes = [change]
    if change[1].startswith("slag"):
        changes.append(("spatter: 0.5", "slag: 0.5"))
        changes[0] = ("undercut, spatter]", "undercut, slag]")
    error = bench.refused(PreconditionError, named, *changes)
    assert error.exit_code == 22
    assert "hilrig run" in error.hint


def test_every_difference_is_named_at_once(bench):
    """One refusal, not one after the other."""
    error = bench.refused(PreconditionError, "something else", ("seed: 1", "seed: 2"), ("depth: 4", "depth: 8"))
    assert "feed.options.seed" in error.message
    assert "queue.depth" in error.message


def test_a_trace_of_other_arrivals_is_refused(bench):
    """The trace's file is read beside the new profile: its gaps are part of what was measured."""
    (bench.folder / "station").mkdir()
    (bench.folder / "station" / "line.csv").write_text("0\n10\n20\n30\n")
    arrivals = ("run: {", "arrivals: {model: trace, trace: line.csv}\nrun: {")
    bench.refused(PreconditionError, "arrivals.trace_sha256", arrivals)
    (bench.folder / "station" / "line.csv").unlink()
    bench.refused(ConfigError, "no file 'line.csv'", arrivals)


@pytest.mark.parametrize("name", [files.FRAMES, files.EVENTS, files.PLAN, files.RIG, files.FRAMES_TABLE])
def test_changed_evidence_gets_no_fresh_signature(bench, name):
    """One bit of a file that the result rests on: refused, whatever the file says now."""
    path = bench.run_dir / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert bench.refused(TrustError, f"{re.escape(name)} changed").exit_code == 30


def test_missing_evidence_gets_no_fresh_signature(bench):
    """A file less is a change."""
    (bench.run_dir / files.TELEMETRY).unlink()
    bench.refused(TrustError, "telemetry.arrows is missing")


def test_evidence_that_is_a_link_is_refused(bench):
    """What a link shows now is not what was signed."""
    target = bench.folder / "elsewhere"
    (bench.run_dir / files.EVENTS).rename(target)
    (bench.run_dir / files.EVENTS).symlink_to(target)
    bench.refused(TrustError, "not a regular file")


def test_a_result_that_was_rewritten_with_its_evidence_is_refused(bench):
    """Digests that fit prove nothing when nobody signed them."""
    path = bench.run_dir / files.RESULT
    document = json.loads(path.read_bytes())
    document["rig"] = "another"
    path.write_bytes(canonical_json(document))
    bench.refused(TrustError, "not the one that was signed")


def test_a_run_that_a_stranger_signed_is_refused(bench):
    """The new signature would vouch for evidence that nobody here vouches for."""
    create_key(bench.folder / "keys", "other", passphrase=None)
    bench.public_key = bench.folder / "keys" / "other.pub"
    bench.refused(TrustError, "unknown key")


def test_an_unfinished_run_is_to_be_recovered_first(bench):
    """There is no verdict to replace: the message names the command."""
    (bench.run_dir / files.RESULT).unlink()
    error = bench.refused(PreconditionError, "unfinished")
    assert error.hint == f"hilrig recover {bench.run_dir}"


def test_a_folder_that_is_no_run_is_refused(bench, tmp_path):
    """Neither an empty folder nor a path that leads nowhere."""
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(RecordError):
            bench.judge(run_dir=path)
    assert not bench.reports.exists()


def test_a_profile_that_is_not_there_is_named(bench):
    """A typing error in the profile's path is an error of use."""
    with pytest.raises(UsageError, match="no profile in"):
        judge_again(
            bench.run_dir,
            bench.folder / "nowhere",
            reports=bench.reports,
            signer=bench.signer,
            keys=[bench.public_key],
            clock=ManualClock(0),
        )


def test_nothing_half_made_stays_when_the_disk_is_full(bench, monkeypatch):
    """The directory appears when it is signed, not before."""
    from hilrig.app import judge as subject

    def full(*_):
        assert list_runs(bench.reports, clock=ManualClock(0)) == []
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(subject, "conclude", full)
    bench.refused(RecordError, "No space left")


def test_the_result_on_disk_is_the_one_that_was_returned(bench):
    """Views, exit code and file cannot disagree."""
    done = bench.judge(("p99_max_ms: 40", "p99_max_ms: 1"))
    assert (done.run_dir / files.RESULT).read_bytes() == to_json(done.result)
    assert done.result.exit_code == 10
