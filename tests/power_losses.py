"""Results of power-loss tests, made up: sound, not survived, without evidence."""

from dataclasses import replace

from hilrig.core.power_loss import (
    BadRecovery,
    Calibration,
    Depth,
    DepthResult,
    PowerLossResult,
    Recovery,
)

SOUND = Calibration(store="sound", n_states=46, n_caught=0)
WRONG = Calibration(store="overwrite_in_place", n_states=20, n_caught=14)
MISSED = replace(WRONG, store="no_folder_fsync", n_caught=0)

SURVIVED = DepthResult(
    depth=Depth.FILE_CALLS,
    ran=True,
    n_states=1412,
    counts={"last_known_good": 900, "new_complete": 512},
    calibrations=(SOUND, WRONG),
    took_s=31.0,
    facts={"n_calls": 334, "recorder": "FUSE"},
)
KILLED = replace(SURVIVED, depth=Depth.KILL, n_states=41, counts={"last_known_good": 41}, facts={})
NOT_SURVIVED = replace(
    KILLED,
    n_bad=2,
    counts={"last_known_good": 39, "no_active": 2},
    bad=(
        BadRecovery(
            step="update: activate",
            at="killed at state.linked:1",
            recovery=Recovery.NO_ACTIVE,
            detail="<b>HR-102</b>",
        ),
    ),
)
UNABLE = DepthResult(depth=Depth.BLOCK_LOG, ran=False, reason="it needs root")


def power_loss(*depths, required=(Depth.FILE_CALLS, Depth.KILL)):
    """Return a test with these depths."""
    return PowerLossResult(subject="hilrig node", seed=1, required=tuple(required), depths=depths)
