"""Stores that are known, on which every depth is tried first.

All but one of them are wrong; one is sound.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from hilrig.core.power_loss import Calibration, Depth, DepthResult, UpdateStep, UpdateSubject
from hilrig.faults import wrong_store
from hilrig.faults.wrong_store import Kind

SHOWN_BY: Final = {
    Depth.FILE_CALLS: tuple(Kind),
    Depth.KILL: (Kind.SOUND, Kind.OVERWRITE_IN_PLACE),
    Depth.BLOCK_LOG: tuple(Kind),
    Depth.VIRTUAL_RIG: (Kind.SOUND, Kind.OVERWRITE_IN_PLACE, Kind.RENAME_WITHOUT_FSYNC),
    Depth.RIG: (Kind.SOUND, Kind.OVERWRITE_IN_PLACE, Kind.RENAME_WITHOUT_FSYNC),
}
"""The stores that a depth must tell apart. The page cache survives a kill: it shows no missing fsync, so that only
the store that overwrites in place can be asked of it."""


def calibration_subjects(depth: Depth) -> tuple[UpdateSubject, ...]:
    """Return the stores that a depth is calibrated with, the sound one first."""
    return tuple(wrong_store_subject(kind) for kind in SHOWN_BY[depth])


def calibrated(subject: UpdateSubject, depth: Depth, run: Callable[[UpdateSubject], DepthResult]) -> DepthResult:
    """Return what a depth finds on a subject, after it was tried on the stores that are known, recorded alike."""
    known = (replace(one, writes_trace=subject.writes_trace) for one in calibration_subjects(depth))
    tried = [(one.name, run(one)) for one in known]
    calibrations = tuple(
        Calibration(store=name, n_states=result.n_states, n_caught=result.n_bad) for name, result in tried
    )
    return replace(run(subject), calibrations=calibrations)


def wrong_store_subject(
    kind: Kind, *, python: str = sys.executable, program: str = str(Path(wrong_store.__file__))
) -> UpdateSubject:
    """Return one of them; `python` and `program` are paths on the machine where its commands run."""
    start = (python, "-I", "-S", program, kind.value)  # no site-packages: a start takes 30 ms

    def verb(*words: str) -> tuple[str, ...]:
        return (*start, *words, "--store", "{store}", "--events")

    return UpdateSubject(
        name=kind.value,
        install=verb("install"),
        episodes={
            "update": (
                UpdateStep(
                    name="stage",
                    argv=verb("stage"),
                    may_run_during=("A",),
                    may_run_after=("A",),
                ),
                UpdateStep(
                    name="activate",
                    argv=verb("activate"),
                    may_run_during=("A", "B"),
                    may_run_after=("B",),
                ),
            )
        },
        ask=(*start, "ask", "--store", "{store}"),
        ask_many=(*start, "ask_many"),
        releases={name: wrong_store.release_id(name) for name in ("A", "B")},
        writes_trace=True,
    )
