"""The options of the backend `onnx`, without the runtime: whoever only reads them need not load it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import ClassVar, Final

CPU_PROVIDER: Final = "CPUExecutionProvider"
TENSORRT_PROVIDER: Final = "TensorrtExecutionProvider"


@dataclass(frozen=True, kw_only=True)
class OnnxOptions:
    """How ONNX Runtime is set up.

    Args:
        providers: execution providers in order of preference; each must be there, or the run is refused. Without
            the CPU's provider the list is strict: no node may fall back to it.
        provider_options: options of a provider, by its name, as ONNX Runtime documents them.
        intra_op_threads: threads inside one operator; more than the free cores makes the tail worse.
        inter_op_threads: threads across operators.
        accelerator_time_share_min_pct: part of the node time that the first provider has to take in the probe
            before a run. Without effect when that is the CPU's.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}
    providers: tuple[str, ...] = (CPU_PROVIDER,)
    provider_options: Mapping[str, Mapping[str, str | int | bool]] = field(default_factory=dict)
    intra_op_threads: int = 1
    inter_op_threads: int = 1
    accelerator_time_share_min_pct: float = 90.0

    def __post_init__(self) -> None:
        if not self.providers:
            raise ValueError("providers must name at least one execution provider")
        if len(set(self.providers)) < len(self.providers):
            raise ValueError("providers must name each execution provider once")
        if CPU_PROVIDER in self.providers[:-1]:
            raise ValueError(f"providers: {CPU_PROVIDER} takes every node, so it must be the last")
        if self.intra_op_threads < 1 or self.inter_op_threads < 1:
            raise ValueError("threads must be at least 1")
        if not 0 < self.accelerator_time_share_min_pct <= 100:  # noqa: PLR2004 - per cent
            raise ValueError(
                "accelerator_time_share_min_pct must be over 0 and at most 100, "
                f"found {self.accelerator_time_share_min_pct:g}"
            )
        self._refuse_unfit_provider_options()

    @property
    def accelerator(self) -> str | None:
        """Return the provider that is to do the work; None when that is the CPU's."""
        return None if self.providers[0] == CPU_PROVIDER else self.providers[0]

    def _refuse_unfit_provider_options(self) -> None:
        for provider, options in self.provider_options.items():
            if provider not in self.providers:
                raise ValueError(f"provider_options: {provider} is not among providers")
            for name, value in options.items():
                if name.endswith("_path") and not PurePath(str(value)).is_absolute():
                    raise ValueError(  # each process of a run has a current folder of its own
                        f"provider_options.{provider}.{name} must be an absolute path, found {value}"
                    )
