"""Which run a page is of.

Some of it is the line above the verdict, the rest stands further down.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from hilrig.core.result import Result
from hilrig.core.units import format_duration
from hilrig.report.values import missing, moment, number, one_line
from hilrig.report.wording import measured_s

_MACHINE: Final = ("board", "cpu_model", "os")
"""Facts of a rig that a person knows it by, as they are. One that the rig does not tell is left out."""

_VERSIONS: Final = {"jetpack": "JetPack", "nvidia_driver": "driver", "power_mode": "power mode"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact of a run; `whole` is all of a digest that `text` shows the ends of."""

    name: str
    text: str
    whole: str = ""


def identity(result: Result) -> list[Fact]:
    """Return what tells this run from every other, in the order of reading."""
    measured = measured_s(result)
    return [
        Fact(name="Run", text=result.run_id),
        Fact(name="Rig", text=f"{result.rig}, {result.device_class}"),
        Fact(name="Machine", text=_machine(result.rig_info)),
        Fact(name="Model", text=_model(result), whole=result.model_bundle_sha256),
        Fact(name="Pipeline", text=_short(result.pipeline_sha256), whole=result.pipeline_sha256),
        Fact(name="Start", text=moment(result.started_at_utc) or "— not recorded"),
        Fact(name="End", text=moment(result.ended_at_utc) or "— not recorded"),
        Fact(
            name="Measured",
            text=missing("the run has no measured part") if measured is None else format_duration(measured),
        ),
        Fact(name="Operator", text=one_line(result.operator) or "— not named"),
        Fact(name="hilrig", text=result.hilrig_version),
    ]


def plan_facts(result: Result) -> list[Fact]:
    """Return what else was asked for."""
    return [
        Fact(name="feed", text=result.feed),
        Fact(name="warm-up cut", text=f"{number(result.n_warmup_frames_cut)} frames"),
        Fact(
            name="profile",
            text=f"{result.profile_name} {_short(result.profile_sha256)}",
            whole=result.profile_sha256,
        ),
    ]


def _machine(rig_info: Mapping[str, Any]) -> str:
    facts = rig_info.get("facts")
    known = facts if isinstance(facts, Mapping) else {}
    parts = [str(known[name]) for name in _MACHINE if known.get(name)]
    parts += [f"{word} {known[name]}" for name, word in _VERSIONS.items() if known.get(name)]
    return one_line(", ".join(parts)) or "— not recorded"


def _model(result: Result) -> str:
    names = ", ".join(sorted(result.model_files_sha256))
    return one_line(f"{names} {_short(result.model_bundle_sha256)}")


def _short(digest: str) -> str:
    """Return the ends of a digest, enough to compare by eye."""
    return f"{digest[:8]}…{digest[-2:]}" if digest else "— no sha256 recorded"
