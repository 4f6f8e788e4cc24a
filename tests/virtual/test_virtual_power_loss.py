"""A virtual rig's power is cut in the midst of updates of hilrig's own node, `HILRIG_CUTS` times (10)."""

import json
import os
import sys

import pytest

from hilrig.app.power_loss.rig import run_on_rig
from hilrig.app.power_loss.subject import make_releases, node_subject
from hilrig.app.rigs.virtual_rig import RIG_FILE
from hilrig.config.rig_file import load_rig
from hilrig.core.power_loss import Depth

N_CUTS = int(os.environ.get("HILRIG_CUTS", "10"))
S_PER_CUT = 180  # emulated, on a machine that does other things as well; 66 to 75 s on a quiet one

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400 + N_CUTS * S_PER_CUT)]


@pytest.fixture
def spec(rig, tmp_path):
    """Give the booted virtual rig as its file states it."""
    machine, ssh = rig.machine, rig.machine.ssh
    path = tmp_path / "rig.yaml"
    text = RIG_FILE.format(
        name=machine.name,
        host=ssh.host,
        port=ssh.port,
        user=ssh.user,
        key_file=json.dumps(ssh.key_file),
        known_hosts=json.dumps(ssh.known_hosts),
        connect_timeout_s=ssh.connect_timeout_s,
        accelerator=machine.accelerator.value,
        folder=json.dumps(str(machine.folder)),
    )
    path.write_text(text)
    return load_rig(path)


def say(line: str) -> None:
    """Tell whoever watches with `pytest -s`."""
    sys.stderr.write(f"{line}\n")


def test_the_node_comes_back_whole_after_every_cut(spec, tmp_path):
    """Cut at its own events, asked over HTTP after the boot: a whole, allowed release; wrong stores are caught."""
    result = run_on_rig(
        node_subject(make_releases(tmp_path / "releases")),
        rig=spec,
        seed=N_CUTS,
        n_cuts=N_CUTS,
        work=tmp_path,
        progress=lambda what, n_done, n_all: say(f"{n_done} of {n_all}: {what}"),
        should_stop=lambda: False,
    )
    say(f"{result.took_s} s, {dict(result.counts)}, {dict(result.facts)}")
    assert result.bad == ()
    assert (result.depth, result.n_states) == (Depth.VIRTUAL_RIG, N_CUTS)
    caught = {one.store: one.n_caught for one in result.calibrations}
    assert caught == {"sound": 0, "overwrite_in_place": 1, "rename_without_fsync": 1}
    assert result.is_evidence
    assert result.facts["n_boots"] == N_CUTS + sum(one.n_states for one in result.calibrations)
    assert "no missing flushes" in result.facts["finds"]
