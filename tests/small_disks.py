"""Small and read-only disks for tests: real ones, mounted for as long as a test needs them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """Mount a disk of memory with these options as `folder`; skip the test where that cannot be."""
    if os.geteuid() != 0:
        pytest.skip("hardware: mounting a disk needs root")
    if shutil.which("mount") is None:
        pytest.skip("mount is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"hardware: mounting is not permitted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
