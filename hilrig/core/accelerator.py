"""What a short probe before the run proved of the accelerator that a profile asks for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderShare:
    """What one execution provider did in the probe.

    Args:
        provider: its name in ONNX Runtime.
        n_assigned: nodes of the graph that the runtime gave to it; None where this runtime does not tell.
        n_executed: node executions seen in the probe's profile.
        time_share_pct: its part of the time that nodes took.
    """

    provider: str
    n_assigned: int | None
    n_executed: int
    time_share_pct: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """A telemetry channel that watched the probe from outside the runtime.

    Without a rise the device was idle, whatever the runtime claims.

    Args:
        channel: its key.
        unit: of both readings.
        before: its highest reading before the probe; None when it gave none.
        during: its highest reading while the probe ran; None when it gave none.
        rose: whether that was a rise.
        reason: why it could not tell; empty where it could.
    """

    channel: str
    unit: str
    before: float | None
    during: float | None
    rose: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceleratorProof:
    """The evidence of one probe, made in a process of its own before the run.

    Args:
        asked: providers of the profile, in order of preference.
        available: providers that the runtime has.
        active: providers of the session, in the runtime's order.
        distribution: the installed package that owns the module onnxruntime.
        runtime_version: its version.
        n_frames: inferences in the probe.
        time_share_min_pct: what the profile requires of the first provider.
        shares: what each provider did.
        witnesses: channels that can see the device work.
    """

    asked: tuple[str, ...]
    available: tuple[str, ...]
    active: tuple[str, ...]
    distribution: str
    runtime_version: str
    n_frames: int
    time_share_min_pct: float
    shares: tuple[ProviderShare, ...]
    witnesses: tuple[Witness, ...]

    @property
    def time_share_pct(self) -> float:
        """Return the share of node time of the provider that the profile asks for first."""
        return sum(one.time_share_pct for one in self.shares if one.provider == self.asked[0])
