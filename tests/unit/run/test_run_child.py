"""What a process of a run is told, and what it need not load to read it."""

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from builders import make_plan
from drills import make_fault, with_drill
from hilrig.core.fault import FaultKind
from hilrig.core.frame import FeedInfo
from hilrig.run.child import Setup, told_file
from hilrig.run.shared_block import Layout
from hilrig.run.slots import SlotMap

ROLES = ("feeder", "worker", "relay", "sampler_loop", "stall_sentinel")


def setup_of(plan):
    layout = Layout.for_feed(FeedInfo(n_frames=3, height_px=8, width_px=8), SlotMap.for_plan(plan))
    folder = Path("/nowhere")
    return Setup(
        plan=plan,
        run_folder=folder,
        profile_folder=folder,
        layout=layout,
        block_fd=3,
        report_fd=4,
        frames_fd=5,
        space_fd=6,
    )


def test_a_process_reads_what_it_was_told():
    """The plan to its last field, a fault of the drill among them, and the descriptors."""
    setup = setup_of(with_drill(replace(make_plan(), note="for line 3"), make_fault(FaultKind.CAMERA_STOPS)))
    with told_file(setup) as fd, open(fd, "rb", closefd=False) as told:
        assert pickle.load(told) == setup
        assert told.read() == b"", "a pipeline that reads its stdin finds the end"


@pytest.mark.parametrize("role", ROLES)
def test_a_process_of_a_run_starts_without_pydantic(role):
    """Eight of them start for each run: what each loads is paid eight times."""
    code = f"import sys, hilrig.run.{role}; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
