"""Which error code the failure of an update gets."""

import pytest

from hilrig.core.error_codes import ERROR_CODES
from hilrig.core.errors import ExpiredError, NoDecisionError, TrustError, UsageError, WrongClassError
from hilrig.node.agent.error_code import Step, code_of
from hilrig.node.agent.errors import DownloadError, RolledBackError, ServiceError, SmokeTestError
from hilrig.node.store_fault import DAMAGED, StoreFault


@pytest.mark.parametrize(
    ("error", "step", "code"),
    [
        (TrustError("x"), Step.DESIRED, "HR-301"),
        (TrustError("x"), Step.UPDATE, "HR-301"),
        (ExpiredError("x"), Step.DESIRED, "HR-302"),
        (WrongClassError("x"), Step.DESIRED, "HR-302"),
        (WrongClassError("x"), Step.UPDATE, "HR-303"),
        (NoDecisionError("x"), Step.UPDATE, "HR-303"),
        (DownloadError("x"), Step.UPDATE, "HR-304"),
        (SmokeTestError("x"), Step.UPDATE, "HR-305"),
        (RolledBackError("x"), Step.TRIAL, "HR-306"),
        (ServiceError("x"), Step.UPDATE, "HR-201"),
        (StoreFault("x", code=DAMAGED), Step.UPDATE, "HR-101"),
        (UsageError("x"), Step.UPDATE, ""),
    ],
)
def test_a_failure_has_the_code_of_what_failed_at_its_step(error, step, code):
    """The nearest kind counts: an expired statement is no broken signature."""
    assert code_of(error, step) == code
    assert not code or code in ERROR_CODES
