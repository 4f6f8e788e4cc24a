"""The worst measured frames, each with its story.

It says where their time went and why, and what stood beside them.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from hilrig.core.decision import found_labels, labels_of_bits
from hilrig.core.frame import Outcome, Truth
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.core.verdict import WorstFrame
from hilrig.verdict.attribution.causes import Attribution, causes_of
from hilrig.verdict.attribution.moments import readings_at
from hilrig.verdict.measure import STAGES
from hilrig.verdict.slowest import slowest
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.window import DECIDED, INTENDED, RELEASE, Window

N_WORST: Final = 20
N_UNDECIDED_MAX: Final = 10
"""Undecided frames are the worst of all, but must not hide every slow one."""


def worst_frames(
    window: Window, attribution: Attribution, telemetry: Telemetry, truths: Sequence[Truth]
) -> tuple[WorstFrame, ...]:
    """Return up to 20 frames: the first undecided ones (at most 10), then the slowest decided ones."""
    undecided = np.flatnonzero(~window.measured.is_decided)[:N_UNDECIDED_MAX]
    picked = np.concatenate((undecided, slowest(window, N_WORST - undecided.size)))
    causes = causes_of(attribution, picked)
    readings = readings_at(telemetry, window.plan, window.measured.stamps_ns[INTENDED, picked])
    return tuple(
        replace(
            _worst_frame(window, index),
            cause=cause,
            evidence=evidence,
            truth=_truth(window, index, truths),
            found=_found(window, index),
            readings=beside,
        )
        for index, (cause, evidence), beside in zip(picked.tolist(), causes, readings, strict=True)
    )


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


def _truth(window: Window, index: int, truths: Sequence[Truth]) -> tuple[str, ...] | None:
    """Return the labels of the frame's pool frame; None where nobody knows them."""
    return truths[int(window.measured.frame_id[index]) % len(truths)].labels if truths else None


def _found(window: Window, index: int) -> tuple[str, ...] | None:
    """Return the labels that were decided; None without a decision."""
    if window.measured.outcome[index] != Outcome.DECIDED:
        return None
    bits = labels_of_bits(window.plan.model.labels, window.plan.pipeline.decide.thresholds)
    return found_labels(int(window.measured.defects[index]), bits)


def _outcome_name(code: int) -> str:
    return Outcome(code).name.lower() if code in set(Outcome) else f"unknown ({code})"
