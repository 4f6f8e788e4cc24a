"""Whether a rig is as its file asks: from what was found there, nothing is asked again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import requires
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from hilrig.core.profile import Profile
from hilrig.core.rig import RigConditions, RigSpec
from hilrig.core.units import NS_PER_S
from hilrig.rig.agent.facts import NEEDED

SHOWN_MAX: Final = 5
"""Processes named in one message."""

MODULES_OF_BACKEND: Final = {"onnx": ("onnxruntime",)}
MODULES_OF_FEED: Final = {"folder": ("cv2",), "video": ("cv2",)}
MODULES_OF_PREPROCESS: Final = ("cv2",)
PACKAGE_OF_MODULE: Final = {"cv2": "opencv-python-headless"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One look at a rig.

    Args:
        facts: the answer of the agent's verb `facts`.
        middle_ns: CLOCK_REALTIME here in the middle of that call.
        upload_mib: what is to be sent there at most.
    """

    facts: Mapping[str, Any]
    middle_ns: int
    upload_mib: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that keeps a run from a rig: what was found against what was asked, and what to do."""

    condition: str
    cause: str
    remedy: str

    @property
    def words(self) -> str:
        """Return both in one line."""
        return f"{self.cause}: {self.remedy}"


def problems_of(rig: RigSpec, asked: Asked, profile: Profile | None) -> list[Problem]:
    """Return everything that is wrong with a rig at once; what was asked for and cannot be known is wrong, too.

    Args:
        rig: what its file asks for.
        asked: what was found.
        profile: what is to run there; None: whatever needs least.
    """
    return [
        *_out_of_service(rig),
        *_room(rig.conditions, asked),
        *_temperature(rig.conditions, asked.facts),
        *_clock(rig.conditions, asked),
        *_power_mode(rig.conditions, asked.facts),
        *_gpu(rig.conditions, asked.facts),
        *_software(rig, asked.facts, profile),
    ]


def doubts_of(rig: RigSpec, facts: Mapping[str, Any]) -> list[str]:
    """Return what could not be looked at in full and does not keep a run from the rig: it is told before it."""
    if rig.conditions.no_foreign_gpu_processes and facts.get("gpu_processes_complete") is False:
        return [
            f"rig {rig.name}: processes of other users on its GPU cannot be seen by the user who logs in there"
        ]
    return []


def _out_of_service(rig: RigSpec) -> Iterator[Problem]:
    if rig.disabled:
        yield Problem(
            condition="enabled",
            cause=f"it is out of service: {rig.disabled}",
            remedy="choose another rig, or set `enabled: true` in its file when it is repaired",
        )


def _room(conditions: RigConditions, asked: Asked) -> Iterator[Problem]:
    free_mib, needed_mib = _number(asked.facts.get("free_mib")), conditions.min_free_mib + asked.upload_mib
    if free_mib is None:
        yield _unknown("free space", "min_free_mib")
    elif free_mib < needed_mib:
        yield Problem(
            condition="min_free_mib",
            cause=f"{free_mib:.0f} MiB are free in its work folder, {needed_mib:.0f} MiB are asked for",
            remedy="hilrig rigs reap removes old runs there, or make room by hand",
        )


def _temperature(conditions: RigConditions, facts: Mapping[str, Any]) -> Iterator[Problem]:
    limit_cel = conditions.max_temperature_c
    if limit_cel is None:
        return
    sensors = [item for item in _listed(facts, "temperatures") if _number(item.get("cel")) is not None]
    if not sensors:
        yield _unknown("temperature", "max_temperature_c")
        return
    hottest = max(sensors, key=lambda item: float(item["cel"]))
    if hottest["cel"] > limit_cel:
        yield Problem(
            condition="max_temperature_c",
            cause=f"{hottest.get('name')} is at {hottest['cel']:.0f} degrees C, asked for: at most {limit_cel:g}",
            remedy="let it cool down, look at its fan",
        )


def _clock(conditions: RigConditions, asked: Asked) -> Iterator[Problem]:
    limit_s, found_ns = conditions.max_clock_offset_s, _number(asked.facts.get("realtime_ns"))
    if limit_s is None:
        return
    if found_ns is None:
        yield _unknown("clock", "max_clock_offset_s")
        return
    offset_s = (found_ns - asked.middle_ns) / NS_PER_S
    if abs(offset_s) > limit_s:
        yield Problem(
            condition="max_clock_offset_s",
            cause=f"its clock is {abs(offset_s):.0f} s {'ahead' if offset_s > 0 else 'behind'} of the one here, "
            f"at most {limit_s:g} s are asked for",
            remedy="set it there: timedatectl set-ntp true, or by hand: date -s",
        )


def _power_mode(conditions: RigConditions, facts: Mapping[str, Any]) -> Iterator[Problem]:
    wanted, found = conditions.power_mode, facts.get("power_mode")
    if wanted is None or found == wanted:
        return
    if found is None:
        yield _unknown("power mode", "power_mode")
        return
    yield Problem(
        condition="power_mode",
        cause=f"its power mode is {found}, {wanted} is asked for",
        remedy="nvpmodel -q shows the modes there, nvpmodel -m sets one",
    )


def _gpu(conditions: RigConditions, facts: Mapping[str, Any]) -> Iterator[Problem]:
    if not conditions.no_foreign_gpu_processes:
        return
    if facts.get("gpu_processes") is None:
        yield _unknown("processes on the GPU", "no_foreign_gpu_processes")
        return
    found = [f"{item.get('name')} (pid {item.get('pid')})" for item in _listed(facts, "gpu_processes")]
    more = f" and {len(found) - SHOWN_MAX} more" if len(found) > SHOWN_MAX else ""
    if found:
        yield Problem(
            condition="no_foreign_gpu_processes",
            cause=f"others are on its GPU: {', '.join(found[:SHOWN_MAX])}{more}",
            remedy="end them, or allow them: `conditions: {no_foreign_gpu_processes: false}` in the rig file",
        )


def _software(rig: RigSpec, facts: Mapping[str, Any], profile: Profile | None) -> Iterator[Problem]:
    packages = facts.get("packages")
    found = packages if isinstance(packages, Mapping) else {}
    modules = facts.get("modules")
    importable = modules if isinstance(modules, Mapping) else {}
    missing = [name for name in NEEDED if not found.get(name)]
    missing += [name for name in _modules_for(profile) if not importable.get(name)]
    if missing:
        names = " ".join(PACKAGE_OF_MODULE.get(name, name) for name in missing)
        yield Problem(
            condition="software",
            cause=f"its Python ({rig.python}) lacks {', '.join(missing)}",
            remedy=f"install them there for that Python: {rig.python} -m pip install {names}",
        )
    for requirement, version in _too_old(found):
        yield Problem(
            condition="software",
            cause=f"its Python ({rig.python}) has {requirement.name} {version}, this hilrig needs {requirement}",
            remedy=f"install it there for that Python: {rig.python} -m pip install '{requirement}'",
        )


def _too_old(found: Mapping[str, Any]) -> Iterator[tuple[Requirement, str]]:
    """Give every package that is there in a version which this hilrig does not work with, by its own metadata."""
    by_name = {canonicalize_name(name): version for name, version in found.items()}
    for requirement in map(Requirement, requires("hilrig") or ()):
        version = by_name.get(canonicalize_name(requirement.name))
        if isinstance(version, str) and not _fits(version, requirement):
            yield Requirement(f"{requirement.name}{requirement.specifier}"), version


def _fits(version: str, requirement: Requirement) -> bool:
    try:
        return requirement.specifier.contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False  # it cannot be told: named, with what was found


def _modules_for(profile: Profile | None) -> tuple[str, ...]:
    if profile is None:
        return ()
    backend = profile.pipeline.backend
    feeds = [profile.feed.source, *([profile.golden.feed.source] if profile.golden else [])]
    needed = {name for feed in feeds for name in MODULES_OF_FEED.get(feed, ())}
    needed |= set(MODULES_OF_BACKEND.get(backend.name, ())) if backend else set()
    needed |= set(MODULES_OF_PREPROCESS) if profile.pipeline.preprocess else set()
    return tuple(sorted(needed))


def _unknown(what: str, condition: str) -> Problem:
    return Problem(
        condition=condition,
        cause=f"its {what} cannot be read",
        remedy=f"look at it by hand, or leave `{condition}` out of the rig file's conditions",
    )


def _number(value: Any) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _listed(facts: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = facts.get(name)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
