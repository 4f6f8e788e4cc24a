"""A golden diagnostic bundle run on this machine: which frames come out as they did, what differs."""

from collections.abc import Iterator
from pathlib import Path

from hilrig.app.folders import bundled_profile
from hilrig.app.golden.bundle import read_bundle
from hilrig.app.golden.making import bundle_info
from hilrig.app.golden.pipeline import GoldenPipeline, golden_pipeline
from hilrig.config.profile import load_profile
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import PreconditionError
from hilrig.core.golden_bundle import BundleCheck, BundleInfo, ExpectedFrame, FrameCheck
from hilrig.core.verdict import CheckStatus
from hilrig.feed.png import decode_png
from hilrig.gate.bundle_zip import Bundle
from hilrig.gate.golden_compare import compare_frame, failed_frame
from hilrig.rig.local import inspect_local


def check_bundle(path: Path, profile_path: Path | None) -> BundleCheck:
    """Run a bundle's frames through a profile's pipeline on this machine, whatever its class.

    Args:
        path: the bundle.
        profile_path: None: the profile of the bundle's name in ./profiles, else the one that comes with hilrig.

    Raises:
        RecordError: it is no bundle.
        PreconditionError: the pipeline does not run here, or a picture cannot be decoded.
    """
    bundle = read_bundle(path)
    profile = load_profile(profile_path or _profile_of(bundle.info.profile_name))
    with golden_pipeline(profile) as pipeline:
        classes = " or ".join(inspect_local(name="local").device_classes)
        here = bundle_info(profile, pipeline, device_class=classes, set_sha256=bundle.info.set_sha256)
        frames = tuple(_checked(frame, bundle, pipeline) for frame in bundle.expected)
    is_same = all(frame.status is CheckStatus.PASS for frame in frames)
    return BundleCheck(
        profile_name=profile.name,
        device_class=classes,
        differences=tuple(_differences(bundle.info, here)),
        frames=frames,
        status=CheckStatus.PASS if is_same else CheckStatus.FAIL,
    )


def _checked(frame: ExpectedFrame, bundle: Bundle, pipeline: GoldenPipeline) -> FrameCheck:
    info = bundle.info
    pixels = decode_png(bundle.inputs[frame.name], width_px=frame.width_px, height_px=frame.height_px)
    if sha256_hex(pixels.data) != frame.pixels_sha256:
        return failed_frame(frame, "the picture decodes to other pixels here")
    return compare_frame(frame, pipeline.ask(pixels), thresholds=info.thresholds, tolerance=info.tolerance)


def _differences(there: BundleInfo, here: BundleInfo) -> Iterator[str]:
    """Yield what is not the same, most telling first."""
    names = ("bundle_sha256", "pipeline_sha256", "profile_sha256", "device_class")
    words = {"bundle_sha256": "model", "pipeline_sha256": "pipeline", "profile_sha256": "profile.yaml"}
    pairs = {words.get(name, name): (getattr(there, name), getattr(here, name)) for name in names}
    for name in sorted({*there.versions, *here.versions}):
        pairs[name] = (there.versions.get(name, "absent"), here.versions.get(name, "absent"))
    yield from (f"{name}: {old} in the bundle, {new} here" for name, (old, new) in pairs.items() if old != new)


def _profile_of(name: str) -> Path:
    beside = Path("profiles") / name
    if (beside / "profile.yaml").is_file():
        return beside
    try:
        return bundled_profile(name)
    except PreconditionError as error:
        raise PreconditionError(
            f"the bundle is of the profile {name}, which is not in ./profiles",
            hint="name the folder of the profile that this rig runs: --profile DIR",
        ) from error
