"""Plug-ins that the contract tests are asked about: those that a profile or a rig file of their author names."""

import os
from pathlib import Path

from hilrig.config.profile import load_profile
from hilrig.config.rig_file import load_rig
from hilrig.core.profile import Profile
from hilrig.core.registry import BUILT_IN
from hilrig.core.rig import RigSpec

PROFILE = "HILRIG_CONTRACT_PROFILE"
RIG = "HILRIG_CONTRACT_RIG"


def asked_profile() -> Profile | None:
    """Return the profile whose feed, backend and samplers are asked about; None without one."""
    named = os.environ.get(PROFILE)
    return load_profile(Path(named)) if named else None


def asked_rig() -> RigSpec | None:
    """Return the rig whose transport is asked about; None without one."""
    named = os.environ.get(RIG)
    return load_rig(Path(named)) if named else None


def asked_samplers() -> list[str]:
    """Return the names of the samplers that are asked about."""
    profile = asked_profile()
    return [name for name in profile.samplers if name not in BUILT_IN["samplers"]] if profile else []
