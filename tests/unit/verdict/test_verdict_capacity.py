import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import P99, make_limit
from hilrig.core.exits import ExitCode
from hilrig.core.search import ProbeOutcome, ProbePurpose, SearchLimit
from hilrig.verdict.many_runs.capacity import (
    HIGHEST_FPS,
    LOWEST_FPS,
    RESOLUTION,
    Answer,
    SearchRules,
    Step,
    Tried,
    foretell,
    next_step,
    probe_duration_s,
    search_rules,
    settled_probes,
)
from hilrig.verdict.many_runs.capacity_sentence import capacity_exit_code, capacity_sentence, unfinished_sentence

SUSTAINED, FAILED = ProbeOutcome.SUSTAINED, ProbeOutcome.NOT_SUSTAINED
INSTRUMENT, UNDECIDED, UNFIT = ProbeOutcome.INSTRUMENT, ProbeOutcome.UNDECIDED, ProbeOutcome.UNFIT
N_PROBES_MAX = 60  # no search of these tests needs half of it: more means that it never ends


def search(outcome_of, *, start=30, lowest=LOWEST_FPS):
    """Do a whole search against `outcome_of(step)`; return the answer and the probes."""
    rules = SearchRules(start_fps=Fraction(start), lowest_fps=Fraction(lowest))
    tried = []
    while isinstance(step := next_step(rules, tried), Step):
        tried.append(Tried(step=step, outcome=outcome_of(step)))
        assert len(tried) <= N_PROBES_MAX
        assert rules.lowest_fps <= step.frame_rate_fps <= HIGHEST_FPS
    return step, tried


def up_to(limit_fps, *, beyond=FAILED):
    return lambda step: SUSTAINED if step.frame_rate_fps <= limit_fps else beyond


@given(
    limit_fps=st.fractions(min_value=1, max_value=990),
    start=st.sampled_from([Fraction(1), Fraction(30000, 1001), Fraction(30), Fraction(240), Fraction(1000)]),
)
def test_the_found_rate_is_sustained_and_near_the_true_one(limit_fps, start):
    """Whatever the true capacity and the start: at most it, at least 2 % (and a grain) below it, confirmed."""
    answer, tried = search(up_to(limit_fps), start=start)
    assert answer.found_fps <= limit_fps
    assert answer.found_fps * (1 + RESOLUTION) + Fraction(1, 500) > limit_fps
    assert answer.limited_by is SearchLimit.PROFILE
    assert tried[-1].step.purpose is ProbePurpose.CONFIRM
    assert tried[-1].step.n_lengths == 2


def test_the_ceiling_of_the_instrument_is_no_fault_of_the_model():
    """A pipeline that keeps up at 1000 fps is sustained there; nothing was in the way but the ceiling."""
    answer, _ = search(up_to(5000))
    assert answer == Answer(found_fps=HIGHEST_FPS, limited_by=SearchLimit.CEILING, limited_at_fps=None)


def test_nothing_sustained_ends_at_the_floor():
    """Halving stops at the floor, and no rate is made up."""
    answer, tried = search(up_to(0), lowest=2)
    assert answer == Answer(found_fps=None, limited_by=SearchLimit.PROFILE, limited_at_fps=Fraction(2))
    assert [one.step.frame_rate_fps for one in tried] == [30, 15, Fraction(15, 2), Fraction(15, 4), 2]


def test_an_instrument_that_cannot_keep_up_ends_the_search_upward():
    """No rate at or above the one where hilrig fell behind is tried again, and the answer names it."""
    answer, tried = search(up_to(100, beyond=INSTRUMENT))
    assert answer.limited_by is SearchLimit.INSTRUMENT
    assert answer.found_fps <= 100 < answer.limited_at_fps
    first = next(index for index, one in enumerate(tried) if one.outcome is INSTRUMENT)
    repeat = tried[first + 1]
    assert (repeat.step.frame_rate_fps, repeat.step.attempt) == (tried[first].step.frame_rate_fps, 2)
    assert all(one.step.frame_rate_fps < repeat.step.frame_rate_fps for one in tried[first + 2 :])


