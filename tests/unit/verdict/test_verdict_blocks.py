"""Readings as means over blocks."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import NS_PER_S, Curve, edges_ns, make_capability, make_plan, make_record
from hilrig.core.telemetry import Reason
from hilrig.verdict.telemetry.blocks import BLOCK_NS, block_means, n_blocks
from hilrig.verdict.telemetry.channels import Telemetry
from hilrig.verdict.window import cut

PLAN = make_plan(n_measured=3000, n_warmup=30)  # 100 s: five blocks
START_NS, END_NS = edges_ns(PLAN)


@given(
    readings=st.lists(
        st.tuples(st.floats(-10, 110), st.one_of(st.floats(-1e9, 1e9), st.just(Reason.LOST))), max_size=60
    )
)
@settings(max_examples=60, deadline=None)
def test_block_means_are_those_of_a_plain_loop(readings: list[tuple[float, float | Reason]]) -> None:
    """Every block has the mean of its values; readings without a value, or outside of the blocks, are none."""
    points = sorted(((START_NS + round(t_s * NS_PER_S), value) for t_s, value in readings), key=lambda one: one[0])
    record = make_record(PLAN, curves=[Curve(capability=make_capability("x"), points=tuple(points))])
    window = cut(record)
    means = block_means(Telemetry(record).series[0], window, BLOCK_NS)
    assert n_blocks(window, BLOCK_NS) == means.size == 5
    for index, mean in enumerate(means.tolist()):
        first_ns = START_NS + index * BLOCK_NS
        inside = [
            value
            for t_ns, value in points
            if first_ns <= t_ns < first_ns + BLOCK_NS and not isinstance(value, Reason)
        ]
        expected = sum(inside) / len(inside) if inside else np.nan
        np.testing.assert_allclose(mean, expected, rtol=1e-9, atol=1e-3)
