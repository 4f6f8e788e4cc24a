"""The worst measured frames, with where their time went and why."""

from dataclasses import replace
from typing import Final

import numpy as np

from hilrig.core.frame import Outcome
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.core.verdict import WorstFrame
from hilrig.verdict.attribution import Attribution, causes_of
from hilrig.verdict.measure import STAGES
from hilrig.verdict.window import DECIDED, INTENDED, RELEASE, Window

N_WORST: Final = 20
N_UNDECIDED_MAX: Final = 10
"""Undecided frames are the worst of all, but must not hide every slow one."""


def worst_frames(window: Window, attribution: Attribution) -> tuple[WorstFrame, ...]:
    """Return up to 20 frames: the first undecided ones (at most 10), then the slowest decided ones."""
    undecided = np.flatnonzero(~window.measured.is_decided)[:N_UNDECIDED_MAX].tolist()
    picked = [*undecided, *_slowest(window, N_WORST - len(undecided))]
    frames = [_worst_frame(window, index) for index in picked]
    causes = causes_of(attribution, np.array(picked, np.int64))
    return tuple(
        replace(frame, cause=cause, evidence=evidence)
        for frame, (cause, evidence) in zip(frames, causes, strict=True)
    )


def _slowest(window: Window, n: int) -> list[int]:
    """Return the positions of the slowest decided frames, slowest first, the earlier one of equals first."""
    n_shown = min(n, window.n_decided)
    if not n_shown:
        return []
    floor_ns = window.sorted_latency_ns[window.n_decided - n_shown]
    slow = np.flatnonzero((window.latency_ns >= floor_ns) & window.measured.is_decided)
    order = np.argsort(-window.latency_ns[slow], kind="stable")[:n_shown]
    slowest: list[int] = slow[order].tolist()
    return slowest


def _worst_frame(window: Window, index: int) -> WorstFrame:
    stamps_ns = window.measured.stamps_ns[:, index].tolist()

    def lasted_ms(begin: int, end: int) -> float | None:
        if not stamps_ns[begin] or not stamps_ns[end]:
            return None
        return int(stamps_ns[end] - stamps_ns[begin]) / NS_PER_MS

    is_decided = window.measured.outcome[index] == Outcome.DECIDED
    return WorstFrame(
        frame_id=int(window.measured.frame_id[index]),
        t_s=(stamps_ns[INTENDED] - window.start_ns) / NS_PER_S,
        outcome=_outcome_name(int(window.measured.outcome[index])),
        latency_ms=lasted_ms(INTENDED, DECIDED) if is_decided else None,
        feeder_lateness_ms=lasted_ms(INTENDED, RELEASE),
        queue_ms=lasted_ms(*STAGES["queue"]),
        preprocess_ms=lasted_ms(*STAGES["preprocess"]),
        infer_ms=lasted_ms(*STAGES["infer"]),
        decide_ms=lasted_ms(*STAGES["decide"]),
    )


def _outcome_name(code: int) -> str:
    return Outcome(code).name.lower() if code in set(Outcome) else f"unknown ({code})"
