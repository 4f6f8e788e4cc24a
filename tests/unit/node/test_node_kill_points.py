"""kill -9 at every point that the store names: afterwards it runs what it may, and the same command ends well."""

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from hilrig.node.ask import ask
from node_releases import write_numbered

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_node_agent_process

POINTS = {
    "stage.begin",
    "stage.bytes",
    "stage.file",
    "stage.release",
    "stage.done",
    "activate.begin",
    "activate.done",
    "boot.begin",
    "boot.try",
    "boot.done",
    "confirm.begin",
    "confirm.done",
    "rollback.begin",
    "rollback.done",
    "collect.begin",
    "collect.file",
    "collect.done",
    "state.written",
    "state.linked",
    "state.renamed",
}
"""As docs/node.md names them."""


class Verbs:
    """The server of `node_verbs`, and the points that were reached through it."""

    def __init__(self):
        server = Path(__file__).parents[2] / "node_verbs.py"
        self._process = subprocess.Popen(
            [sys.executable, str(server)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.reached = set()

    def run(self, store, verb, argument, crash_at=""):
        job = {"store": str(store), "verb": verb, "argument": str(argument), "crash_at": crash_at}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        self.reached.update(answer["points"])
        return answer

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=60)


@pytest.fixture(scope="module")
def verbs():
    server = Verbs()
    yield server
    server.close()


def test_a_kill_at_any_point_of_an_update_is_survived(verbs, tmp_path):
    """Installation, update, rollback, collection: each point in turn, then a look, then the same command again."""
    one, two = (write_numbered(tmp_path / str(number), number) for number in (1, 2))
    steps = [  # verb, argument, what may run after a kill in the midst of it; when it is done the last of these
        ("init", "", [None]),
        ("stage", tmp_path / "1", [None]),
        ("activate", one, [None, one]),
        ("boot", "", [one]),
        ("confirm", one, [one]),
        ("stage", tmp_path / "2", [one]),
        ("activate", two, [one, two]),
        ("boot", "", [two]),
        ("confirm", two, [two]),
        ("rollback", two, [two, one]),
        ("collect", "", [one]),
        ("bar", "f" * 64, [one]),
    ]
    store, n_kills = tmp_path / "store", 0
    for verb, argument, allowed in steps:
        before = tmp_path / f"before-{n_kills}"
        if store.exists():
            copy(store, before)
        clean = verbs.run(store, verb, argument)
        assert clean["status"] == 0
        assert ask(store)["active"] == allowed[-1]
        for point, count in Counter(clean["points"]).items():
            for nth in range(1, count + 1):
                n_kills += 1
                killed = tmp_path / f"killed-{n_kills}"
                if before.exists():
                    copy(before, killed)
                answer = verbs.run(killed, verb, argument, f"{point}:{nth}")
                assert answer["status"] == -signal.SIGKILL, (verb, point, nth)
                assert ask(killed)["active"] in allowed, (verb, point, nth)
                assert verbs.run(killed, verb, argument)["status"] == 0, (verb, point, nth)
                assert ask(killed)["active"] == allowed[-1], (verb, point, nth)
    assert verbs.reached == POINTS
    assert n_kills > 50  # each of 20 points, in each verb that reaches it


def copy(store, to):
    """Copy a store with its hard links."""
    subprocess.run(["cp", "-a", str(store), str(to)], check=True)
