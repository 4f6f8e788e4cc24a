"""A model put aside for the compatibility check: what is hashed is what is tried, whoever changes it meanwhile."""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hilrig.config.profile import PROFILE_FILE, load_profile
from hilrig.core.compat import ModelFormat
from hilrig.core.errors import PreconditionError, UsageError
from hilrig.core.profile import Profile
from hilrig.gate.onnx_format import MODEL_MAX_BYTES, external_files, read_model_format
from hilrig.record.untrusted_file import open_untrusted
from hilrig.rig.agent.layout import safe_relative
from hilrig.target.model_files import bundle_sha256
from hilrig.target.smoke_exchange import GoldenInput, SmokeAsked

INPUT_FILE: Final = ".hilrig/input.bin"
THREADS: Final = ("intra_op_threads", "inter_op_threads")
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedModel:
    """A model in a folder of ours.

    Args:
        folder: where the files lie, each at `inside` of its name.
        files_sha256: by the names that the profile has for them; the graph comes first.
        golden: what a profile's pipeline makes of its first golden frame; None: a model alone has no frames.
        output_name: that a profile names; empty: all outputs.
        threads: options of the backend about threads, as a profile has them.
    """

    folder: Path
    files_sha256: Mapping[str, str]
    model_format: ModelFormat
    golden: GoldenInput | None = None
    output_name: str = ""
    threads: Mapping[str, Any] = field(default_factory=dict)

    @property
    def bundle_sha256(self) -> str:
        """Return the model's one digest."""
        return bundle_sha256(self.files_sha256)

    @property
    def placed_sha256(self) -> Mapping[str, str]:
        """Return the digests by where the files lie in our folder."""
        return {inside(name): digest for name, digest in self.files_sha256.items()}

    def asked(self, providers: tuple[str, ...], *, memory_mib: int) -> SmokeAsked:
        """Return the question of a smoke run on these providers."""
        return SmokeAsked(
            files=tuple(self.placed_sha256),
            folder=str(self.folder),
            options={**self.threads, "providers": list(providers)},
            golden=self.golden,
            output_name=self.output_name,
            memory_mib=memory_mib,
        )


@contextmanager
def staged_model(target: Path) -> Iterator[StagedModel]:
    """Give a copy of the model in a file, or of the one that a profile names.

    Raises:
        ConfigError: the profile has mistakes.
        UsageError: there is no such file, or the profile has no ONNX model.
        PreconditionError: the model is none, is not the pinned one, or has weights that are missing or elsewhere.
        RecordError: a file of it is a link or a pipe.
    """
    with tempfile.TemporaryDirectory(prefix="hilrig-compat-") as name:
        folder = Path(name)
        is_profile = target.is_dir() or target.suffix in (".yaml", ".yml")
        yield _of_profile(target, folder) if is_profile else _of_model(target, folder)


def inside(name: str) -> str:
    """Return where a file lies in our folder: a profile may use a model of another folder (`../other/m.onnx`).

    Weights keep their place beside the graph.

    Raises:
        UsageError: it is no relative path.
    """
    return safe_relative("/".join("up" if part == ".." else part for part in name.split("/")))


def _of_model(path: Path, folder: Path) -> StagedModel:
    if not path.exists():
        raise UsageError(
            f"there is no model {path}", hint=f"give an .onnx file, or the folder of a profile ({PROFILE_FILE})"
        )
    return _staged(path.parent, folder, (path.name,))


def _of_profile(path: Path, folder: Path) -> StagedModel:
    profile = load_profile(path)
    if not profile.model.files or not profile.model.files[0].endswith(".onnx"):
        raise UsageError(
            f"profile {profile.name} has no ONNX model: nothing can be looked up for it",
            hint="only model.files that begin with an .onnx file can be checked",
        )
    staged = _staged(Path(profile.folder), folder, profile.model.files)
    if profile.model.bundle_sha256 not in (None, staged.bundle_sha256):
        raise PreconditionError(
            f"the model of {profile.name} is not the one that its profile pins: expected bundle_sha256 "
            f"{profile.model.bundle_sha256}, found {staged.bundle_sha256}",
            hint="restore the model file, or pin the found digest as model.bundle_sha256 on purpose",
        )
    options: Mapping[str, Any] = profile.pipeline.backend.options if profile.pipeline.backend else {}
    return StagedModel(
        folder=folder,
        files_sha256=staged.files_sha256,
        model_format=staged.model_format,
        golden=_golden_input(profile, folder),
        output_name=profile.model.output_name,
        threads={name: options[name] for name in THREADS if name in options},
    )


def _staged(source: Path, folder: Path, files: tuple[str, ...]) -> StagedModel:
    graph = files[0]
    digests = {graph: _copied(source / graph, folder / inside(graph))}
    data = (folder / inside(graph)).read_bytes()
    model_format = read_model_format(data, name=str(source / graph))
    beside = Path(graph).parent
    weights = [(beside / name).as_posix() for name in external_files(data, name=str(source / graph))]
    _refuse_unlisted(source / graph, files, weights)
    for name in dict.fromkeys([*files[1:], *weights]):
        digests[name] = _copied(source / name, folder / inside(name))
    return StagedModel(folder=folder, files_sha256=digests, model_format=model_format)


def _refuse_unlisted(graph: Path, files: tuple[str, ...], weights: list[str]) -> None:
    unlisted = [name for name in weights if len(files) > 1 and name not in files]
    if unlisted:
        raise PreconditionError(
            f"{graph} reads weights from {', '.join(unlisted)}, which the profile does not list",
            hint=f"model.files: [{', '.join([*files, *unlisted])}]",
        )


def _copied(source: Path, copy: Path) -> str:
    """Copy a file; return its sha256."""
    file = open_untrusted(source)
    if file is None:
        raise PreconditionError(f"model file {source} is missing", hint="copy or export the model again")
    copy.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with file, copy.open("wb") as out:
        while chunk := file.read(_CHUNK_BYTES):
            size += len(chunk)
            if size > MODEL_MAX_BYTES:
                raise PreconditionError(
                    f"{source} has more than 2 GiB: no such model can be loaded", hint="is it one?"
                )
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def _golden_input(profile: Profile, folder: Path) -> GoldenInput | None:
    """Write what the pipeline makes of the first golden frame, of the feed's first one without a golden set."""
    import numpy as np

    from hilrig.feed.opening import open_feed
    from hilrig.target.preprocess import Preprocessor

    spec = profile.pipeline.preprocess
    if spec is None:
        return None
    feed = open_feed(profile.golden.feed if profile.golden else profile.feed, Path(profile.folder))
    try:
        size = feed.describe()
        pixels = np.zeros((size.height_px, size.width_px, 3), np.uint8)
        feed.fill(0, pixels)
    finally:
        feed.close()
    tensor = np.zeros(profile.model.input_shape, spec.dtype)
    Preprocessor(spec, tensor)(pixels)
    (folder / INPUT_FILE).parent.mkdir()
    (folder / INPUT_FILE).write_bytes(tensor.astype(tensor.dtype.newbyteorder("<")).tobytes())
    return GoldenInput(
        name=profile.model.input_name, file=INPUT_FILE, dtype=spec.dtype, shape=profile.model.input_shape
    )