def test_an_undecided_probe_is_repeated_once_and_twice_as_long():
    """The repetition counts: here it passes, so the rate is sustained."""
    seen = []

    def outcome_of(step):
        seen.append((step.frame_rate_fps, step.n_lengths, step.attempt))
        return UNDECIDED if step.attempt == 1 and step.frame_rate_fps == 30 else up_to(40)(step)

    answer, tried = search(outcome_of)
    assert seen[:3] == [(30, 1, 1), (30, 2, 2), (60, 1, 1)]
    assert answer.found_fps > 39
    assert settled_probes(tried)[0].outcome is SUSTAINED


def test_twice_undecided_counts_as_not_sustained_and_is_said():
    """From 40 to 50 fps nothing can be decided: the answer stays below and names the rates."""
    answer, tried = search(lambda step: UNDECIDED if 40 < step.frame_rate_fps < 50 else up_to(40)(step))
    assert answer.found_fps <= 40
    assert answer.limited_by is SearchLimit.UNDECIDED
    assert "45 fps" in capacity_sentence(answer, Fraction(30), tried)


def test_two_undecided_rates_in_a_row_end_the_way_down():
    """Halving for hours does not help when the runs are too short for a limit."""
    answer, tried = search(lambda step: UNDECIDED)
    assert answer == Answer(found_fps=None, limited_by=SearchLimit.UNDECIDED, limited_at_fps=Fraction(15))
    assert len(tried) == 4


def test_a_limit_that_no_rate_can_meet_ends_the_way_down():
    """Too much memory at 30 fps is too much memory at 15."""
    answer, tried = search(lambda step: UNFIT)
    assert answer.found_fps is None
    assert len(tried) == 1


def test_a_failed_confirmation_goes_down_one_step_and_is_confirmed_there():
    """40 fps passed once by luck; the second run fails, one 2 % below passes."""
    confirmed = []

    def outcome_of(step):
        if step.purpose is not ProbePurpose.CONFIRM:
            return up_to(40)(step)
        confirmed.append(step.frame_rate_fps)
        return FAILED if len(confirmed) == 1 else SUSTAINED

    answer, _ = search(outcome_of)
    assert answer.found_fps == confirmed[1]
    assert answer.limited_at_fps == confirmed[0]
    assert float(confirmed[1] / confirmed[0]) == pytest.approx(0.98, abs=1e-3)


def test_confirmations_that_never_hold_find_nothing():
    """A rate that only ever passes once is not sustained, and half of it was tried."""
    answer, tried = search(lambda step: FAILED if step.purpose is ProbePurpose.CONFIRM else up_to(40)(step))
    assert answer.found_fps is None
    assert capacity_exit_code(answer, Fraction(30)) is ExitCode.FAIL
    assert min(one.step.frame_rate_fps for one in tried[-6:]) < 25


@given(st.randoms(use_true_random=False))
def test_a_rig_of_pure_noise_still_ends(random_source):
    """Whatever outcomes come in whatever order, the search ends and never finds what was not confirmed."""
    outcomes = list(ProbeOutcome)
    answer, tried = search(lambda step: random_source.choice(outcomes))
    if answer.found_fps is not None:
        assert tried[-1].outcome is SUSTAINED
        assert tried[-1].step.purpose is ProbePurpose.CONFIRM
        assert tried[-1].step.frame_rate_fps == answer.found_fps


def test_slow_cameras_find_an_end_between_two_grains():
    """At 0.01 fps 2 % are less than the grain of a rate: the search confirms instead of bisecting for ever."""
    answer, _ = search(up_to(Fraction(105, 10_000)), start=Fraction(1, 100), lowest=Fraction(1, 100))
    assert answer.found_fps == Fraction(1, 100)


def test_the_same_probes_give_the_same_search():
    """The next step is a function of the probes so far: nothing is remembered elsewhere."""
    source = random.Random(7)
    fixed = {}
    answers = [search(lambda step: fixed.setdefault(step, source.choice([SUSTAINED, FAILED]))) for _ in range(2)]
    assert answers[0] == answers[1]


