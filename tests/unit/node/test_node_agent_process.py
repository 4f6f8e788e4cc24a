"""The agent as a process: killed at points of the store and started again, ended by SIGTERM, its exit codes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gated_releases import ROLLOUT, Publisher
from hilrig.node.store import Store
from hilrig.node.trust import gate_accept
from scripted_services import ScriptedHttpService, scripted_service

pytestmark = pytest.mark.waiting

SHORT = replace(
    ROLLOUT, window_s=0.5, guardrails=(replace(ROLLOUT.guardrails[0], max_missing=20, consecutive_errors=20),)
)


@pytest.fixture(scope="module")
def publisher(tmp_path_factory) -> Publisher:
    return Publisher(tmp_path_factory.mktemp("process"))


@pytest.fixture
def service() -> Iterator[ScriptedHttpService]:
    with scripted_service() as started:
        yield started


def installed(publisher: Publisher, name: str, service: ScriptedHttpService) -> Store:
    """Return a store that runs release 1."""
    store = publisher.store(name)
    first, accept = publisher.release(1), gate_accept(store.folder)
    store.stage(publisher.out / "releases" / first, accept=accept)
    store.activate(first, accept=accept)
    store.confirm(first)
    service.serving = first
    return store


def started(store: Path, desired: Path | str, url: str, *more: str, crash_at: str = "") -> "subprocess.Popen[str]":
    environment = {**os.environ, "HILRIG_CRASH_AT": crash_at}
    return subprocess.Popen(
        [sys.executable, "-m", "hilrig", "node", "agent", "--store", str(store), "--desired", str(desired),
         "--service", url, *more],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out + err


@pytest.mark.parametrize(
    "point",
    [
        "stage.file",
        *(pytest.param(point, marks=pytest.mark.long) for point in ("activate.done", "state.renamed:2")),
    ],
)
def test_an_agent_killed_at_any_point_goes_on(point, publisher, service):
    """SIGKILL while staging, after activation, while confirming: the next start comes to the same end."""
    store = installed(publisher, f"killed-{point.partition(':')[0]}", service)
    good = publisher.release(2)
    desired = publisher.desire(good, 2, rollout=SHORT)
    code, said = ended(started(store.folder, desired, service.url, "--once", crash_at=point))
    assert code == -signal.SIGKILL, said
    code, said = ended(started(store.folder, desired, service.url, "--once"))
    assert code == 0, said
    state = store.state()
    assert (state.current, state.candidate, service.serving) == (good, None, good)


def test_it_ends_cleanly_when_it_is_told_to(publisher, service):
    """SIGTERM in a trial: exit 0, the candidate stays for the next start."""
    store = installed(publisher, "told", service)
    good = publisher.release(3)
    desired = publisher.desire(good, 3, rollout=replace(SHORT, window_s=600))
    process = started(store.folder, desired, service.url, "--period-s", "0.2")
    for line in process.stderr:
        if '"agent.trial"' in line:
            break
    process.send_signal(signal.SIGTERM)
    code, said = ended(process)
    assert code == 0, said
    assert "the next start of the agent goes on with the trial" in said
    assert store.state().candidate == good


def test_its_exit_code_says_why_it_did_nothing(publisher, service):
    """Refused by signature, by the gate, for its class, not to be fetched, replayed: five codes for a CI job."""
    store = installed(publisher, "codes", service)
    good = publisher.release(4)
    stories = {
        30: lambda: publisher.desire(good, 4, signer=publisher.stranger),
        31: lambda: publisher.desire(publisher.release(5, decide={"passed": False}), 4),
        33: lambda: publisher.desire(good, 6, device_class="x86-rtx4000"),
        22: lambda: publisher.desire(good, 7, release_url="releases/none"),
        32: lambda: publisher.desire(good, 5),
    }
    found = {}
    for expected, publish in stories.items():
        found[expected], _ = ended(started(store.folder, publish(), service.url, "--once"))
    assert found == {code: code for code in stories}
