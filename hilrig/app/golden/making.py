"""A golden diagnostic bundle made: the golden set run, its most telling frames kept as pictures."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from hilrig import __version__
from hilrig.app.golden.pipeline import GoldenPipeline, golden_pipeline
from hilrig.app.golden.published import TOLERANCE
from hilrig.app.golden.run import class_here
from hilrig.app.golden.shown_set import GoldenFrame, Shown, ask_about_all, golden_spec
from hilrig.config.profile import load_profile
from hilrig.core.canonical import sha256_hex
from hilrig.core.clock import Clock
from hilrig.core.errors import PreconditionError, RecordError, UsageError
from hilrig.core.golden_bundle import BundleInfo, ExpectedFrame
from hilrig.core.profile import Profile
from hilrig.core.units import BYTES_PER_MIB
from hilrig.feed.opening import open_feed
from hilrig.feed.png import encode_png
from hilrig.gate.bundle_zip import BUNDLE_BYTES_MAX, N_INPUTS_MAX, Bundle, pack
from hilrig.gate.golden_choice import Candidate, choose
from hilrig.gate.log_tail import log_tail
from hilrig.record.run_directory import write_atomic
from hilrig.record.untrusted_file import open_untrusted
from hilrig.rig.software import package_versions
from hilrig.target.identity import pipeline_sha256
from hilrig.target.model_files import bundle_sha256

LOG_BYTES_READ: Final = 4 * BYTES_PER_MIB
"""The end of a log that is looked at: two hundred lines of 20 KiB."""
_ROOM_FOR_WORDS: Final = 256 << 10  # bundle.json, expected.json, the log's tail and the zip's own entries


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRequest:
    """What goes into a bundle. `log` is a node's log in JSON lines; None: none."""

    profile: Path
    out: Path
    n_frames: int
    log: Path | None = None
    rig_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBundle:
    """A bundle that was written. `n_left_out` frames would have made it too large."""

    bundle: Bundle
    n_bytes: int
    sha256: str
    n_left_out: int


def make_bundle(request: BundleRequest, *, clock: Clock, shown: Shown) -> MadeBundle:
    """Run the golden set, write the bundle of its most telling frames. Equal input gives equal bytes.

    Raises:
        UsageError: the profile has no golden set, too many frames are asked for, or the file cannot be written.
        PreconditionError: the pipeline does not run here, or decides no frame.
        RecordError: the log cannot be read.
    """
    if not 1 <= request.n_frames <= N_INPUTS_MAX:
        raise UsageError(f"a bundle has 1 to {N_INPUTS_MAX} frames, not {request.n_frames}", hint="--n 12")
    log = b"" if request.log is None else log_tail(_end_of(request.log))
    profile = load_profile(request.profile)
    here = class_here(profile, request.rig_file)
    with golden_pipeline(profile) as pipeline:
        set_sha256, seen = ask_about_all(profile, pipeline, _candidate, clock=clock, shown=shown)
        info = bundle_info(profile, pipeline, device_class=here, set_sha256=set_sha256)
    candidates = {one.index: one for one in seen if one.answer.found is not None}
    chosen = choose(list(candidates.values()), profile.pipeline.decide.thresholds, request.n_frames)
    pictures = _fitting(_pictures(profile, [candidates[index] for index in chosen]))
    if not pictures:
        why = "no frame was decided" if not chosen else f"one frame is over {BUNDLE_BYTES_MAX >> 20} MiB"
        raise PreconditionError(
            f"nothing can go into the bundle: {why}", hint=f"hilrig golden run {request.profile}"
        )
    expected = tuple(
        _expected(place, candidates[index], why=chosen[index]) for place, index in enumerate(pictures)
    )
    inputs = {frame.name: pictures[frame.index] for frame in expected}
    bundle = Bundle(info=info, expected=expected, inputs=inputs, log=log)
    data = pack(bundle)
    _write(request.out, data)
    return MadeBundle(
        bundle=bundle, n_bytes=len(data), sha256=sha256_hex(data), n_left_out=len(chosen) - len(pictures)
    )