def test_the_foretold_probes_are_those_of_an_ordinary_search():
    """Before the first probe: start, double, five bisections, one confirmation."""
    ahead = foretell(SearchRules(start_fps=Fraction(30)), [])
    purposes = [step.purpose for step in ahead]
    assert purposes == [ProbePurpose.BRACKET] * 2 + [ProbePurpose.BISECT] * 5 + [ProbePurpose.CONFIRM]


def test_foretelling_comes_down_to_nothing():
    """Once the answer is there, no probe is left."""
    _, tried = search(up_to(40))
    assert foretell(SearchRules(start_fps=Fraction(30)), tried) == ()


@pytest.mark.parametrize(
    ("fps", "n_lengths", "expected_s"), [(30, 1, 31), (30, 2, 62), (1000, 1, 20), (1, 1, 918)]
)
def test_a_probe_has_twice_the_frames_that_its_percentiles_need(fps, n_lengths, expected_s):
    """p99 needs 459 frames, so 918 are measured; at high rates the shortest length has more."""
    step = Step(purpose=ProbePurpose.BISECT, frame_rate_fps=Fraction(fps), n_lengths=n_lengths)
    assert probe_duration_s(step, shortest_s=20, limits=[P99]) == expected_s


def test_without_percentile_limits_a_probe_is_as_short_as_asked():
    """Drops alone need no number of frames."""
    step = Step(purpose=ProbePurpose.BRACKET, frame_rate_fps=Fraction(1))
    drops = make_limit("frames.drop_max_pct", "drop_pct", 1.0, "%")
    assert probe_duration_s(step, shortest_s=2.5, limits=[drops]) == 2.5


def test_the_floor_is_one_frame_in_the_longest_decision_gap():
    """With a decision gap of 500 ms at most, less than two frames a second can never pass."""
    gap = make_limit("latency.decision_gap_max_ms", "decision_gap_ms", 500.0, "ms")
    assert search_rules(Fraction(30), [gap]).lowest_fps == 2
    assert search_rules(Fraction(1), [gap]).lowest_fps == 1
    assert search_rules(Fraction(30), [P99]).lowest_fps == LOWEST_FPS


@pytest.mark.parametrize(
    ("found", "limited_by", "expected"),
    [
        (31, SearchLimit.PROFILE, ExitCode.OK),
        (30, SearchLimit.INSTRUMENT, ExitCode.OK),
        (29, SearchLimit.PROFILE, ExitCode.FAIL),
        (29, SearchLimit.INSTRUMENT, ExitCode.INCONCLUSIVE),
        (29, SearchLimit.UNDECIDED, ExitCode.INCONCLUSIVE),
        (None, SearchLimit.PROFILE, ExitCode.FAIL),
        (None, SearchLimit.INSTRUMENT, ExitCode.INCONCLUSIVE),
    ],
)
def test_the_exit_code_blames_the_model_only_for_its_own(found, limited_by, expected):
    """10 is the model's; what the instrument or the evidence could not show is 11."""
    found_fps = None if found is None else Fraction(found)
    answer = Answer(found_fps=found_fps, limited_by=limited_by, limited_at_fps=Fraction(32))
    assert capacity_exit_code(answer, Fraction(30)) is expected


def test_the_sentence_says_that_the_instrument_is_the_limit():
    """A person reads that the rig may well sustain more."""
    answer, tried = search(up_to(100, beyond=INSTRUMENT))
    sentence = capacity_sentence(answer, Fraction(30), tried)
    assert "limited by the instrument at" in sentence
    assert "nothing is said of the model" in sentence


def test_an_unfinished_search_claims_nothing_confirmed():
    """One probe had passed when the operator ended it."""
    step = Step(purpose=ProbePurpose.BRACKET, frame_rate_fps=Fraction(30))
    sentence = unfinished_sentence([Tried(step=step, outcome=SUSTAINED)])
    assert sentence == "Unfinished after 1 probe: 30 fps had passed once, not yet confirmed."
