"""The GPU of a Jetson from its devfreq folder: load, clock, clock limits."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from hilrig.core.channels import GPU_CLOCK, GPU_CLOCK_LIMIT, GPU_UTILIZATION, HW_ID, POWER_MODE
from hilrig.core.telemetry import Channel, ChannelKind, Reason, Tier
from hilrig.sampler.fact_file import numbered, read_fact
from hilrig.sampler.kept_file import KeptFile
from hilrig.sampler.silent import SilentSource
from hilrig.sampler.source import FileSource, FoldSource, Source, Value, natural

_GPU: Final = (HW_ID, "gpu0")
_NODES: Final = frozenset({"gpu", "ga10b", "gv11b", "gp10b"})
"""The GPU's name in the device trees of Orin (`gpu`, before JetPack 6 `ga10b`), Xavier and TX2."""

_THOR_PREFIX: Final = "gpu-gpc-"
"""Thor's GPU is a PCI device without a node in the tree: one devfreq folder for each of its clusters."""

_LOAD_MAX: Final = 1000
_ALIAS: Final = "sys/devices/platform/gpu.0"
_NOMINAL: Final = "sys/class/devfreq/17000000.gpu"


def gpu_sources(root: Path) -> list[Source]:
    """Return load, clock and the bounds of the clock.

    The bounds come twice: as what the clock may be, and as settings that must stay as they were. The kernel lowers
    `max_freq` for heat, too: then the run is not one of one machine, whoever changed it.
    """
    found = [folder for folder in numbered(root / "sys/class/devfreq", "*") if _is_gpu(folder)]
    folders = found or [root / _NOMINAL]
    return [_load(root, found), _clock(folders), *_bounds(folders)]


def _is_gpu(folder: Path) -> bool:
    names = {read_fact(folder / "device/of_node/name"), folder.name.rpartition(".")[2]}
    return bool(names & _NODES) or folder.name.startswith(_THOR_PREFIX)


def _load(root: Path, found: Sequence[Path]) -> Source:
    channel = Channel(
        name=GPU_UTILIZATION,
        unit="1",
        kind=ChannelKind.GAUGE,
        tier=Tier.FAST,
        source="devfreq device/load",
        attributes=(_GPU,),
    )
    devices = [*(folder / "device" for folder in found), root / _ALIAS]
    files = [file for device in devices for file in numbered(device, "load")]
    if found and not files:
        why = f"{found[0].name} has no load file: on a Thor only NVML knows the load"
        return SilentSource([channel], Reason.NOT_SUPPORTED, why)
    return FileSource([channel], KeptFile(files[0] if files else devices[0] / "load"), _share)


def _share(data: bytes) -> Sequence[Value]:
    per_mille = natural(data)
    if per_mille > _LOAD_MAX:
        raise ValueError("a load over 1000 per mille")
    return (per_mille / _LOAD_MAX,)


def _clock(folders: Sequence[Path]) -> Source:
    channel = Channel(
        name=GPU_CLOCK,
        unit="Hz",
        kind=ChannelKind.GAUGE,
        tier=Tier.FAST,
        source="devfreq cur_freq",
        attributes=(_GPU, ("domain", "graphics")),
    )
    return _folded(channel, folders, "cur_freq", min)  # of several clusters the slowest holds the others up


def _bounds(folders: Sequence[Path]) -> Iterator[Source]:
    folds: dict[str, Callable[[Sequence[int]], int]] = {"min": min, "max": max}
    for bound, fold in folds.items():
        for name, kind, attributes in (
            (GPU_CLOCK_LIMIT, ChannelKind.GAUGE, (_GPU, ("bound", bound))),
            (POWER_MODE, ChannelKind.STATE, (("setting", f"gpu_clock_{bound}"),)),
        ):
            file_name = f"{bound}_freq"
            channel = Channel(
                name=name,
                unit="Hz",
                kind=kind,
                tier=Tier.SLOW,
                source=f"devfreq {file_name}",
                attributes=attributes,
            )
            yield _folded(channel, folders, file_name, fold)


def _folded(
    channel: Channel, folders: Sequence[Path], file_name: str, fold: Callable[[Sequence[int]], int]
) -> Source:
    files = [KeptFile(folder / file_name) for folder in folders]
    return FoldSource(channel, files, lambda contents: fold([natural(content) for content in contents]))
