"""One profile on several rigs: what `hilrig run --rig A --rig B` shows of them together."""

from dataclasses import dataclass
from typing import Final

from hilrig.core.verdict import CheckStatus, RunStatus

MATRIX_SCHEMA: Final = "hilrig.matrix/1"

MATRIX: Final = "matrix.json"
MATRIX_HTML: Final = "index.html"
"""Files of the folder that shows the rigs together, beside junit.xml and summary.md."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCheck:
    """One limit on one rig, as that run's own report states it.

    Args:
        title: of its metric, for people.
        limit_text: the limit with its comparator and unit, as the run's report writes it.
        observed: in `unit`; None when it was not measured, or is infinite.
        margin_pct: how far inside the limit, in per cent of it; None where there is none.
    """

    check_id: str
    title: str
    status: CheckStatus
    comparator: str
    limit: float
    limit_text: str
    unit: str
    observed: float | None
    observed_text: str
    margin_pct: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One rig and what came of it.

    Args:
        rig: its name.
        device_class: that of the result; of the rig file where there is no result.
        status: the verdict; None where there is none, and `why_not_run` says why.
        exit_code: what `hilrig run` on this rig alone would have ended with.
        sentence: the verdict's; empty without one.
        why_not_run: why there is no verdict; empty with one. `hint` is what to do about it.
        run_id: empty where no run was started. `run_dir` is its folder as seen from the matrix's own.
        report: its page, as a link from the matrix's page; empty for none.
        started_at_utc: empty without a result.
        p50_ms: of the latency over the measured part; None when it was not measured. `p95_ms`, `p99_ms` alike.
        checks: in the order of the profile.
        self_checks_failed: ids of those that do not hold.
        profile_sha256: of what was run there, or empty. `model_bundle_sha256` and `hilrig_version` alike.
        result_sha256: of result.json, empty without one.
        key_fingerprint: of the key that signed the result.
        is_key_known: whether its signature was checked with that key.
    """

    rig: str
    device_class: str
    status: RunStatus | None
    exit_code: int
    sentence: str = ""
    why_not_run: str = ""
    hint: str = ""
    run_id: str = ""
    run_dir: str = ""
    report: str = ""
    started_at_utc: str = ""
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    checks: tuple[MatrixCheck, ...] = ()
    self_checks_failed: tuple[str, ...] = ()
    profile_sha256: str = ""
    model_bundle_sha256: str = ""
    hilrig_version: str = ""
    result_sha256: str = ""
    key_fingerprint: str = ""
    is_key_known: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCell:
    """One limit on all rigs of one device class.

    Args:
        n_rigs: of the class.
        n_judged: how many of them were held against this limit; 0 says that nobody knows.
        n_passed: how many of them pass it.
        status: the worst of theirs; None where no rig was.
        worst_rig: the rig with the worst status, among equals the one with the smallest margin.
        worst: that rig's check; None where no rig was.
    """

    n_rigs: int
    n_judged: int
    n_passed: int
    status: CheckStatus | None
    worst_rig: str
    worst: MatrixCheck | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassLimit:
    """One limit beside the device classes; `cells` are in the order of `Matrix.device_classes`.

    `limit_texts` is one text, unless the profile was changed between two rigs.
    """

    check_id: str
    title: str
    limit_texts: tuple[str, ...]
    cells: tuple[ClassCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A profile on several rigs.

    Args:
        exit_code: of `hilrig run` for all of them together.
        sentence: how many passed, failed, were not run.
        warnings: why the rows should not be held against each other, in words; empty when they may.
        rows: one for each rig that was asked for, in that order.
        device_classes: of the rows, each once.
        limits: each limit of the profile beside the device classes.
    """

    schema: str
    matrix_id: str
    profile_name: str
    started_at_utc: str
    ended_at_utc: str
    operator: str
    note: str
    exit_code: int
    sentence: str
    warnings: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    device_classes: tuple[str, ...]
    limits: tuple[ClassLimit, ...]
