"""A disk that fills up while a run goes on."""

import json
import os
import subprocess
import time

import pytest

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="hardware: mounting a small disk needs root")


@pytest.fixture
def small_disk(bench):
    """Mount 64 MiB as the reports folder."""
    bench.reports.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(bench.reports)], check=True)
    yield bench.reports
    subprocess.run(["umount", "--lazy", str(bench.reports)], check=True)


def fill(folder):
    """Write until nothing more fits."""
    with (folder / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * (1 << 16))
        except OSError:
            return


@ROOT_ONLY
def test_a_full_disk_ends_the_run_in_order(bench, small_disk):
    """The record up to then is judged and signed from the reserve; nobody calls it a whole run."""
    process = bench.start("run", bench.station(duration_s=60))
    while not any(
        (run_dir / "frames.journal").exists() and (run_dir / "frames.journal").stat().st_size > 1000
        for run_dir in bench.run_dirs()
    ):
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    fill(small_disk)
    out, err = process.communicate(timeout=100)
    run_dir = bench.run_dirs()[0]
    assert process.returncode == 11, out + err
    assert "disk" in out
    result = json.loads((run_dir / "result.json").read_bytes())
    assert result["ended"] == "disk_full"
    assert bench.call("verify", str(run_dir)).code == 11
