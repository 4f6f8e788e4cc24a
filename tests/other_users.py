"""Something done as a user who owns nothing."""

import os
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

NOBODY = 65534
TEMPORARY = Path(tempfile.gettempdir())


def open_to_all(folder: Path) -> None:
    """Let every user walk to a test's folder, the parents that pytest made for root alone included."""
    for one in (folder, *folder.parents):
        if one != TEMPORARY and one.is_relative_to(TEMPORARY):
            one.chmod(one.stat().st_mode | 0o055)


def as_nobody(action: Callable[[], str]) -> str:
    """Return what `action` returns in a process of the user nobody, or how it failed there."""
    if os.geteuid() != 0:
        pytest.skip("hardware: becoming another user needs root")
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setuid(NOBODY)
            text = action()
        except BaseException:  # noqa: BLE001 - a copy of the whole test run must never go on
            text = traceback.format_exc()
        os.write(writer, text.encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        return answer.read()
