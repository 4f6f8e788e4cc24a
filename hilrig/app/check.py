"""Whether a profile could be run on this rig.

Its text, its model and its feed are looked at first, then what the rig itself has for it.
"""

from dataclasses import dataclass
from pathlib import Path

from hilrig.app.soak.preflight import describe_feed, device_class, load_rig_in_place, preflight
from hilrig.config.profile import load_profile
from hilrig.core.errors import PreconditionError
from hilrig.core.profile import Profile
from hilrig.rig.local import inspect_local
from hilrig.target.model_files import bundle_sha256, hash_model_files


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A sound profile. `obstacle` says why this rig cannot run it; empty when it can, perhaps with `warnings`."""

    profile: Profile
    bundle_sha256: str
    obstacle: str
    warnings: tuple[str, ...]


def check_profile(path: Path, *, rig_file: Path | None) -> Checked:
    """Check a profile.

    That this rig is of another class is no mistake of the profile: it comes back as the obstacle.

    Raises:
        ConfigError: the text has mistakes.
        PreconditionError: the model or the feed cannot be used, or a rig of the profile's class cannot run it.
    """
    rig = load_rig_in_place(rig_file)
    profile = load_profile(path)
    digests = hash_model_files(profile.model, Path(profile.folder))
    describe_feed(profile)
    obstacle = ""
    warnings: tuple[str, ...] = ()
    try:
        warnings = preflight(path, rig).warnings
    except PreconditionError as error:
        if device_class(profile, rig, inspect_local()) is not None:
            raise
        obstacle = error.message
    return Checked(profile=profile, bundle_sha256=bundle_sha256(digests), obstacle=obstacle, warnings=warnings)
