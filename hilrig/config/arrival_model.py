"""The keys under `arrivals`: when frames are due. What the keys together forbid stands in `arrival_rules`."""

from typing import Annotated, Final

from pydantic import Field

from hilrig.config.keys import Keys, Positive, RelativePath
from hilrig.core.arrivals import BURST_FRAMES_MAX, CAMERAS_MAX
from hilrig.core.profile import ArrivalModel, ArrivalSpec

SEED_MAX: Final = 999_999

_NotNegative = Annotated[float, Field(ge=0)]


class ArrivalKeys(Keys):
    """When frames are due. In every model, `frame_rate_fps` is the mean rate of each camera."""

    model: ArrivalModel = Field(
        default=ArrivalModel.FIXED,
        description="`fixed`: equal periods, as of a free-running camera. `burst`: a trigger takes several frames "
        "in quick succession. `jitter`: frames come a little before or after their place on the grid. `poisson`: "
        "parts come independently of each other. `trace`: arrivals as recorded on a line.",
    )
    camera_offsets_ms: Annotated[tuple[_NotNegative, ...], Field(min_length=1, max_length=CAMERAS_MAX)] = Field(
        default=(0.0,),
        description="One camera for each number: its phase, ascending, less than the period. All cameras feed the "
        "one pipeline. Only with `fixed` and `jitter`; left out, one camera.",
    )
    burst_frames: Annotated[int, Field(ge=2, le=BURST_FRAMES_MAX)] | None = Field(
        default=None, description="Frames of one trigger. Needed by `burst`, and by no other model."
    )
    burst_spacing_ms: Positive | None = Field(
        default=None,
        description="Time between two frames of one trigger. Needed by `burst`, and by no other model.",
    )
    jitter_ms: Positive | None = Field(
        default=None,
        description="A frame is due up to this much before or after its place on the grid, every moment of it "
        "equally likely; less than half the time between two frames. Needed by `jitter`, and by no other model.",
    )
    seed: Annotated[int, Field(ge=0, le=SEED_MAX)] = Field(
        default=0, description="Another seed, other arrivals. Only with `jitter` and `poisson`."
    )
    trace: RelativePath | None = Field(
        default=None,
        description="File with one arrival time in ms a line, ascending, at most 100,000 of them; the first line "
        "may be `t_ms`. It is replayed in a cycle; the gap after the last arrival is the mean gap. Its mean rate "
        "must be within 1 % of `frame_rate_fps`. Needed by `trace`, and by no other model.",
    )

    def spec(self) -> ArrivalSpec:
        """Return the arrivals; those of a trace still without its gaps."""
        return ArrivalSpec(
            model=self.model,
            camera_offsets_ms=self.camera_offsets_ms,
            burst_frames=self.burst_frames or 1,
            burst_spacing_ms=self.burst_spacing_ms or 0.0,
            jitter_ms=self.jitter_ms or 0.0,
            seed=self.seed,
        )
