"""hilrig's own node, asked through its service which model answers."""

import json
import subprocess

import pytest

from hilrig.app.power_loss.served import served_node
from hilrig.core.power_loss import Recovery
from hilrig.faults.recovery_check import Found, check_recovery, parse_answer

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_app_power_loss, test_node_service_models


def test_the_answer_says_which_model_scored_and_whether_it_is_whole(tmp_path):
    """A after the installation, B after the update, nothing once the model's bytes were damaged."""
    pytest.importorskip("fastapi")
    pytest.importorskip("onnxruntime")
    subject = served_node(tmp_path / "releases")
    store = tmp_path / "store"

    def run(argv: tuple[str, ...]) -> str:
        words = [word.replace("{store}", str(store)) for word in argv]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def found(*allowed: str) -> Found:
        answer = parse_answer(run(subject.ask).splitlines()[-1])
        return check_recovery(answer, allowed=allowed, releases=subject.releases)

    run(subject.install)
    assert found("A").recovery is Recovery.LAST_KNOWN_GOOD
    for step in subject.episodes["update"]:
        run(step.argv)
    assert found("B").recovery is Recovery.NEW_COMPLETE
    for folder in (store / "releases").iterdir():
        (model,) = (folder / "model").iterdir()
        model.chmod(0o600)
        model.write_bytes(model.read_bytes().replace(b"mean", b"nean"))
    damaged = found("A", "B")
    assert not damaged.is_sound
    assert json.dumps(damaged.detail) != '""'
