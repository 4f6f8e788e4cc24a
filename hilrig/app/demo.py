"""The main job on this machine: the bundled weld station, from the first frame to a verified signature."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.app.finished.verify import Verified, verify
from hilrig.app.folders import bundled_profile
from hilrig.app.run.request import RunRequest
from hilrig.app.run.run import Finished, Status, run
from hilrig.attest.keys import create_key

PROFILE: Final = "weld-station"
KEY_NAME: Final = "rig"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What the demo did: the run, and its report read back with the public key alone."""

    finished: Finished
    verified: Verified


def ensure_key(keys_folder: Path) -> bool:
    """Make the rig's key when there is none; return whether one was made.

    Raises:
        TrustError: the folder is open to others.
    """
    if (keys_folder / f"{KEY_NAME}.pem").exists():
        return False
    create_key(keys_folder, KEY_NAME, passphrase=None)
    return True


def demo(*, reports: Path, keys_folder: Path, on_status: Callable[[Status], None]) -> Demo:
    """Run the bundled weld station as long as its profile says, then verify the report.

    Raises:
        HilrigError: a link of the chain broke.
    """
    request = RunRequest(
        profile=bundled_profile(PROFILE),
        rig_file=None,
        reports=reports,
        duration_s=None,
        key=keys_folder / f"{KEY_NAME}.pem",
    )
    finished = run(request, on_status=on_status)
    return Demo(
        finished=finished,
        verified=verify(finished.run_dir, keys=[keys_folder / f"{KEY_NAME}.pub"]),
    )
