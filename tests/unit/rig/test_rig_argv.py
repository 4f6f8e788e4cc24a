"""Commands as they may go to a rig."""

import pytest

from hilrig.core.errors import UsageError
from hilrig.rig.argv import checked


def test_arguments_are_given_back_as_they_are():
    """Nothing is added, and an empty argument is one."""
    assert checked(("env", "", "a b")) == ["env", "", "a b"]


@pytest.mark.parametrize("argv", [[], ["a\0"], ["a", "\0"]])
def test_what_no_system_can_start_is_refused(argv):
    """No program, or a NUL anywhere: refused before anything is started."""
    with pytest.raises(UsageError):
        checked(argv)
