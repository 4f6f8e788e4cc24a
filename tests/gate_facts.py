"""Facts about a release for which the default policy passes, so that a test states only what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass, replace
from typing import Any

from builders import make_limit, make_plan
from hilrig.core.approval import Approval
from hilrig.core.compat import CompatFinding, CompatReport, CompatStep, ModelFormat
from hilrig.core.fault import FaultKind, FaultSeen, FaultSpec
from hilrig.core.gate_facts import (
    BundleFacts,
    DocumentFacts,
    Facts,
    LogFacts,
    RehearsalFacts,
    RolloutFacts,
    RunFacts,
)
from hilrig.core.gate_manifest import EvidenceEntry, EvidenceKind, GateManifest, SourceState
from hilrig.core.golden import GoldenReport
from hilrig.core.power_loss import SOUND_STORE, Calibration, Depth, DepthResult, PowerLossResult
from hilrig.core.profile import BackendSpec, Limit
from hilrig.core.release import ReleaseFile, ReleaseManifest
from hilrig.core.verdict import Check, CheckStatus, Measurement
from hilrig.gate.checks.logs import STANDARD_KEYS
from hilrig.gate.checks.runs import CPU_PROVIDER
from hilrig.gate.claims import claims_of
from hilrig.gate.golden_score import label_score
from hilrig.target.model_files import bundle_sha256
from signed_runs import make_judgement, make_result, make_temperature

CLASS = "x86-cpu"
NOW_NS = 1_795_320_000 * 1_000_000_000  # 2026-11-22T04:00:00Z
MODEL_SHA = "c4" * 32
FILES = {"model.onnx": MODEL_SHA}
PIPELINE_SHA = "9f" * 32
PROFILE_SHA = "5e" * 32
SOAK_PROFILE_SHA = "5f" * 32
RELEASE_SHA = "aa" * 32
MANIFEST_SHA = "bb" * 32
SHORT, SOAK, DRILL = "runs/short", "runs/soak", "runs/drill"
KINDS = (FaultKind.MODEL_CORRUPT, FaultKind.NO_PERMISSION, FaultKind.CAMERA_STOPS, FaultKind.DISK_FULL)
SOAK_LIMITS = (
    make_limit("resources.host_memory_growth_max_mb_per_hour", "host_memory_growth_mib_per_h", 8.0, "MiB/h"),
    make_limit("resources.watchdog_reset_allowed", "watchdog_resets", 0.0, "events"),
    make_limit("resources.thermal_throttle_allowed", "thermal_throttle_events", 0.0, "events"),
)


def put(noun: Any, path: str, value: Any) -> Any:
    """Return `noun` with the value at `a.0.b` replaced; a mapping's key and a tuple's index are parts like any."""
    first, _, rest = path.partition(".")
    if isinstance(noun, Mapping):
        return {**noun, first: put(noun[first], rest, value) if rest else value}
    if isinstance(noun, tuple):
        index = int(first)
        return (*noun[:index], put(noun[index], rest, value) if rest else value, *noun[index + 1 :])
    assert is_dataclass(noun), f"nothing at {path}"
    return replace(noun, **{first: put(getattr(noun, first), rest, value) if rest else value})  # type: ignore[type-var]


def passing_facts(*, device_class: str = CLASS, **changes: Any) -> Facts:
    """Return facts for which the default policy passes; `changes` replace fields."""
    runs = (
        make_run(SHORT, device_class=device_class),
        make_run(SOAK, device_class=device_class, hours=2.5, profile_sha256=SOAK_PROFILE_SHA, limits=SOAK_LIMITS),
        make_run(DRILL, device_class=device_class, kinds=KINDS, network=False, profile_sha256="60" * 32),
    )
    manifest = make_manifest(runs)
    facts = Facts(
        device_class=device_class,
        now_ns=NOW_NS,
        manifest=manifest,
        manifest_sha256=MANIFEST_SHA,
        release=make_release(runs[0], device_class),
        release_sha256=RELEASE_SHA,
        model_files_sha256=FILES,
        pipeline_sha256=PIPELINE_SHA,
        runs=runs,
        compatibility=make_compatibility(device_class),
        golden=make_golden(device_class),
        golden_before=None,
        power_loss=(make_power_loss(),),
        logs=(
            LogFacts(path="node.log", keys=frozenset(STANDARD_KEYS), n_lines=900, n_broken=0, mib_per_hour=1.5),
        ),
        rehearsals=(
            RehearsalFacts(
                path="journal.jsonl",
                activated=(RELEASE_SHA,),
                confirmed=(RELEASE_SHA,),
                rolled_back={RELEASE_SHA: "by hand"},
            ),
        ),
        rollout=RolloutFacts(
            path="desired.dsse.json",
            release_sha256=RELEASE_SHA,
            mode="canary",
            canary_nodes=("cell-1", "cell-2"),
            n_guardrails=2,
            window_s=600.0,
        ),
        bundle=BundleFacts(
            path="bundle.zip", bundle_sha256=manifest.bundle_sha256, pipeline_sha256=PIPELINE_SHA, n_inputs=8
        ),
        documents=(
            DocumentFacts(path="on-call.md", topic="on-call", n_bytes=500, age_days=10.0),
            DocumentFacts(path="symptom-guide.md", topic="symptom-guide", n_bytes=900, age_days=200.0),
        ),
        source=manifest.source,
        secrets=(),
        undocumented_codes=(),
        triggers=frozenset(),
        approvals=(),
    )
    return replace(facts, **changes)


def make_run(
    path: str,
    *,
    device_class: str = CLASS,
    hours: float = 1 / 6,
    profile_sha256: str = PROFILE_SHA,
    limits: Sequence[Limit] = (),
    kinds: Sequence[FaultKind] = (),
    network: bool = True,
) -> RunFacts:
    """Return a verified run that passed, with its limits and faults held."""
    plan = make_plan(n_measured=round(hours * 3600 * 30))
    faults = tuple(map(_fault, kinds))
    plan = replace(
        plan,
        run_id=f"run-{path.rpartition('/')[2]}",
        device_class=device_class,
        model_files_sha256=FILES,
        model_bundle_sha256=bundle_sha256(FILES),
        pipeline_sha256=PIPELINE_SHA,
        profile_sha256=profile_sha256,
        limits=(*plan.limits, *limits),
        faults=faults,
        pipeline=replace(plan.pipeline, backend=BackendSpec(name="onnx", options={"providers": [CPU_PROVIDER]})),
        tuning=replace(plan.tuning, network=network),
    )
    n_frames = float(plan.n_measured_frames)
    judgement = make_judgement(
        measured={"duration_min": hours * 60, "frames_offered": n_frames, "frames_decided": n_frames},
        channels=(replace(make_temperature("cpu", 60.0), key="process.cpu.time{cpu.mode=user}"),),
        faults=tuple(map(_seen, faults)),
    )
    held = (*(_held(limit.check_id, limit.limit) for limit in limits), *_fault_checks(faults))
    result = make_result(
        replace(judgement, checks=(*judgement.checks, *held)),
        run_id=plan.run_id,
        device_class=device_class,
        profile_sha256=profile_sha256,
        model_bundle_sha256=plan.model_bundle_sha256,
        started_at_utc="2026-11-20T21:00:04.000000Z",
        ended_at_utc="2026-11-20T23:40:21.000000Z",
    )
    return RunFacts(
        path=path, result=result, plan=plan, attestation_sha256="7a" * 32, key_fingerprint="SHA256:rig-key"
    )


def make_manifest(runs: Sequence[RunFacts]) -> GateManifest:
    """Return a manifest whose claims are those of its runs."""
    claims = claims_of([run.result for run in runs], verified=True)
    return GateManifest(
        model_sha256=MODEL_SHA,
        runtime=claims.runtime,
        devices_tested=claims.devices_tested,
        benchmarks=claims.benchmarks,
        signing=claims.signing,
        soak_test_hours=claims.soak_test_hours,
        name="weld-station",
        version="1.4.0",
        sequence=7,
        created_at_utc="2026-11-21T05:00:00Z",
        config_version=PIPELINE_SHA[:12],
        bundle_sha256=bundle_sha256(FILES),
        model_files_sha256=FILES,
        pipeline_sha256=PIPELINE_SHA,
        profile_sha256=PROFILE_SHA,
        source=SourceState(commit="d0" * 20, tag="v1.4.0", lock_sha256="10" * 32),
        previous_sha256="",
        evidence=tuple(
            EvidenceEntry(
                path=run.path, kind=EvidenceKind.RUN, sha256="ee" * 32, device_class=run.result.device_class
            )
            for run in runs
        ),
    )


def make_release(run: RunFacts, device_class: str = CLASS) -> ReleaseManifest:
    """Return release.json of the model that a run measured."""
    return ReleaseManifest(
        name="weld-station",
        version="1.4.0",
        sequence=7,
        config_version=PIPELINE_SHA[:12],
        device_classes=(device_class,),
        stack_sha256="",
        model=run.plan.model,
        pipeline=run.plan.pipeline,
        files=(
            ReleaseFile(path="model.onnx", sha256=MODEL_SHA, size_bytes=5 << 20),
            ReleaseFile(path="golden/input.bin", sha256="9a" * 32, size_bytes=3 << 20),
        ),
        bundle_sha256=bundle_sha256(FILES),
    )


def make_compatibility(device_class: str = CLASS) -> CompatReport:
    """Return a report in which one class fits and another is blocked."""
    return CompatReport(
        hilrig_version="0.1.0",
        made_at_utc="2026-11-20T20:00:00Z",
        bundle_sha256=bundle_sha256(FILES),
        model_files_sha256=FILES,
        model_format=ModelFormat(ir_version=9, opsets={"": 17}),
        matrix_sha256="3a" * 32,
        classes=(device_class, "jetson-nano-4gb"),
        blocked={"jetson-nano-4gb": "its memory is too small"},
        findings=tuple(
            CompatFinding(device_class=device_class, step=step, status=CheckStatus.PASS, sentence="It fits.")
            for step in CompatStep
        ),
    )


def make_golden(device_class: str = CLASS) -> GoldenReport:
    """Return a golden report of 320 frames, two labels and two limits."""
    scores = tuple(
        label_score(label, hits=96, false_alarms=2, true_negatives=220, misses=2)
        for label in ("porosity", "crack")
    )
    return GoldenReport(
        hilrig_version="0.1.0",
        made_at_utc="2026-11-20T20:30:00Z",
        profile_name="weld-station",
        profile_sha256=PROFILE_SHA,
        device_class=device_class,
        bundle_sha256=bundle_sha256(FILES),
        model_files_sha256=FILES,
        pipeline_sha256=PIPELINE_SHA,
        set_sha256="4b" * 32,
        against_sha256="",
        n_frames=320,
        n_not_decided=0,
        labels=scores,
        checks=tuple(
            replace(_held(f"golden.{one.label}.min_recall", 0.9), comparator=">=", observed=0.95) for one in scores
        ),
        status=CheckStatus.PASS,
    )


def make_power_loss() -> PowerLossResult:
    """Return a test of two depths that told a wrong store from a sound one and found nothing wrong."""
    known = (
        Calibration(store=SOUND_STORE, n_states=90, n_caught=0),
        Calibration(store="in place", n_states=90, n_caught=12),
    )
    required = (Depth.FILE_CALLS, Depth.KILL)
    return PowerLossResult(
        subject="hilrig node",
        seed=1,
        required=required,
        depths=tuple(
            DepthResult(depth=depth, ran=True, n_states=200, counts={"new_complete": 200}, calibrations=known)
            for depth in required
        ),
    )


def make_approval(role: str = "quality", *, key: str = "SHA256:anna", **changes: Any) -> Approval:
    """Return an approval of the manifest that holds for another month."""
    approval = Approval(
        manifest_sha256=MANIFEST_SHA,
        role=role,
        reason="Seen on the line.",
        waives=(),
        issued_at_utc="2026-11-21T12:00:00Z",
        expires_at_utc="2026-12-21T12:00:00Z",
        key_fingerprint=key,
    )
    return replace(approval, **changes)


def make_measurement(metric: str, value: float | None, *, n: int = 100) -> Measurement:
    """Return a number of a run."""
    return Measurement(metric=metric, unit="ms", value=value, n=n)


def _held(check_id: str, limit: float) -> Check:
    return Check(
        check_id=check_id,
        metric="",
        status=CheckStatus.PASS,
        comparator="<=",
        limit=limit,
        unit="",
        source="profile.yaml:60:5",
        observed=0.0,
        observed_text="0",
        lower=None,
        upper=None,
        margin_pct=None,
        n=100,
        minutes_needed=None,
        sentence=f"{check_id} held.",
    )


def _fault(kind: FaultKind) -> FaultSpec:
    return FaultSpec(name=kind.value.replace("_", "-"), kind=kind, at_s=5.0, duration_s=2.0, recovery_max_s=3.0)


def _fault_checks(faults: Sequence[FaultSpec]) -> list[Check]:
    wanted = [(one.recovery_check_id, one.handled_check_id, one.undecided_check_id) for one in faults]
    return [_held(check_id, 3.0) for ids in wanted for check_id in ids if check_id]


def _seen(spec: FaultSpec) -> FaultSeen:
    return FaultSeen(
        name=spec.name,
        kind=spec.kind,
        done="broken",
        expected="no false decision",
        seen="none",
        begin_s=5.0,
        end_s=7.0,
        n_frames=60,
        n_decided=0,
        n_false=0,
        recovery_s=0.1,
        watched_s=20.0,
    )
