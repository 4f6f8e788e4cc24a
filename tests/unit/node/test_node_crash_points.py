"""The points that a store reaches."""

import signal
import subprocess
import sys

import pytest

from hilrig.core.errors import UsageError
from hilrig.node.crash_points import CrashPoints

PROGRAM = """
from hilrig.node.crash_points import points_of_environment
points = points_of_environment(lambda point, fields: print(point, fields, flush=True))
for number in range(3):
    points.reach("state.written", number=number)
"""


def test_points_are_told_with_their_fields():
    """Whoever listens hears each point, in its order."""
    told = []
    points = CrashPoints(lambda point, fields: told.append((point, dict(fields))))
    points.reach("stage.begin")
    points.reach("stage.bytes", path="a", n_bytes=3)
    assert told == [("stage.begin", {}), ("stage.bytes", {"path": "a", "n_bytes": 3})]


def test_the_process_is_killed_at_the_nth_time():
    """The second time that it reaches the point, the process is gone: after it was told, before anything else."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"HILRIG_CRASH_AT": "state.written:2"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.count(b"state.written") == 2


@pytest.mark.parametrize("text", ["a:0", "a:-1", "a:x", "a:1.5", "a:\u0663"])
def test_a_wrong_point_is_refused(text):
    """A test that would never kill is a mistake to hear about."""
    with pytest.raises(UsageError, match="POINT"):
        CrashPoints(crash_at=text)
