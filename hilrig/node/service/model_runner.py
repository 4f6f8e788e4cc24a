"""One release's model, as the inference process runs it: read, held against its digests, warmed up, asked."""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hilrig.config.noun_json import from_json
from hilrig.core import registry
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import PreconditionError, StoreError
from hilrig.core.ports import Backend
from hilrig.core.release import RELEASE_FILE, GoldenSample, ReleaseManifest
from hilrig.node.release_files import MODEL_FOLDER
from hilrig.node.service.input_spec import InputSpec, input_spec
from hilrig.node.service.messages import Answer, Kind, Status, undecided
from hilrig.target.decide import Decider

N_WARMUP: Final = 3
"""The first runs allocate and pick kernels; they belong to loading."""


class ModelRunner:
    """Runs the pipeline of one release.

    Args:
        folder: of the release in the store.
        release_sha256: the digest that its release.json must have.

    Raises:
        StoreError: release.json is not the one that was asked for.
        UsageError: no such backend, or a library that it needs is missing.
    """

    def __init__(self, folder: Path, *, release_sha256: str) -> None:
        self._folder = folder / MODEL_FOLDER
        self._manifest = read_manifest(folder, release_sha256=release_sha256)
        self._spec = input_spec(self._manifest)
        self._backend = _backend(self._manifest, self._folder)
        self._decide = Decider(self._manifest.model.labels, self._manifest.pipeline.decide.thresholds)
        self._has_told = False

    def prepare(self) -> Mapping[str, Any]:
        """Load the model, prove that it is the release's and that it scores as it must; return facts as JSON.

        Raises:
            PreconditionError: it does not load on the providers asked for, or takes another input.
            StoreError: a file that was read is not the one that the release lists, or the golden sample scores
                differently here.
        """
        facts = self._backend.load()
        _refuse_other_files(self._manifest, facts.get("files_sha256", {}))
        self._tensor = self._backend.input()
        if self._tensor.dtype.name != self._spec.dtype:
            raise PreconditionError(
                f"the model takes {self._tensor.dtype.name}, the release says {self._spec.dtype}"
            )
        self._preprocess = _preprocessor(self._manifest, self._tensor)
        self._warm_up(self._manifest.golden)
        providers = facts.get("providers", [])
        return {
            "runtime_version": f"{facts.get('runtime', '')} {facts.get('version', '')}".strip(),
            "delegate_active": providers[0] if providers else "",
        }

    def run(self, ticket: int, kind: Kind, slot: memoryview) -> Answer:
        """Return the decision on what lies in `slot`; never raises: a fault of the runtime is an answer too."""
        try:
            self._fill(kind, slot)
            if not self._is_in_range():
                return undecided(ticket, Status.BAD_INPUT)
            begin_ns = time.monotonic_ns()
            scores = self._backend.infer()
            infer_ns = time.monotonic_ns() - begin_ns
            decision = self._decide(scores)
        except Exception as error:  # noqa: BLE001 - a runtime's own exceptions share no public base class
            self._tell_once(error)
            return undecided(ticket, Status.ERROR)
        if decision is None:
            return undecided(ticket, Status.NON_FINITE, infer_ns=infer_ns)
        defects, score = decision
        return Answer(
            ticket=ticket,
            status=Status.DECIDED,
            infer_ns=infer_ns,
            defects=defects,
            score=score,
            scores=scores.astype(np.float32, copy=False).reshape(-1),
        )

    def _fill(self, kind: Kind, slot: memoryview) -> None:
        if kind is Kind.TENSOR:
            self._tensor[...] = np.frombuffer(slot[: self._spec.n_tensor_bytes], self._spec.dtype).reshape(
                self._spec.shape
            )
            return
        frame = np.frombuffer(slot[: self._spec.n_frame_bytes], np.uint8)
        self._preprocess(frame.reshape(self._spec.frame_shape))

    def _is_in_range(self) -> bool:
        """Return whether every element is finite and in range: min and max give a NaN when there is one."""
        low, high = self._tensor.min(), self._tensor.max()
        if self._spec.low is None or self._spec.high is None:
            return bool(np.isfinite(low) and np.isfinite(high))
        return bool(low >= self._spec.low and high <= self._spec.high)

    def _warm_up(self, golden: GoldenSample | None) -> None:
        self._tensor[...] = (
            0 if golden is None else _golden_input(self._manifest, golden, self._folder, self._spec)
        )
        for _ in range(N_WARMUP):
            scores = self._backend.infer()
            _refuse_non_finite(scores)
        if golden is not None:
            _refuse_other_scores(scores, golden)

    def _tell_once(self, error: Exception) -> None:
        """Write what the runtime says to the log, never to a client; the metrics count the others."""
        if not self._has_told:
            self._has_told = True
            sys.stderr.write(f"first error of the runtime: {type(error).__name__}: {error}\n")


