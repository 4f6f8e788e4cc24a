"""A short look with atheris: the harness of `make fuzz` gets past the first brackets, and finds nothing wrong."""

import os
import platform
import re
import subprocess
import sys

import pytest

from foreign_verifiers import ROOT
from trust_readers import READERS

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_fuzz_trust

N_RUNS = 3_000
"""Documents: enough to break what breaks easily; `make fuzz` is for the rest."""


def fuzz(folder, **changes: str) -> subprocess.CompletedProcess[str]:
    if platform.machine() != "x86_64":
        pytest.skip("hardware: atheris is built for x86-64 only")
    pytest.importorskip("atheris", reason="atheris is not installed")
    return subprocess.run(
        [sys.executable, "-m", "fuzz", "--runs", str(N_RUNS), "--folder", folder],
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"} | changes,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_readers_keep_their_word_under_a_fuzzer(tmp_path):
    """No crash, no bytes accepted that a writer did not write; and the corpus grew, so it saw new code."""
    done = fuzz(tmp_path)
    assert done.returncode == 0, done.stderr[-2_000:]
    assert int(re.search(r"number_of_executed_units: (\d+)", done.stderr)[1]) >= N_RUNS
    assert len(list((tmp_path / "corpus").iterdir())) > 3 * len(READERS)
    assert list(tmp_path.glob("crash-*")) == []
