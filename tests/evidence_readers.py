"""The readers of evidence and manifest, which nobody signed: whatever lies there, they refuse or they read."""

import tempfile
from pathlib import Path
from typing import Any

from hilrig.app.gate.manifest import read_manifest
from hilrig.config.noun_json import from_json, to_json
from hilrig.core.errors import RecordError
from hilrig.core.gate_manifest import MANIFEST_FILE, EvidenceEntry, EvidenceKind, GateManifest, SourceState
from hilrig.core.golden import GoldenReport, LabelScore, Rate
from hilrig.core.golden_bundle import Answer, BundleInfo, ExpectedFrame
from hilrig.core.verdict import CheckStatus
from hilrig.gate.bundle_zip import Bundle, pack, unpack
from trust_readers import DIGEST, Reader

MANIFEST = GateManifest(
    model_sha256=DIGEST,
    runtime="onnxruntime-1.17.3",
    devices_tested=("x86-cpu",),
    benchmarks={"x86-cpu": {"p50_ms": 1.5, "p95_ms": 2.0, "p99_ms": 2.5, "peak_ram_mb": None}},
    signing={"verified": True},
    soak_test_hours=2.5,
    name="weld",
    version="1.2",
    sequence=7,
    created_at_utc="2026-11-22T04:00:00Z",
    config_version="c1",
    bundle_sha256="b" * 64,
    model_files_sha256={"model.onnx": DIGEST},
    pipeline_sha256="c" * 64,
    profile_sha256="d" * 64,
    source=SourceState(commit="e" * 40, tag="v1.2", lock_sha256="f" * 64),
    previous_sha256="",
    evidence=(EvidenceEntry(path="run-1", kind=EvidenceKind.RUN, sha256=DIGEST, device_class="x86-cpu"),),
    run_keys=("SHA256:" + "A" * 43,),
)
RATE = Rate(value=0.9, low=0.8, high=0.95, n=60)
REPORT = GoldenReport(
    hilrig_version="0.1.0",
    made_at_utc="2026-11-22T04:00:00Z",
    profile_name="weld",
    profile_sha256="d" * 64,
    device_class="x86-cpu",
    bundle_sha256="b" * 64,
    model_files_sha256={"model.onnx": DIGEST},
    pipeline_sha256="c" * 64,
    set_sha256=DIGEST,
    against_sha256="",
    n_frames=60,
    n_not_decided=0,
    labels=(
        LabelScore(
            label="crack",
            true_positives=54,
            false_positives=1,
            true_negatives=0,
            false_negatives=5,
            precision=RATE,
            recall=RATE,
            false_reject=None,
        ),
    ),
    checks=(),
    status=CheckStatus.PASS,
)
BUNDLE = Bundle(
    info=BundleInfo(
        profile_name="weld",
        profile_sha256="d" * 64,
        device_class="x86-cpu",
        bundle_sha256="b" * 64,
        pipeline_sha256="c" * 64,
        set_sha256=DIGEST,
        versions={"onnxruntime": "1.31.1"},
        thresholds={"crack": 0.5},
        tolerance=0.001,
        files_sha256={},
    ),
    expected=(
        ExpectedFrame(
            name="inputs/000.png",
            index=3,
            why=("darkest",),
            width_px=2,
            height_px=2,
            pixels_sha256=DIGEST,
            truth=("crack",),
            answer=Answer(found=("crack",), scores={"crack": 0.9}, score=0.9),
        ),
    ),
    inputs={"inputs/000.png": b"no picture: the zip's reader does not look into it"},
    log=b'{"event":"service.serving"}\n',
)


def _manifest(data: bytes) -> GateManifest:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        (Path(folder) / MANIFEST_FILE).write_bytes(data)
        return read_manifest(Path(folder))[0]


def _report(data: bytes) -> Any:
    return from_json(GoldenReport, data, what="golden.json")


RELEASE_MANIFEST = Reader(
    name="release_manifest",
    read=_manifest,
    write=to_json,
    seeds=(to_json(MANIFEST),),
)
GOLDEN = Reader(
    name="golden",
    read=_report,
    write=to_json,
    seeds=(to_json(REPORT),),
    refusal=RecordError,
    is_exact=False,
)
DIAGNOSTIC_BUNDLE = Reader(
    name="diagnostic_bundle",
    read=lambda data: unpack(data, what="bundle.zip"),
    write=pack,
    seeds=(pack(BUNDLE),),
    refusal=RecordError,
)
EVIDENCE_READERS = (RELEASE_MANIFEST, GOLDEN, DIAGNOSTIC_BUNDLE)
