import pytest
import typer

from hilrig.attest.desired_state import GuardrailMetric, RolloutMode
from hilrig.cli.node_publish_command import _guardrail, _rollout


def guardrail(text: str):
    return _guardrail(text, min_samples=300, max_missing=5, consecutive_errors=4)


def test_a_guardrail_is_its_metric_with_good_and_bad():
    """`p95_ms:30:45` is proven good at 30 ms or less, bad at 45 ms or more."""
    found = guardrail("p95_ms:30:45")
    assert (found.metric, found.success_max, found.failure_min) == (GuardrailMetric.P95_MS, 30.0, 45.0)


@pytest.mark.parametrize("text", ["", "p95_ms", "p95_ms:30", "p95_ms:30:45:60", "happiness:1:2", "p95_ms:a:b"])
def test_anything_else_is_asked_for_again(text):
    """A metric that no service tells, a limit missing: refused with the form and the known metrics."""
    with pytest.raises(typer.BadParameter, match="error_pct"):
        guardrail(text)


def test_a_rollout_has_a_known_mode():
    """The three modes, and the list of them for any other word."""
    for mode in RolloutMode:
        assert _rollout(mode.value, [], "10m", ()).mode is mode
    with pytest.raises(typer.BadParameter, match="canary, blue_green, shadow"):
        _rollout("at_night", [], "10m", ())
