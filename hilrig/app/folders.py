"""The folders that hilrig finds by itself.

They hold what belongs to a user or a machine, and its bundled profile.
"""

import os
import tempfile
from pathlib import Path

from hilrig.core.errors import PreconditionError


def hilrig_home() -> Path | None:
    """Return the folder that the environment variable HILRIG_HOME names, absolute; None when it names none."""
    home = os.environ.get("HILRIG_HOME")
    return Path(home).absolute() if home else None


def keys_folder() -> Path:
    """Return the folder of this user's keys; `HILRIG_HOME` moves it."""
    return user_folder() / "keys"


def baselines_folder() -> Path:
    """Return the folder of the runs that this user's others are shown beside; `HILRIG_HOME` moves it."""
    return user_folder() / "baselines"


def user_folder() -> Path:
    """Return the folder of what belongs to this user; `HILRIG_HOME` moves it."""
    home = hilrig_home()
    if home is not None:
        return home
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "hilrig"


def lease_folder() -> Path:
    """Return the folder of the rig's lock: one for all users of the machine, since they share its hardware.

    `HILRIG_HOME` moves it; `HILRIG_LOCK_FOLDER` says it for runs that a rig was sent, whose home is their own.
    """
    stated = os.environ.get("HILRIG_LOCK_FOLDER")
    return Path(stated).absolute() if stated else hilrig_home() or Path(tempfile.gettempdir()) / "hilrig"


def bundled_profile(name: str) -> Path:
    """Return the folder of a profile that comes with hilrig, in a wheel or in a checkout.

    Raises:
        PreconditionError: it is not there.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "bundled" / name, package.parent / "profiles" / name):
        if (folder / "profile.yaml").is_file():
            return folder
    raise PreconditionError(
        f"the bundled profile {name} is missing from this installation", hint="install hilrig again"
    )


def make_reports_folder(reports: Path) -> None:
    """Make the folder of run directories when it is missing.

    Raises:
        PreconditionError: it cannot be made or written.
    """
    try:
        reports.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PreconditionError(
            f"the reports folder {reports} cannot be made: {error.strerror}",
            hint="choose another folder with --reports",
        ) from error
    if not os.access(reports, os.W_OK):
        raise PreconditionError(
            f"the reports folder {reports} cannot be written", hint="choose another folder with --reports"
        )
