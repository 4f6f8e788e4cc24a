"""A folder that records every file call it passes through: for software that keeps no record itself.

It needs /dev/fuse and the extra `powerloss` (mfusepy), no other privilege.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hilrig.core.errors import PreconditionError

MOUNT_TIMEOUT_S: Final = 10.0
POLL_S: Final = 0.01
"""A mount takes about 12 ms."""
_FUSE: Final = Path("/dev/fuse")


def why_not_fuse() -> str:
    """Return why nothing can be recorded here; empty when it can."""
    if importlib.util.find_spec("mfusepy") is None:
        return "the module mfusepy is missing: pip install 'hilrig[powerloss]'"
    if not os.access(_FUSE, os.R_OK | os.W_OK):
        return "/dev/fuse cannot be opened: load the module fuse, or give this container the device"
    if shutil.which("fusermount3") is None:
        return "fusermount3 is missing: apt-get install fuse3"
    return ""


@contextmanager
def recorded_folder(store: Path, *, trace: Path, backing: Path) -> Iterator[None]:
    """Record every file call below `store` in the body; what is in it lies in `backing` meanwhile.

    Raises:
        PreconditionError: it cannot be mounted here.
    """
    if reason := why_not_fuse():
        raise PreconditionError(
            f"file calls cannot be recorded here: {reason}", hint="or test the depth kill alone"
        )
    shutil.rmtree(backing, ignore_errors=True)
    store.rename(backing)
    store.mkdir()
    command = [sys.executable, "-m", "hilrig.faults.fuse_mount", str(backing), str(store), str(trace)]
    recorder = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        _wait_for_mount(store, recorder)
        yield
    finally:
        _unmount(store, recorder)
        store.rmdir()
        backing.rename(store)


def _wait_for_mount(store: Path, recorder: "subprocess.Popen[str]") -> None:
    deadline_s = time.monotonic() + MOUNT_TIMEOUT_S
    while not store.is_mount():
        if recorder.poll() is not None or time.monotonic() > deadline_s:
            recorder.kill()
            said = recorder.communicate()[1].strip().splitlines()
            raise PreconditionError(
                f"file calls cannot be recorded here: {' '.join(said[-1:]) or 'the mount did not come up'}",
                hint="see /dev/fuse and fusermount3; or test the depth kill alone",
            )
        time.sleep(POLL_S)


def _unmount(store: Path, recorder: "subprocess.Popen[str]") -> None:
    if store.is_mount():
        subprocess.run(["fusermount3", "-u", "-z", str(store)], check=False, capture_output=True)
    try:
        recorder.communicate(timeout=MOUNT_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        recorder.send_signal(signal.SIGKILL)
        recorder.communicate()
