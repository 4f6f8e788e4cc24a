"""The synthetic weld camera: seeded frames of welds with their truth.

Some of the welds are defective.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, get_args

from hilrig.core.frame import FeedInfo, Pixels, Truth
from hilrig.feed.bounds import require_index
from hilrig.feed.camera import add_noise, develop, drift_gain, expose, vignette
from hilrig.feed.defects import PAINTERS
from hilrig.feed.plane import Plane
from hilrig.feed.seam import lay_seam, paint_part
from hilrig.feed.stream import Stream

Label = Literal["porosity", "crack", "undercut", "spatter"]
LABELS: Final[tuple[Label, ...]] = get_args(Label)

_PART, _DEFECTS, _SENSOR = range(3)  # streams of their own: other defects leave the plates as they are
_SIZES_PX: Final = range(128, 4097)
_TWO_KINDS: Final = 0.3  # share of defective parts that have two kinds of defect


@dataclass(frozen=True, kw_only=True)
class SyntheticOptions:
    """What the synthetic camera sees.

    Args:
        seed: picks the series of parts; below 2^32.
        width_px: frame width, 128 to 4096.
        height_px: frame height, 128 to 4096. Parts scale with the shorter edge.
        n_frames: number of distinct frames.
        defect_ratio: share of parts that are defective, 0 to 1.
        labels: kinds of defect that occur.
        severity_min: least severity of a defect, 0 (just visible) to 1.
        severity_max: greatest severity of a defect, 0 to 1.
        illumination_drift: how far the lamp swings to either side, as a share of its brightness, 0 to 0.9.
        drift_period_frames: frames from one brightest moment to the next.
        motion_blur_px: how far the part moves during the exposure, 0 to 64.
        sensor_noise: standard deviation of the noise as a share of full scale, 0 to 0.5.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    seed: int = 1
    width_px: int = 512
    height_px: int = 512
    n_frames: int = 1_000_000
    defect_ratio: float = 0.5
    labels: tuple[Label, ...] = LABELS
    severity_min: float = 0.0
    severity_max: float = 1.0
    illumination_drift: float = 0.1
    drift_period_frames: int = 240
    motion_blur_px: int = 2
    sensor_noise: float = 0.01

    def __post_init__(self) -> None:
        """Refuse what no camera can do."""
        _within("seed", self.seed, 0, 2**32 - 1)
        _within("width_px", self.width_px, _SIZES_PX[0], _SIZES_PX[-1])
        _within("height_px", self.height_px, _SIZES_PX[0], _SIZES_PX[-1])
        _within("n_frames", self.n_frames, 1, 2**32 - 1)
        _within("defect_ratio", self.defect_ratio, 0, 1)
        _within("severity_min", self.severity_min, 0, 1)
        _within("severity_max", self.severity_max, self.severity_min, 1)
        _within("illumination_drift", self.illumination_drift, 0, 0.9)
        _within("drift_period_frames", self.drift_period_frames, 1, 2**32 - 1)
        _within("motion_blur_px", self.motion_blur_px, 0, 64)
        _within("sensor_noise", self.sensor_noise, 0, 0.5)
        _distinct_labels(self.labels)


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # false for NaN as well
        raise ValueError(f"{name}: expected {low} to {high}, found {value}")


def _distinct_labels(labels: tuple[str, ...]) -> None:
    if not labels or len(set(labels)) != len(labels) or not set(labels) <= set(LABELS):
        raise ValueError(f"labels: expected some of {', '.join(LABELS)}, each once; found {list(labels)}")


class SyntheticFeed:
    """A seeded camera above a weld line. Frame i depends on the options and on i alone, to the byte."""

    Options: ClassVar[type[SyntheticOptions]] = SyntheticOptions

    def __init__(self, options: SyntheticOptions, folder: Path) -> None:  # noqa: ARG002 - reads no file
        self._options = options
        self._info = FeedInfo(n_frames=options.n_frames, height_px=options.height_px, width_px=options.width_px)
        self._vignette = vignette(options.height_px, options.width_px)

    def describe(self) -> FeedInfo:
        """Return the size of the series and of its frames."""
        return self._info

    def fill(self, index: int, pixels: Pixels) -> Truth:
        """Draw frame `index` into `pixels`; return what was drawn, in the order of `LABELS`.

        Raises:
            IndexError: there is no such frame.
        """
        require_index(index, self._info)
        options = self._options
        part = Stream(options.seed, _PART, index)
        seam = lay_seam(part, options.height_px, options.width_px)
        planes = paint_part(part, seam)
        chance = Stream(options.seed, _DEFECTS, index)
        defects = tuple(
            PAINTERS[label](planes, seam, chance, chance.between(options.severity_min, options.severity_max))
            for label in self._draw_labels(chance)
        )
        self._photograph(index, planes, pixels)
        return Truth(labels=tuple(defect.label for defect in defects), defects=defects)

    def close(self) -> None:
        """Release nothing: no file is open."""

    def _draw_labels(self, chance: Stream) -> list[Label]:
        if not chance.chance(self._options.defect_ratio):
            return []
        left = list(self._options.labels)
        drawn = [left.pop(chance.integer(0, len(left)))]
        if left and chance.chance(_TWO_KINDS):
            drawn.append(left.pop(chance.integer(0, len(left))))
        return sorted(drawn, key=LABELS.index)

    def _photograph(self, index: int, planes: list[Plane], pixels: Pixels) -> None:
        options = self._options
        gain = drift_gain(index, drift=options.illumination_drift, period_frames=options.drift_period_frames)
        light = self._vignette * gain
        exposed = [expose(plane, light, options.motion_blur_px) for plane in planes]
        sensor = Stream(options.seed, _SENSOR, index)
        develop(add_noise(sensor, exposed, options.sensor_noise), pixels)
