"""What is asked of the probe of a model's providers, with what it found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hilrig.core.accelerator import ProviderShare


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeAsked:
    """A model and how to open it.

    Args:
        model: path of the graph.
        options: of the backend `onnx`, as the profile has them.
        input_name: its one input.
        input_shape: of that.
    """

    model: str
    options: Mapping[str, Any]
    input_name: str
    input_shape: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFound:
    """What came of it.

    Args:
        runtime_version: of ONNX Runtime.
        available: providers that the runtime has.
        active: providers of the session, in the runtime's order.
        n_frames: inferences that the shares are from.
        shares: what each provider did.
    """

    runtime_version: str
    available: tuple[str, ...]
    active: tuple[str, ...]
    n_frames: int
    shares: tuple[ProviderShare, ...]
