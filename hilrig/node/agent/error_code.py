"""Which error code of the node an update's failure has.

What failed and at which step decide it.
"""

from enum import Enum

from hilrig.core.errors import (
    ExpiredError,
    HilrigError,
    NoDecisionError,
    PreconditionError,
    TrustError,
    WrongClassError,
)
from hilrig.node.agent.errors import DownloadError, RolledBackError, ServiceError, SmokeTestError
from hilrig.node.store_fault import StoreFault


class Step(Enum):
    """What the agent was about."""

    DESIRED = "desired"  # reading the desired state
    UPDATE = "update"  # fetching, testing and starting a release
    TRIAL = "trial"  # watching it


def code_of(error: HilrigError, step: Step) -> str:
    """Return the code from `hilrig.core.error_codes`; empty for what has none, such as another process's lock."""
    if isinstance(error, StoreFault):
        return error.code
    for kind, code in (
        (DownloadError, "HR-304"),
        (ServiceError, "HR-201"),
        (SmokeTestError, "HR-305"),
        (RolledBackError, "HR-306"),
        (NoDecisionError, "HR-303"),
    ):
        if isinstance(error, kind):
            return code
    if isinstance(error, (ExpiredError, WrongClassError, PreconditionError)):
        return "HR-302" if step is Step.DESIRED else "HR-303"
    return "HR-301" if isinstance(error, TrustError) else ""
