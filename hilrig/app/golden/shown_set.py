"""The golden set shown to the pipeline once, in order: the digest of its pixels, what came of every frame."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from hilrig.app.golden.pipeline import GoldenPipeline
from hilrig.core.clock import Clock
from hilrig.core.errors import PreconditionError, UsageError
from hilrig.core.frame import Pixels, Truth
from hilrig.core.golden_bundle import Answer
from hilrig.core.ports import Feed
from hilrig.core.profile import GoldenSpec, Profile
from hilrig.core.units import NS_PER_S
from hilrig.feed.opening import open_feed
from hilrig.feed.pool import stream_pool

_SHOWN_EVERY_S: Final = 5

Shown = Callable[[int, int, float], None]
"""Called now and then with the frames that are done, all of them, and about how many seconds are left."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class GoldenFrame:
    """A frame as it is seen on the way; the pixels are valid until the next one."""

    index: int
    pixels: Pixels
    truth: tuple[str, ...]
    answer: Answer


def golden_spec(profile: Profile) -> GoldenSpec:
    """Return the profile's golden set.

    Raises:
        UsageError: it has none.
    """
    if profile.golden is None:
        raise UsageError(
            f"{profile.name} has no golden set: nobody can say how well it decides",
            hint="add a golden: block with a feed of known truth to profile.yaml; see profiles/README.md",
        )
    return profile.golden


def ask_about_all(
    profile: Profile, pipeline: GoldenPipeline, keep: Callable[[GoldenFrame], _T], *, clock: Clock, shown: Shown
) -> tuple[str, list[_T]]:
    """Return the sha256 over all pixels, and what `keep` made of each frame.

    Raises:
        PreconditionError: the set is not the pinned one, too small, or of unknown truth.
    """
    spec = golden_spec(profile)
    feed = open_feed(spec.feed, Path(profile.folder))
    n_frames, whole, kept = spec.feed.pool_frames, hashlib.sha256(), []
    eta = _Eta(clock, n_frames, shown)
    try:
        _refuse_few(feed, n_frames)
        for index, (pixels, truth) in enumerate(stream_pool(feed, n_frames)):
            whole.update(pixels.data)
            answer = pipeline.ask(pixels)
            kept.append(keep(GoldenFrame(index, pixels, _known(truth, index, profile), answer)))
            eta.tell(index + 1)
    finally:
        feed.close()
    _refuse_other(spec, whole.hexdigest())
    return whole.hexdigest(), kept


class _Eta:
    """Says now and then how far it is."""

    def __init__(self, clock: Clock, n_frames: int, shown: Shown) -> None:
        self._clock, self._n_frames, self._shown = clock, n_frames, shown
        self._start_ns = self._last_ns = clock.monotonic_ns()

    def tell(self, done: int) -> None:
        now_ns = self._clock.monotonic_ns()
        if now_ns - self._last_ns >= _SHOWN_EVERY_S * NS_PER_S and done < self._n_frames:
            self._last_ns = now_ns
            left_s = (now_ns - self._start_ns) / NS_PER_S / done * (self._n_frames - done)
            self._shown(done, self._n_frames, left_s)


def _refuse_few(feed: Feed, n_frames: int) -> None:
    found = feed.describe().n_frames
    if found < n_frames:
        raise PreconditionError(
            f"golden.feed.pool_frames asks for {n_frames} frames, the feed has {found}",
            hint="put the missing frames back, or correct pool_frames in profile.yaml",
        )


def _known(truth: Truth, index: int, profile: Profile) -> tuple[str, ...]:
    """Return what is really in a frame: a set of unknown truth, or of labels the model lacks, proves nothing."""
    if truth.labels is None:
        raise PreconditionError(
            f"nobody knows what is in golden frame {index}", hint="give golden.feed a truth table: options.truth"
        )
    unknown = sorted(set(truth.labels) - set(profile.model.labels))
    if unknown:
        raise PreconditionError(
            f"golden frame {index} has {', '.join(unknown)}, which is none of model.labels "
            f"({', '.join(profile.model.labels)})",
            hint="correct the truth table or model.labels",
        )
    return truth.labels


def _refuse_other(spec: GoldenSpec, found: str) -> None:
    if spec.sha256 is not None and spec.sha256 != found:
        raise PreconditionError(
            f"the golden set is not the one that profile.yaml pins: expected sha256 {spec.sha256}, found {found}",
            hint="restore the frames, or pin the found digest as golden.sha256 on purpose",
        )
