"""Whether a run directory still bears out what its signer stated.

The directory is what its signer left, and its numbers are what its evidence gives.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hilrig.app.finished.conclude import build_result, hash_files, read_evidence
from hilrig.app.trust.trust import TrustedKeys
from hilrig.attest.directory import SIGNED_FILES, Finding, check_directory
from hilrig.attest.keys import load_public_keys
from hilrig.attest.public_key import PublicKey
from hilrig.attest.validity import parse_moment
from hilrig.config.noun_json import to_json
from hilrig.config.plan_file import limits_for
from hilrig.config.profile import parse_profile
from hilrig.core import files
from hilrig.core.errors import HilrigError, TrustError
from hilrig.core.result import Result
from hilrig.core.run import RunPlan
from hilrig.core.search import RUNS
from hilrig.core.trust import Role
from hilrig.record.compare import parquet_differences
from hilrig.record.untrusted_file import read_untrusted
from hilrig.verdict.judge import judge

MAX_SIGNED_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a verification found.

    Args:
        findings: everything that does not hold; empty when all does.
        result: the signed result; None unless its signature and its bytes hold.
        key_fingerprint: of the trusted key that signed it.
        n_files: how many files were hashed.
    """

    findings: tuple[Finding, ...]
    result: Result | None
    key_fingerprint: str | None
    n_files: int

    @property
    def ok(self) -> bool:
        """Return whether signatures, files and numbers all hold; the verdict may be FAIL all the same."""
        return self.result is not None and not self.findings


def verify(run_dir: Path, *, keys: Sequence[Path]) -> Verified:
    """Hold a run directory against its signatures, then its numbers against its evidence.

    Args:
        run_dir: the run directory.
        keys: files of the public keys that are trusted.

    Raises:
        TrustError: it is no run directory, holds something that is no file, or a key cannot be read.
    """
    return verify_by(run_dir, load_public_keys(keys))


def verify_by_root(run_dir: Path, trusted: TrustedKeys) -> Verified:
    """Do what `verify` does with the rig keys of a trust root: the key must count for the run's class at its end.

    Raises:
        TrustError: as `verify`; also the key is revoked.
        WrongClassError: the key may not sign for the run's device class.
        ExpiredError: the key did not count yet when the run ended, or no longer.
    """
    found = verify_by(run_dir, trusted.keys_of(Role.RIG))
    if found.ok and found.result is not None and found.key_fingerprint is not None:
        trusted.require(
            found.key_fingerprint,
            role=Role.RIG,
            device_class=found.result.device_class,
            signed_ns=parse_moment(found.result.ended_at_utc, name=files.RESULT),
        )
    return found


def verify_by(run_dir: Path, keys: Sequence[PublicKey]) -> Verified:
    """Do what `verify` does with public keys.

    Raises:
        TrustError: as `verify`.
    """
    if not run_dir.is_dir():
        raise TrustError(f"{run_dir} is not a folder", hint="hilrig list")
    if (run_dir / RUNS).is_dir():
        raise TrustError(
            f"{run_dir} is the folder of a search: its runs are verified one by one",
            hint=f"for run in {run_dir / RUNS}/*; do hilrig verify $run; done",
        )
    digests = hash_files(run_dir)
    if files.ATTESTATION not in digests:
        raise TrustError(
            f"{run_dir} has no {files.ATTESTATION}: it is no finished run", hint="hilrig list, hilrig recover"
        )
    contents = {name: read_untrusted(run_dir / name, max_bytes=MAX_SIGNED_BYTES) for name in SIGNED_FILES}
    present = {name: data for name, data in contents.items() if data is not None}
    report = check_directory(digests, present, keys)
    findings = list(report.findings)
    if report.ok and report.result is not None:
        findings += _recomputed(run_dir, report.result)
    return Verified(
        findings=tuple(findings),
        result=report.result,
        key_fingerprint=report.key_fingerprint,
        n_files=len(digests),
    )


def _recomputed(run_dir: Path, result: Result) -> Iterator[Finding]:
    """Say where the signed numbers are not those that the evidence gives."""
    try:
        yield from (Finding(file=run_dir.name, sentence=text) for text in parquet_differences(run_dir))
        record = read_evidence(run_dir)
        yield from _other_limits(run_dir, record.plan)
        again = build_result(record, judge(record), digests=result.files)
    except HilrigError as error:
        yield Finding(file=run_dir.name, sentence=f"the evidence cannot be read: {error.message}", hint=error.hint)
        return
    if to_json(again) != to_json(result):
        yield Finding(
            file=files.RESULT,
            sentence=f"{files.RESULT} is signed, but its numbers are not what the evidence gives",
            hint="judged by another version of hilrig, or signed over invented numbers",
        )


def _other_limits(run_dir: Path, plan: RunPlan) -> Iterator[Finding]:
    """Say whether the limits that were judged are those of the profile that was kept."""
    text = (run_dir / files.PROFILE).read_bytes()
    profile = parse_profile(text, file=files.PROFILE, folder=str(run_dir))
    if (limits_for(plan, profile), profile.sha256) != (plan.limits, plan.profile_sha256):
        yield Finding(file=files.PLAN, sentence=f"{files.PLAN} was not made from {files.PROFILE}")