def read_manifest(folder: Path, *, release_sha256: str) -> ReleaseManifest:
    """Return the manifest in a release's folder of the store.

    Raises:
        StoreError: it cannot be read, or does not have this digest.
        RecordError: it is no manifest.
    """
    path = folder / RELEASE_FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}", hint="stage the release again") from error
    if sha256_hex(data) != release_sha256:
        raise StoreError(f"{path} does not have the digest {release_sha256}", hint="stage the release again")
    return from_json(ReleaseManifest, data, what=str(path))


def _backend(manifest: ReleaseManifest, folder: Path) -> Backend:
    declared = manifest.pipeline.backend
    if declared is None:
        raise PreconditionError(
            f"release {manifest.name} names no backend: its pipeline runs elsewhere",
            hint="publish it with a backend",
        )
    factory = registry.load("backends", declared.name)
    options = factory.Options(**declared.options)  # type: ignore[attr-defined] # by the port's contract
    backend: Backend = factory(options, manifest.model, folder)
    return backend


def _preprocessor(manifest: ReleaseManifest, tensor: NDArray[Any]) -> Callable[[NDArray[np.uint8]], None]:
    if manifest.pipeline.preprocess is None:
        return _no_preprocess
    from hilrig.target.preprocess import Preprocessor  # OpenCV: only for releases that declare a preprocess

    return Preprocessor(manifest.pipeline.preprocess, tensor)


def _no_preprocess(_: NDArray[np.uint8]) -> None:
    raise PreconditionError("the release declares no preprocess: it takes tensors only")


def _refuse_other_files(manifest: ReleaseManifest, found: Mapping[str, str]) -> None:
    listed = {file.path: file.sha256 for file in manifest.files}
    other = [path for path in manifest.model.files if found.get(path) != listed.get(path)]
    if other:
        raise StoreError(
            f"{', '.join(other)}: what was loaded is not what release {manifest.name} lists",
            hint="stage the release again",
        )


def _golden_input(manifest: ReleaseManifest, golden: GoldenSample, folder: Path, spec: InputSpec) -> NDArray[Any]:
    paths = [file.path for file in manifest.files if file.sha256 == golden.input_sha256]
    if not paths:
        raise StoreError(f"release {manifest.name} does not list its golden sample", hint="publish it again")
    try:
        data = (folder / paths[0]).read_bytes()
    except OSError as error:
        raise StoreError(f"{folder / paths[0]} cannot be read: {error.strerror}") from error
    if sha256_hex(data) != golden.input_sha256 or len(data) != spec.n_tensor_bytes:
        raise StoreError(f"{folder / paths[0]} is not the golden sample of the release", hint="stage it again")
    return np.frombuffer(data, np.dtype(spec.dtype).newbyteorder("<")).reshape(spec.shape)


def _refuse_non_finite(scores: NDArray[Any]) -> None:
    if not np.isfinite(scores).all():
        raise StoreError("the model's scores are not finite on a good input", hint="export the model again")


def _refuse_other_scores(scores: NDArray[Any], golden: GoldenSample) -> None:
    expected = np.asarray(golden.scores, np.float64)
    if scores.size != expected.size:
        raise StoreError(f"the golden sample has {expected.size} scores, the model gives {scores.size}")
    difference = float(np.abs(scores.astype(np.float64).reshape(-1) - expected).max())
    if not difference <= golden.tolerance:
        raise StoreError(
            f"the golden sample scores differently on this node: off by {difference:.3g}, "
            f"{golden.tolerance:.3g} is allowed",
            hint="this stack changes the numbers: have the gate run on this device class",
        )
