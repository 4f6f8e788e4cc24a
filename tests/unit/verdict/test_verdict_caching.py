"""hilrig.verdict.self_checks.caching: a pipeline that remembers frames gives itself away on fresh ones."""

import numpy as np
import pytest

from builders import make_frames, make_plan, make_record
from hilrig.core.frame import FLAG_FRESH
from hilrig.verdict.self_checks.caching import _sign_test_rank, check_caching
from hilrig.verdict.window import cut


def checked(latency_ms, *, fresh_every=10, n=600):
    """Check a run in which every n-th frame is fresh; `latency_ms(is_fresh)` gives one latency per frame."""
    plan = make_plan(n_measured=n, n_warmup=0)
    is_fresh = np.arange(n) % fresh_every == fresh_every - 1
    frames = make_frames(plan, latency_ms=latency_ms(is_fresh))
    frames["flags"][is_fresh] = FLAG_FRESH
    return check_caching(cut(make_record(plan=plan, frames=frames)))


def noise(n, seed=1):
    return np.random.Generator(np.random.PCG64(seed)).normal(0, 0.5, n)


def test_an_honest_pipeline_passes():
    """Fresh and repeated frames take the same 10 ms with the same noise."""
    assert checked(lambda fresh: 10 + noise(fresh.size)).ok


def test_a_pipeline_that_keeps_its_answers_is_found():
    """Repeated frames in 2 ms, fresh ones in 10 ms: the sentence says both."""
    found = checked(lambda fresh: np.where(fresh, 10.0, 2.0) + noise(fresh.size) / 10)
    assert not found.ok
    assert "faster" in found.sentence
    assert "feed.pool_frames" in found.advice


def test_drift_is_not_taken_for_caching():
    """A model that becomes twice as slow during the run is as slow on both kinds of frame."""
    assert checked(lambda fresh: np.linspace(10, 20, fresh.size) + noise(fresh.size)).ok


def test_what_a_processor_cache_saves_is_no_caching():
    """Repeated frames 0.1 ms faster on a pipeline of 0.3 ms: a third, but no model is skipped for that."""
    assert checked(lambda fresh: np.where(fresh, 0.4, 0.3)).ok


def test_a_few_slow_fresh_frames_prove_nothing():
    """Six fresh frames can all be slow by chance: too few to tell, said so."""
    found = checked(lambda fresh: np.where(fresh, 10.0, 2.0), n=60)
    assert found.ok
    assert "6 fresh frames: too few to tell" in found.observed_text


def test_without_fresh_frames_nothing_is_claimed():
    """Old runs and profiles with `fresh_every: 0` have none."""
    assert "too few to tell" in checked(lambda fresh: np.full(fresh.size, 9.0), fresh_every=10_000).observed_text


def test_false_alarms_are_rare():
    """Of 500 honest runs with noise as large as the limit, hardly one is blamed."""
    alarms = sum(not checked(lambda fresh, seed=seed: 10 + 2 * noise(fresh.size, seed)).ok for seed in range(500))
    assert alarms <= 2


@pytest.mark.parametrize("n", [7, 20, 60, 1000, 1001, 5000])
def test_the_rank_is_that_of_the_sign_test(n):
    """The rank leaves at most 1 % below it, and the next one would leave more (one rank of slack beyond 1000)."""

    def tail(rank):
        total, ways = 0, 1  # math.comb(n, k), each from the one before it
        for k in range(rank):
            total, ways = total + ways, ways * (n - k) // (k + 1)
        return total / 2**n

    rank = _sign_test_rank(n)
    assert tail(rank) <= 0.01
    assert tail(rank + 2) > 0.01
