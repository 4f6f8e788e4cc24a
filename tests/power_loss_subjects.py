"""Subjects of power-loss tests: known stores as files of a user's, the node over a wrong disk."""

import json
import sys
from dataclasses import replace
from pathlib import Path

from hilrig.app.power_loss.subject import make_releases, node_subject
from hilrig.core.power_loss import UpdateSubject
from hilrig.faults.calibration import wrong_store_subject
from hilrig.faults.wrong_store import Kind

WRONG_NODE = Path(__file__).parent / "wrong_stores.py"


def write_subject(file: Path, kind: Kind, *, writes_trace: bool = True) -> None:
    """Write a known store as the subject file that a user would write (JSON is YAML)."""
    subject = wrong_store_subject(kind)
    steps = [
        {
            "name": step.name,
            "run": step.argv,
            "may_run_during": step.may_run_during,
            "may_run_after": step.may_run_after,
        }
        for step in subject.episodes["update"]
    ]
    stated = {
        "format": 1,
        "name": kind.value.replace("_", "-"),
        "install": subject.install,
        "episodes": {"update": steps},
        "ask": subject.ask,
        "ask_many": subject.ask_many,
        "releases": subject.releases,
        "writes_trace": writes_trace,
    }
    file.write_text(json.dumps(stated))


def node_on_wrong_disk(kind: str, folder: Path) -> UpdateSubject:
    """Return the node's update, staging and activation, over a disk that is wrong."""
    subject = node_subject(make_releases(folder))
    steps = tuple(replace(step, argv=_through(kind, step.argv)) for step in subject.episodes["update"][:2])
    return replace(subject, name=kind, episodes={"update": steps})


def _through(kind: str, argv: tuple[str, ...]) -> tuple[str, ...]:
    assert argv[1:4] == ("-m", "hilrig", "node")
    return (sys.executable, str(WRONG_NODE), kind, "node", *argv[4:])
