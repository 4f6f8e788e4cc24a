"""A disk that fills up while a run goes on."""

import json
import time

import pytest

from small_disks import mounted

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_run_full_disk


def fill(folder):
    """Write until nothing more fits."""
    with (folder / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * (1 << 16))
        except OSError:
            return


@pytest.fixture
def small_disk(bench):
    """Return the reports folder, a disk of 64 MiB."""
    with mounted(bench.reports, "size=64m") as folder:
        yield folder


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