def bundle_info(profile: Profile, pipeline: GoldenPipeline, *, device_class: str, set_sha256: str) -> BundleInfo:
    """Return what a bundle of this pipeline says of itself; `pack` adds the files."""
    return BundleInfo(
        profile_name=profile.name,
        profile_sha256=profile.sha256,
        device_class=device_class,
        bundle_sha256=bundle_sha256(pipeline.model_files_sha256),
        pipeline_sha256=pipeline_sha256(profile.pipeline, profile.model),
        set_sha256=set_sha256,
        versions=_versions(pipeline),
        thresholds=dict(profile.pipeline.decide.thresholds),
        tolerance=TOLERANCE,
        files_sha256={},
    )


def _versions(pipeline: GoldenPipeline) -> dict[str, str]:
    facts = pipeline.facts
    providers = facts.get("providers")
    return {
        "hilrig": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "runtime": f"{facts.get('runtime', '')} {facts.get('version', '')}".strip(),
        "providers": ", ".join(map(str, providers)) if isinstance(providers, list) else "",
        **package_versions(),
    }


def _candidate(frame: GoldenFrame) -> Candidate:
    grey = cv2.cvtColor(frame.pixels, cv2.COLOR_BGR2GRAY)
    height_px, width_px = grey.shape
    return Candidate(
        index=frame.index,
        truth=frame.truth,
        answer=frame.answer,
        brightness=float(grey.mean()),
        sharpness=float(cv2.Laplacian(grey, cv2.CV_64F).var()),  # little: few edges, so it is blurred
        width_px=width_px,
        height_px=height_px,
        pixels_sha256=sha256_hex(frame.pixels.data),
    )


def _pictures(profile: Profile, chosen: list[Candidate]) -> dict[int, bytes]:
    """Return the chosen frames as PNG, by index, in the order of `chosen`; read in the order of the set."""
    feed = open_feed(golden_spec(profile).feed, Path(profile.folder))
    found = {}
    try:
        size = feed.describe()
        pixels = np.empty((size.height_px, size.width_px, 3), np.uint8)
        for candidate in sorted(chosen, key=lambda one: one.index):
            feed.fill(candidate.index, pixels)
            if sha256_hex(pixels.data) != candidate.pixels_sha256:
                raise PreconditionError(
                    f"golden frame {candidate.index} is another one the second time it is read",
                    hint="a golden set must not change while it is used",
                )
            found[candidate.index] = encode_png(pixels)
    finally:
        feed.close()
    return {candidate.index: found[candidate.index] for candidate in chosen}


def _fitting(pictures: Mapping[int, bytes]) -> dict[int, bytes]:
    """Return the first of the pictures that together stay below the limit."""
    room = BUNDLE_BYTES_MAX - _ROOM_FOR_WORDS
    fitting = {}
    for index, data in pictures.items():
        room -= len(data)
        if room < 0:
            break
        fitting[index] = data
    return fitting


def _expected(place: int, candidate: Candidate, *, why: tuple[str, ...]) -> ExpectedFrame:
    return ExpectedFrame(
        name=f"inputs/{place:03d}.png",
        index=candidate.index,
        why=why,
        width_px=candidate.width_px,
        height_px=candidate.height_px,
        pixels_sha256=candidate.pixels_sha256,
        truth=candidate.truth,
        answer=candidate.answer,
    )


def _end_of(path: Path) -> bytes:
    file = open_untrusted(path)
    if file is None:
        raise RecordError(f"there is no log {path}", hint="give a file of JSON lines: --with-log FILE")
    with file:
        start = max(0, file.seek(0, 2) - LOG_BYTES_READ)
        file.seek(start)
        data = file.read(LOG_BYTES_READ)
    return data.partition(b"\n")[2] if start else data


def _write(path: Path, data: bytes) -> None:
    try:
        write_atomic(path, data)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}", hint="give a file in a folder that is there: --out FILE"
        ) from error
