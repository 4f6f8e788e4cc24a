"""Documents that every view is rendered from."""

import pytest
from report_documents import make_empty, make_failing, make_inconclusive, make_passing

from hilrig.core.document import Document

_MAKERS = {
    "passing": make_passing,
    "failing": make_failing,
    "inconclusive": make_inconclusive,
    "empty": make_empty,
}


@pytest.fixture
def passing() -> Document:
    """Return a run that passes every limit."""
    return make_passing()


@pytest.fixture
def failing() -> Document:
    """Return a run that fails two limits, one of them infinite."""
    return make_failing()


@pytest.fixture
def inconclusive() -> Document:
    """Return an aborted run with hostile strings wherever a stranger can put one."""
    return make_inconclusive()


@pytest.fixture
def empty() -> Document:
    """Return a run that ended before anything was measured."""
    return make_empty()


@pytest.fixture(params=_MAKERS)
def any_document(request: pytest.FixtureRequest) -> Document:
    """Return each of the four documents in turn."""
    return _MAKERS[request.param]()
