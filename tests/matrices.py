"""Rigs together, for tests: outcomes, rows and a whole matrix without a run."""

import os
import sys
from pathlib import Path

from hilrig.core.matrix import MATRIX_SCHEMA, Matrix, MatrixCheck, MatrixRow
from hilrig.core.rig import RigSpec
from hilrig.core.verdict import CheckStatus, RunStatus
from hilrig.verdict.many_runs.matrix import (
    device_classes_of,
    exit_code_of,
    limits_by_class,
    sentence_of,
    warnings_of,
)


def make_rig(name: str = "bench-a", **changes) -> RigSpec:
    """Return a simulated rig: this machine through the local transport, in a work folder of its own."""
    given = {"transport": "local", "device_class": "x86-cpu", "work_folder": f"/nowhere/{name}"} | changes
    return RigSpec(name=name, **given)


def make_check(observed: float | None = 20.0, *, limit: float = 45.0, **changes) -> MatrixCheck:
    """Return a limit on p99; None is infinite."""
    is_held = observed is not None and observed <= limit
    given = {
        "check_id": "latency.p99_max_ms",
        "title": "latency p99",
        "status": CheckStatus.PASS if is_held else CheckStatus.FAIL,
        "comparator": "<=",
        "limit": limit,
        "limit_text": f"≤ {limit:g} ms",
        "unit": "ms",
        "observed": observed,
        "observed_text": "infinite" if observed is None else f"{observed:g} ms",
        "margin_pct": None if observed is None else 100 * (limit - observed) / limit,
    }
    return MatrixCheck(**(given | changes))


def make_row(rig: str = "bench-a", *, p99_ms: float = 20.0, limit: float = 45.0, **changes) -> MatrixRow:
    """Return the row of a rig with a verdict on its p99."""
    status = RunStatus.PASS if p99_ms <= limit else RunStatus.FAIL
    given = {
        "rig": rig,
        "device_class": "x86-cpu",
        "status": status,
        "exit_code": int(status.exit_code),
        "sentence": f"p99 is {p99_ms:g} ms.",
        "run_id": f"{rig}-1".replace("-", ""),
        "run_dir": f"../run-of-{rig}",
        "report": f"../run-of-{rig}/report.html",
        "started_at_utc": "2026-11-20T21:00:04.000000Z",
        "p50_ms": p99_ms / 2,
        "p95_ms": p99_ms * 0.8,
        "p99_ms": p99_ms,
        "checks": (make_check(p99_ms, limit=limit),),
        "profile_sha256": "5e" * 32,
        "model_bundle_sha256": "a1" * 32,
        "hilrig_version": "0.1.0",
        "result_sha256": "cd" * 32,
        "key_fingerprint": f"SHA256:{rig}",
        "is_key_known": True,
    }
    return MatrixRow(**(given | changes))


def busy_row(rig: str = "bench-c", **changes) -> MatrixRow:
    """Return the row of a rig that another run holds."""
    given = {
        "rig": rig,
        "device_class": "jetson-orin-nx-16gb",
        "status": None,
        "exit_code": 20,
        "why_not_run": "the rig is held by eva@lab since 2026-11-20T20:00:00Z",
        "hint": "wait until it ends",
    }
    return MatrixRow(**(given | changes))


def make_matrix(*rows: MatrixRow, **changes) -> Matrix:
    """Return the matrix of these rows."""
    given = {
        "schema": MATRIX_SCHEMA,
        "matrix_id": "7f3a0001",
        "profile_name": "weld-station",
        "started_at_utc": "2026-11-20T21:00:00.000000Z",
        "ended_at_utc": "2026-11-20T21:12:00.000000Z",
        "operator": "",
        "note": "",
        "exit_code": exit_code_of([row.exit_code for row in rows]),
        "sentence": sentence_of(rows),
        "warnings": tuple(warnings_of(rows)),
        "rows": rows,
        "device_classes": device_classes_of(rows),
        "limits": limits_by_class(rows),
    }
    return Matrix(**(given | changes))


def write_simulated_rig(folder: Path, name: str, *, work: Path, **labels: str) -> Path:
    """Write the file of a rig that is this machine, in a work folder of its own; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = ", ".join(f'{key}: "{value}"' for key, value in labels.items())
    path = folder / f"{name}.yaml"
    path.write_text(
        f"format: 1\nname: {name}\ntransport: local\ndevice_class: x86-cpu\n"
        f"labels: {{{shown}}}\nwork_folder: {work / name}\npython: {os.path.normpath(sys.executable)}\n"
        "conditions: {min_free_mib: 16, no_foreign_gpu_processes: false}\n"
    )
    return path
