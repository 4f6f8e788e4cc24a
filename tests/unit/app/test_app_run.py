"""hilrig.app.run.run and its process: what another process reported is raised here as if it had happened here."""

import pytest

from hilrig.app.run.process import rebuilt
from hilrig.app.run.said import describe_error
from hilrig.core import errors
from hilrig.core.errors import ConfigError, HilrigError, Problem, RigLostError
from hilrig.rig.agent_call import LinkBrokenError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HilrigError)]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not ConfigError])
def test_an_error_crosses_the_process_border_unchanged(kind):
    """Kind, message, hint and exit code survive."""
    again = rebuilt(describe_error(kind("what", hint="next")))
    assert type(again) is kind
    assert (again.message, again.hint, again.exit_code) == ("what", "next", kind.exit_code)


def test_mistakes_of_a_file_keep_their_places():
    """Every problem arrives with file, line and column."""
    problem = Problem(file="p.yaml", line=3, column=7, code="x", message="no", hint="yes")
    again = rebuilt(describe_error(ConfigError([problem])))
    assert isinstance(again, ConfigError)
    assert again.problems == (problem,)


def test_an_error_of_a_narrower_class_arrives_as_its_public_one():
    """A broken link is a lost rig to whoever has never heard of links."""
    again = rebuilt(describe_error(LinkBrokenError("cut", hint="wait")))
    assert (type(again), again.message, again.hint) == (RigLostError, "cut", "wait")
