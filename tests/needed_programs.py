"""Programs that a test calls and that a machine may lack: the test is skipped then, naming them."""

import shutil

import pytest


def need(*programs: str) -> None:
    """Skip the test unless all of these are on the PATH."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
