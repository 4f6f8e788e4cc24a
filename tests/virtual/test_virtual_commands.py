"""The commands of the group rigs virtual, as a person types them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hilrig.app.rigs.virtual_rig import images_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
LIMIT_S = 170


@pytest.fixture
def hilrig(image, tmp_path):
    """Give a function that runs hilrig in a home of its own, with the image that is built already."""
    del image
    environment = {**os.environ, "XDG_CACHE_HOME": str(images_folder().parents[1]), "NO_COLOR": "1"}

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "hilrig", "rigs", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    yield run
    run("virtual", "remove", "bench-v")


def test_a_rig_comes_and_goes_with_four_commands(hilrig, tmp_path):
    """Up makes it and its file, power switches it like any other rig, down cuts it, remove leaves nothing."""
    started = hilrig("virtual", "up", "bench-v", "--json")
    assert started.returncode == 0, started.stderr
    facts = json.loads(started.stdout)
    folder = Path(facts["folder"])
    assert (facts["power"], facts["rig_file"]) == ("on", "rigs/bench-v.yaml")
    assert json.loads(hilrig("check", "bench-v", "--ask", "--json").stdout)
    assert hilrig("virtual", "down", "bench-v").returncode == 0
    assert json.loads(hilrig("power", "bench-v", "state", "--json").stdout)["power"] == "off"
    (listed,) = json.loads(hilrig("virtual", "status", "--json").stdout)["rigs"]
    assert (listed["name"], listed["power"]) == ("bench-v", "off")
    assert hilrig("virtual", "remove", "bench-v").returncode == 0
    assert not folder.exists()
    assert list((tmp_path / "rigs").iterdir()) == []


def test_place_serves_until_it_is_interrupted(hilrig, tmp_path):
    """It prints what labgrid's exporter reads, and ends on Ctrl-C without a trace of a crash."""
    assert hilrig("virtual", "up", "bench-v").returncode == 0
    argv = [sys.executable, "-m", "hilrig", "rigs", "virtual", "place", "bench-v", "--output", "exporter.yaml"]
    with subprocess.Popen(argv, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stderr:
                if "serving the power port" in line:
                    break
            process.send_signal(signal.SIGINT)
            rest = process.communicate(timeout=30)[1]
        finally:
            process.kill()
    assert process.returncode == 0
    assert "the power port is gone" in rest
    assert "Traceback" not in rest
    assert "simplerest" in (tmp_path / "exporter.yaml").read_text()
