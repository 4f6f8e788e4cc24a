import pytest

from builders import make_frames, make_plan, make_record
from hilrig.core.search import ComparisonVerdict, Margin, MarginUnit, Side
from hilrig.verdict.judge import judge
from hilrig.verdict.many_runs.comparison import block_of, block_order, compare, pair_of, unfinished
from searches import FIVE_PCT, make_block, make_pair

A, B = Side.CHAMPION, Side.CHALLENGER


def block(side=B, **frames):
    plan = make_plan()
    return block_of(side, judge(make_record(plan, frames=make_frames(plan, **frames))), run_dir="runs/x")


def test_the_blocks_alternate_so_that_each_is_first_as_often():
    """AB BA AB BA: over four pairs a steady drift adds to two and takes from two."""
    assert block_order(5) == (A, B, A, B, A)
    assert block_order(0) == ()


def test_a_block_has_the_p99_of_all_its_frames():
    """10 ms each: nothing infinite, no fault."""
    made = block(latency_ms=10.0)
    assert (made.p99_ms, made.is_infinite, made.fault) == (10.0, False, "")
    assert made.n_frames == 1800


def test_a_block_that_drops_two_of_a_hundred_is_infinitely_late():
    """Frames without a decision are the slowest: a pipeline does not win by dropping them."""
    made = block(dropped=range(100, 1000, 10))
    assert made.p99_ms is None
    assert made.is_infinite
    assert made.fault == ""


def test_a_block_of_an_unsound_instrument_has_a_fault():
    """The feeder was late: whatever p99 says, the block can't be used, and says why."""
    made = block(lateness_us=20_000.0, latency_ms=40.0)
    assert "late" in made.fault


def test_a_block_without_frames_has_a_fault():
    """No frame, no p99: not infinite, not zero."""
    plan = make_plan(n_measured=10)
    frames = make_frames(plan)[: plan.n_warmup_frames]
    made = block_of(A, judge(make_record(plan, frames=frames)), run_dir="runs/x")
    assert (made.p99_ms, made.is_infinite) == (None, False)
    assert made.fault


@pytest.mark.parametrize(
    ("p99_a_ms", "p99_b_ms", "text"),
    [
        (10.0, 12.5, "+2.5 ms"),
        (12.5, 10.0, "-2.5 ms"),
        (10.0, 10.0, "0 ms"),
        (10.0, None, "+infinite"),
        (None, 10.0, "-infinite"),
        (None, None, "not counted"),
    ],
)
def test_a_pair_says_its_difference_with_its_sign(p99_a_ms, p99_b_ms, text):
    """Plus is slower; two infinities have no difference."""
    pair = make_pair(p99_a_ms, p99_b_ms)
    assert pair.difference_text == text
    assert bool(pair.dropped) == (text == "not counted")


def test_a_pair_knows_who_is_who_whatever_the_order():
    """The difference is challenger less champion in BA pairs too."""
    turned = pair_of(make_block(B, 12.0), make_block(A, 10.0), is_repeat=False)
    assert (turned.first, turned.difference_ms, turned.difference_pct) == (B, 2.0, 20.0)


def test_a_faulty_pair_is_dropped_named_and_not_counted():
    """Seven sound pairs and one whose challenger ran on an unsound instrument."""
    pairs = [*(make_pair(10.0, 10.0 + index / 100) for index in range(7)), make_pair(10.0, 99.0, fault="late")]
    assert pairs[-1].dropped == "B: late"
    found = compare(pairs, FIVE_PCT)
    assert found.n_pairs == 7
    assert found.verdict is ComparisonVerdict.NON_INFERIOR


def test_a_slower_challenger_is_inferior():
    """2 ms slower each time, 0.5 ms allowed."""
    found = compare([make_pair(10.0, 12.0 + index / 100) for index in range(8)], FIVE_PCT)
    assert found.verdict is ComparisonVerdict.INFERIOR
    assert found.margin_ms == 0.5
    assert "at least +2" in found.sentence
    assert "+0.5 ms (5 %) is allowed" in found.sentence


def test_a_faster_challenger_reads_as_such():
    """The sign tells: at most -1.9 ms is faster for certain."""
    found = compare([make_pair(12.0, 10.0 + index / 100) for index in range(8)], FIVE_PCT)
    assert found.verdict is ComparisonVerdict.NON_INFERIOR
    assert "at most -1.9" in found.sentence


def test_an_open_comparison_says_how_many_more_pairs():
    """Scattered around the margin of 1 ms by more than it."""
    differences = [-3.0, 3.0, -2.0, 2.0, -1.0, 1.0, 0.4, -0.4]
    found = compare([make_pair(20.0, 20.0 + one) for one in differences], FIVE_PCT)
    assert found.verdict is ComparisonVerdict.INCONCLUSIVE
    assert found.pairs_needed > 8
    assert f"about {found.pairs_needed} more needed" in found.sentence


def test_too_few_pairs_are_no_verdict():
    """Six equal pairs prove nothing; one more is needed."""
    found = compare([make_pair(10.0, 10.0)] * 6, FIVE_PCT)
    assert found.verdict is ComparisonVerdict.INCONCLUSIVE
    assert "at least 7" in found.sentence
    assert "about 1 more" in found.sentence
    assert found.upper.value_ms is None
    assert not found.upper.is_infinite


def test_no_pair_at_all_is_no_verdict():
    """Everything dropped: no margin, no bound, no crash."""
    found = compare([make_pair(None, None)], FIVE_PCT)
    assert found.verdict is ComparisonVerdict.INCONCLUSIVE
    assert "no pair counts" in found.sentence


def test_a_champion_that_is_infinite_itself_gives_no_margin():
    """5 % of infinity: the sentence says why, and a margin in ms would help."""
    pairs = [make_pair(None, 10.0)] * 8
    assert "infinite in half" in compare(pairs, FIVE_PCT).sentence
    in_ms = compare(pairs, Margin(value=1.0, unit=MarginUnit.MS))
    assert in_ms.verdict is ComparisonVerdict.NON_INFERIOR
    assert in_ms.upper.is_infinite
    assert in_ms.upper.text == "-infinite"


def test_an_unfinished_comparison_gives_no_verdict_however_good_it_looks():
    """Stopping when the numbers look good would break the 1 %."""
    found = unfinished([make_pair(12.0, 10.0)] * 8, FIVE_PCT)
    assert found.verdict is ComparisonVerdict.INCONCLUSIVE
    assert found.sentence == "No verdict: unfinished after 8 pairs."
