"""Whether a profile asks for the measurement that a run is, so that its limits may be held against that run."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from hilrig.app.soak.plan import mean_rate_fps
from hilrig.config.arrival_trace import read_trace
from hilrig.config.document import Document
from hilrig.config.profile import PROFILE_FILE, parse_profile
from hilrig.config.source_file import read_bytes
from hilrig.config.yaml_source import read_yaml
from hilrig.core.errors import ConfigError, PreconditionError, UsageError
from hilrig.core.profile import Profile
from hilrig.core.run import RunPlan
from hilrig.core.units import NS_PER_S

POOL: Final = "feed.pool_frames"
"""A feed with fewer frames than its profile asks for gives those that it has."""

RUN_AGAIN: Final = "what was not measured cannot be judged: hilrig run"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedProfile:
    """The other profile: its bytes, what is written where in them, what it means."""

    text: bytes
    document: Document
    profile: Profile

    def states(self, key: str) -> bool:
        """Return whether the file writes this key, rather than leaves it to hilrig."""
        return self.document.get(tuple(key.split("."))) is not None


def read_asked(path: Path) -> AskedProfile:
    """Return a profile as it stands; neither its model nor its runtime has to be on this machine.

    Raises:
        UsageError: there is no such profile, or it has mistakes.
    """
    file = path / PROFILE_FILE if path.is_dir() else path
    if not file.is_file():
        raise UsageError(f"no profile in {path}", hint="give a profile's folder, or its profile.yaml")
    text = read_bytes(file)
    profile = parse_profile(text, file=str(file), folder=str(file.parent))
    document = read_yaml(text, file=str(file))
    trace, problems = read_trace(document, file.parent)
    if problems:
        raise ConfigError(problems)
    if trace is not None:
        arrivals = replace(profile.arrivals, trace_gaps_ns=trace.gaps_ns, trace_sha256=trace.sha256)
        profile = replace(profile, arrivals=arrivals)
    return AskedProfile(text=text, document=document, profile=profile)


def refuse_other_measurement(plan: RunPlan, own: Profile, asked: AskedProfile) -> None:
    """Refuse a profile that asks for more than other limits.

    What neither the run's own profile nor the new one states is no difference, also where the run was made before
    hilrig did it.

    Raises:
        PreconditionError: it does; every difference is named.
    """
    differences = list(_differences(plan, own, asked))
    if differences:
        raise PreconditionError(
            f"run {plan.run_id} measured something else than this profile asks for: " + "; ".join(differences),
            hint=RUN_AGAIN,
        )


def _differences(plan: RunPlan, own: Profile, asked: AskedProfile) -> Iterator[str]:
    profile = asked.profile
    if plan.device_class not in profile.device_classes:
        classes = ", ".join(profile.device_classes)
        yield f"device_class: it ran on {plan.device_class}, the profile is for {classes}"
    if profile.model.bundle_sha256 not in (None, plan.model_bundle_sha256):
        yield (
            f"model.bundle_sha256: it measured {plan.model_bundle_sha256}, "
            f"the profile asks for {profile.model.bundle_sha256}"
        )
    rate_fps = Fraction(NS_PER_S * plan.period_denominator, plan.period_numerator_ns)
    measured = _measurement(plan, rate_fps=rate_fps, n_warmup_frames=plan.n_warmup_frames)
    before, now = _asked_by(own, rate_fps=rate_fps), _asked_by(profile, rate_fps=mean_rate_fps(profile))
    for key in sorted(measured.keys() | now.keys()):
        is_same_wish = now.get(key) == before.get(key) and (key == POOL or not asked.states(key))
        if now.get(key) != measured.get(key) and not is_same_wish:
            yield f"{key}: it measured {_shown(measured.get(key))}, the profile asks for {_shown(now.get(key))}"


def _asked_by(profile: Profile, *, rate_fps: Fraction) -> dict[str, Any]:
    return _measurement(profile, rate_fps=rate_fps, n_warmup_frames=round(profile.warmup_s * rate_fps))


def _measurement(made_of: RunPlan | Profile, *, rate_fps: Fraction, n_warmup_frames: int) -> dict[str, Any]:
    """Return what makes a run the measurement that it is, by the keys of a profile; the rest is judged.

    The model's digest is compared by itself, because a profile may leave it open; a trace's gaps by their digest.
    """
    nouns = {
        "model": {**asdict(made_of.model), "bundle_sha256": None},
        "pipeline": asdict(made_of.pipeline),
        "feed": asdict(made_of.feed),
        "arrivals": {**asdict(made_of.arrivals), "trace_gaps_ns": None},
        "queue": asdict(made_of.queue),
        "companions": [asdict(one) for one in made_of.companions],
        "actuation": None if made_of.actuation is None else asdict(made_of.actuation),
        "power_loss": {"subject_file": made_of.power_loss and made_of.power_loss.subject_file},
        "run": {
            **asdict(made_of.tuning),
            "telemetry_period_ms": made_of.telemetry_period_ms,
            "warmup_s": f"{n_warmup_frames} frames",
        },
        "hil_validation.latency.frame_rate_fps": f"{rate_fps} of all cameras together",
    }
    return dict(_flat(nouns, ""))


def _flat(value: Any, at: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{at}.{key}".lstrip("."))
    else:
        yield at, value


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(getattr(value, "value", value))
