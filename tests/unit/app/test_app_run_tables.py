"""hilrig.app.export.run_tables: what is not known stays unknown in a table."""

from dataclasses import replace

import numpy as np
import pytest

from builders import (
    Curve,
    make_capability,
    make_events,
    make_frames,
    make_plan,
    make_record,
    ticks_ns,
)
from hilrig.app.export.run_tables import frames_table, readings_table, telemetry_table
from hilrig.core.frame import Truth
from hilrig.core.telemetry import Reason

PLAN = make_plan(n_measured=60)


def test_a_reading_without_a_value_is_its_reason():
    """NaN among the values, the reason beside it; never 0."""
    gpu = make_capability("hw.temperature", unit="Cel")
    first_ns, second_ns, third_ns, *_ = ticks_ns(PLAN)
    curve = Curve(capability=gpu, points=((first_ns, 0.0), (second_ns, Reason.LOST), (third_ns, 50.0)))
    record = make_record(PLAN, curves=[curve])
    readings = readings_table(record)
    assert readings["value"].tolist() == [0.0, pytest.approx(np.nan, nan_ok=True), 50.0]
    assert readings["reason"].astype(object).where(readings["reason"].notna(), None).tolist() == [
        None,
        "lost",
        None,
    ]
    assert telemetry_table(record)["hw.temperature [Cel]"].isna().tolist() == [False, True, False]


def test_a_failed_frame_has_no_decision():
    """Its defects are 0 in the record, which is no "good part"."""
    record = make_record(PLAN, frames=make_frames(PLAN, failed=[40]))
    frame = frames_table(record).loc[40]
    assert (frame["outcome"], frame["reason"]) == ("failed", "inference_error")
    assert np.isnan(frame["latency_ms"])
    assert np.isnan(frame["score"])
    assert frame[["found"]].isna().all()


@pytest.mark.parametrize(
    ("truths", "first"),
    [
        ((), None),
        ((Truth(labels=None),), None),
        ((Truth(labels=()),), "(none)"),
        ((Truth(labels=("crack",)),), "crack"),
    ],
)
def test_truth_is_unknown_none_or_a_label(truths, first):
    """A feed without labels does not say that all parts are good."""
    truth = frames_table(make_record(PLAN, truths=truths))["truth"]
    assert truth.isna().all() if first is None else (truth == first).all()


def test_labels_stand_in_one_order():
    """What was found and what is true compare as equal, however the feed ordered its labels."""
    frames = make_frames(PLAN, defects=0b11)
    record = make_record(PLAN, frames=frames, truths=(Truth(labels=("crack", "porosity")),))
    table = frames_table(record)
    assert (table["found"] == table["truth"]).all()
    assert set(table["found"]) == {"porosity, crack"}


def test_a_pipeline_that_does_not_show_its_stages_has_none():
    """Stamps of 0 are stages that nobody saw, not stages of no length."""
    frames = make_frames(PLAN)
    frames["t_preprocessed_ns"] = frames["t_inferred_ns"] = 0
    table = frames_table(make_record(PLAN, frames=frames))
    assert table[["preprocess_ms", "infer_ms", "decide_ms"]].isna().all(axis=None)
    assert table[["latency_ms", "queue_ms"]].notna().all(axis=None)


def test_a_record_without_a_frame_is_an_empty_table():
    """A run that died while it loaded."""
    record = replace(make_record(PLAN, events=make_events(PLAN)[:1]), frames=make_frames(PLAN)[:0])
    assert len(frames_table(record)) == 0
