from collections.abc import Callable

import pytest

from hilrig.config.profile import parse_profile
from hilrig.core.errors import Problem
from hilrig.core.profile import GoldenDrift, GoldenLimits

Problems = Callable[..., list[Problem]]
FEED = "golden: {feed: {source: synthetic, pool_frames: 4}"


def golden(keys: str) -> tuple[str, str]:
    return "queue:", f"{FEED}, {keys}}}\nqueue:"


def test_every_limit_comes_through(profile_text):
    """General ones, one label's own, those against the last release."""
    old, new = golden(
        "min_recall: 0.9, max_false_reject: 0.05, labels: {crack: {min_recall: 0.97}}, "
        "against_last: {recall_drop_max: 0.02}"
    )
    profile = parse_profile(profile_text.replace(old, new).encode(), file="profile.yaml", folder="here")
    spec = profile.golden
    assert (spec.min_precision, spec.min_recall, spec.max_false_reject) == (None, 0.9, 0.05)
    assert spec.labels == {"crack": GoldenLimits(min_recall=0.97)}
    assert spec.against_last == GoldenDrift(recall_drop_max=0.02)


@pytest.mark.parametrize("keys", ["max_false_reject: 0.1", "labels: {crack: {min_precision: 0.9}}"])
def test_one_limit_is_enough(problems: Problems, keys):
    """Of good parts, or of a single label."""
    assert problems(golden(keys)) == []


@pytest.mark.parametrize(
    ("keys", "message", "hint"),
    [
        ("min_recall: 0.9, labels: {crak: {min_recall: 0.9}}", "'crak' has no threshold", "did you mean 'crack'?"),
        ("min_recall: 0.9, labels: {undercut: {min_recall: 0.9}}", "'undercut' has no threshold", ""),
        ("min_recall: 0.9, labels: {crack: {}}", "'golden.labels.crack' sets no limit", ""),
        ("min_recall: 0.9, labels: {}", "'golden.labels' is empty", ""),
        ("min_recall: 0.9, against_last: {}", "'golden.against_last' is empty", ""),
        ("against_last: {recall_drop_max: 0.1}", "any model would pass it", ""),
        ("min_recall: 1.5", "1.5", ""),
        ("min_recall: 0.9, labels: {crack: {min_recal: 0.9}}", "min_recal", "min_recall"),
        ("min_recall: 0.9, against_last: {drop_max: 0.9}", "drop_max", ""),
    ],
)
def test_a_limit_that_would_hold_nothing_is_refused(problems: Problems, keys, message, hint):
    """A label that nobody decides, a block without a limit, a share over 1, a key that nobody reads."""
    (problem,) = problems(golden(keys))
    assert message in problem.message
    assert hint in problem.hint
    assert problem.line > 0
