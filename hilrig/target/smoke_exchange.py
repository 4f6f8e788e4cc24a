"""What is asked of a smoke run of a model, with what it found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hilrig.core.accelerator import ProviderShare

ZEROS, RANDOM, GOLDEN = "zeros", "random", "golden"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenInput:
    """One input tensor that a pipeline made: C order, little-endian, in a file of its own."""

    name: str
    file: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeAsked:
    """A model and how it is to be tried.

    Args:
        files: of the model, relative to `folder`; the first is the graph.
        folder: where they lie, absolute.
        options: of the backend `onnx`.
        golden: what it is shown; None: zeros, and random numbers of a fixed seed.
        output_name: of the output that is kept; empty: all outputs, one after the other.
        memory_mib: how much it may allocate.
    """

    files: tuple[str, ...]
    folder: str
    options: Mapping[str, Any]
    golden: GoldenInput | None
    output_name: str
    memory_mib: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeOutput:
    """What the model gave for one input.

    Args:
        shown: `zeros`, `random` or `golden`.
        n_values: numbers in all outputs.
        n_not_finite: of these NaN or infinite.
        values: the first of them, None for one that is not finite.
    """

    shown: str
    n_values: int
    n_not_finite: int
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeFound:
    """What came of it.

    Args:
        runtime_version: of ONNX Runtime.
        available: providers that the runtime has.
        active: providers of the session, in the runtime's order; empty when none was opened.
        shares: what each provider did.
        outputs: one for each input that was shown.
        files_sha256: of the model's files as they were when they were loaded.
        refused: the runtime's first words when it did not load or run the model.
    """

    runtime_version: str
    available: tuple[str, ...]
    active: tuple[str, ...] = ()
    shares: tuple[ProviderShare, ...] = ()
    outputs: tuple[SmokeOutput, ...] = ()
    files_sha256: Mapping[str, str]
    refused: str = ""
