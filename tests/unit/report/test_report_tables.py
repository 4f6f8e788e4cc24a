from hypothesis import given
from hypothesis import strategies as st
from report_documents import other_measurements, stage_measurements

from hilrig.core.verdict import Measurement
from hilrig.report.tables import facts, instrument_rows, other_rows, stage_table
from hilrig.report.throttling import METRICS as THROTTLE_METRICS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def measured(metric: str, value: float | None = 1.0) -> Measurement:
    return Measurement(metric=metric, unit=metric.rpartition("_")[2], value=value, n=1)


def test_stages_are_in_the_order_of_a_frame() -> None:
    """Rows follow the frame's way through the pipeline, columns the percentiles upwards."""
    table = stage_table([*reversed(stage_measurements()), *other_measurements()])
    assert table.statistics == ("p50", "p95", "p99", "p99.9", "max")
    assert [row.title.split(",")[0].split(":")[0] for row in table.rows] == [
        "latency",
        "latency",
        "feeder lateness (the instrument's own)",
        "waiting in the queue",
        "preprocess",
        "infer",
        "decide",
        "service",
    ]


def test_latency_with_drops_is_a_row_of_its_own() -> None:
    """Percentiles of decided frames and of all frames never share a row."""
    table = stage_table([measured("latency_p99_ms", 1.0), measured("latency_p99_incl_drops_ms", None)])
    assert [[cell.value for cell in row.cells if cell] for row in table.rows] == [[1.0], [None]]


def test_p99_9_is_not_taken_for_p99() -> None:
    """The longer name wins: p99.9 stands in its own column."""
    table = stage_table([measured("infer_p99_9_ms", 9.0), measured("infer_p99_ms", 1.0)])
    assert table.statistics == ("p99", "p99.9")
    assert [cell.value for cell in table.rows[0].cells if cell] == [1.0, 9.0]


def test_a_percentile_that_was_not_computed_is_an_empty_cell() -> None:
    """A stage without p95 keeps its other numbers in their columns."""
    table = stage_table(
        [measured("queue_p95_ms", 5.0), measured("queue_max_ms", 9.0), measured("infer_max_ms", 7.0)]
    )
    assert table.rows[1].cells[0] is None


@given(
    st.lists(
        st.from_regex(r"[a-z_]{1,12}(_p50|_max)?_(ms|us|mib)", fullmatch=True)
        | st.sampled_from(sorted(THROTTLE_METRICS)),
        unique=True,
        max_size=8,
    )
)
def test_every_measurement_is_in_exactly_one_table(metrics: list[str]) -> None:
    """No number of a result gets lost between the tables, none is shown twice."""
    measurements = [measured(metric) for metric in metrics]
    staged = [cell for row in stage_table(measurements).rows for cell in row.cells if cell]
    singles = [row for _, row in (*instrument_rows(measurements), *other_rows(measurements))]
    answered = [row for row in measurements if row.metric in THROTTLE_METRICS]
    assert sorted(row.metric for row in (*staged, *singles, *answered)) == sorted(metrics)


def test_facts_name_their_place_in_the_tree() -> None:
    """Leaves come sorted, with their path as the name; unknown, empty and false are words."""
    tree = {"facts": {"cpu": {"n_cores": 8, "turbo": False}, "gpus": [], "serial": None}, "disks": [{"gib": 1.5}]}
    assert facts(tree) == [
        ("disks 1 gib", "1.5"),
        ("cpu n cores", "8"),
        ("cpu turbo", "no"),
        ("gpus", "— none"),
        ("serial", "— not known"),
    ]


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_facts_never_leave_a_blank(tree: dict) -> None:
    """Whatever a rig reports, every leaf has a text, and the order of keys does not matter."""
    rows = facts(tree)
    assert all(text for _, text in rows)
    assert rows == facts(dict(reversed(tree.items())))


def test_one_stage_in_two_units_is_two_rows() -> None:
    """A percentile in ms does not push out the same one in us (found by the property above)."""
    table = stage_table([measured("queue_p50_ms"), measured("queue_p50_us")])
    assert [cell.metric for row in table.rows for cell in row.cells if cell] == ["queue_p50_ms", "queue_p50_us"]
