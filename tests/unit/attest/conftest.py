"""One judged run, one key, one signed run directory: all in memory."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from hilrig.attest.envelope import sign, to_sigstore_bundle
from hilrig.attest.public_key import PublicKey, accept_public_key
from hilrig.attest.result_statement import build_result_statement, build_views_statement
from hilrig.core import files
from hilrig.core.canonical import canonical_json, sha256_hex
from hilrig.core.result import RESULT_SCHEMA, Result
from hilrig.core.verdict import Check, CheckStatus, Judgement, RunStatus, SelfCheck

Signing = tuple[CryptoSigner, PublicKey]
RunFiles = dict[str, bytes]


def _signing(private) -> Signing:
    key = accept_public_key(private.public_key(), name="test key")
    return CryptoSigner(private, key.sslib), key


@pytest.fixture(scope="session")
def rig_key() -> Signing:
    return _signing(generate_private_key(SECP256R1()))


@pytest.fixture(scope="session")
def other_key() -> Signing:
    return _signing(generate_private_key(SECP256R1()))


@pytest.fixture(scope="session")
def ed25519_key() -> Signing:
    return _signing(Ed25519PrivateKey.generate())


def _check(check_id: str, status: CheckStatus) -> Check:
    return Check(
        check_id=check_id,
        metric="latency_p99_ms",
        status=status,
        comparator="<=",
        limit=45.0,
        unit="ms",
        source="profile.yaml:14:5",
        observed=25.9,
        observed_text="25.9 ms",
        lower=25.1,
        upper=None,
        margin_pct=42.4,
        n=1800,
        minutes_needed=None,
        sentence="p99 latency is 25.9 ms, the limit is 45 ms",
    )


def _self_check(check_id: str, *, ok: bool) -> SelfCheck:
    return SelfCheck(check_id=check_id, ok=ok, observed_text="1", limit_text="2", sentence="s", advice="a")


@pytest.fixture(scope="session")
def make_result() -> Callable[..., Result]:
    """Return a factory of results; by default a PASS with one check and one self-check."""

    def make(
        *,
        checks: Mapping[str, CheckStatus] | None = None,
        self_checks: Mapping[str, bool] | None = None,
        status: RunStatus = RunStatus.PASS,
        evidence: Mapping[str, str] | None = None,
        **changes,
    ) -> Result:
        judgement = Judgement(
            status=status,
            sentence="The model may go to the line: 1 of 1 limits held.",
            checks=tuple(_check(*item) for item in (checks or {"latency.p99_max_ms": CheckStatus.PASS}).items()),
            self_checks=tuple(_self_check(i, ok=ok) for i, ok in (self_checks or {"feeder.late": True}).items()),
            measurements=(),
            detection=(),
            worst_frames=(),
            latency_series=(),
            channels=(),
        )
        result = Result(
            schema=RESULT_SCHEMA,
            run_id="20260101T060000Z-weld-station-a1b2c3",
            hilrig_version="0.1.0",
            started_at_utc="2026-01-01T06:00:00Z",
            ended_at_utc="2026-01-01T06:01:05Z",
            ended="completed",
            ended_reason="all frames were offered",
            exit_code=int(status.exit_code),
            profile_name="weld-station",
            profile_sha256="1" * 64,
            rig="local",
            device_class="x86-cpu",
            rig_info={"stack_sha256": "2" * 64, "facts": {"governor": None}},
            model_bundle_sha256="3" * 64,
            model_files_sha256={"model.onnx": "4" * 64, "weights/part.bin": "5" * 64},
            pipeline_sha256="6" * 64,
            feed="synthetic",
            n_warmup_frames_cut=150,
            judgement=judgement,
            files=evidence or {name: sha256_hex(name.encode()) for name in files.EVIDENCE_FILES},
        )
        return replace(result, **changes)

    return make


@pytest.fixture(scope="session")
def make_run(make_result, rig_key) -> Callable[..., RunFiles]:
    """Return a factory of whole signed run directories, as bytes by name."""

    def make(
        *, signer: CryptoSigner | None = None, views_signer: CryptoSigner | None = None, **changes
    ) -> RunFiles:
        signer = signer or rig_key[0]
        evidence = {name: f"content of {name}".encode() for name in files.EVIDENCE_FILES}
        result = make_result(evidence={name: sha256_hex(data) for name, data in evidence.items()}, **changes)
        result_json = canonical_json(asdict(result))
        attestation = sign(build_result_statement(result, result_sha256=sha256_hex(result_json)), signer)
        shown = {name: f"view {name} of {result.run_id}".encode() for name in files.VIEW_FILES}
        shown |= {files.ATTESTATION: attestation, files.SIGSTORE_BUNDLE: to_sigstore_bundle(attestation)}
        statement = build_views_statement({n: sha256_hex(d) for n, d in shown.items()}, result.run_id)
        views = sign(statement, views_signer or signer)
        return {**evidence, files.RESULT: result_json, **shown, files.VIEWS: views}

    return make
