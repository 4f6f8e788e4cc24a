"""Who else uses the accelerator: processes that hold one of its device files open."""

import re
from pathlib import Path
from typing import Any, Final

from hilrig.sampler.fact_file import numbered, read_fact

_DEVICE: Final = re.compile(r"/dev/(nvidia\d+|nvhost-\S*gpu\S*|nvgpu/\S+|dri/renderD\d+)")
"""nvidiaN: one GPU of NVIDIA's desktop driver. nvhost-*gpu*, nvgpu/: a Jetson's. renderD: any other GPU."""

_DRIVER_OWN: Final = frozenset({"nvidia-persiste"})
"""NVIDIA's daemon that holds the device open to keep the driver loaded; the kernel knows 15 letters of a name."""


def gpu_users(root: Path, *, ours: frozenset[int]) -> tuple[list[dict[str, Any]] | None, bool]:
    """Return pid and name of each process that uses a GPU, without `ours`, and whether all could be looked at.

    Another user's files can't be seen without root: then the list may lack some. Without any GPU device there is
    nobody to miss. None: /proc itself can't be read.
    """
    if not _has_gpu(root / "dev"):
        return [], True
    found, is_complete = [], True
    processes = numbered(root / "proc", "[0-9]*")
    if not processes:
        return None, False
    for process in processes:
        uses_gpu, pid, name = _uses_gpu(process / "fd"), int(process.name), read_fact(process / "comm")
        is_complete = is_complete and uses_gpu is not None
        if uses_gpu and pid not in ours and name not in _DRIVER_OWN:
            found.append({"pid": pid, "name": name})
    return found, is_complete


def _has_gpu(dev: Path) -> bool:
    nodes = [*dev.glob("*"), *dev.glob("dri/*"), *dev.glob("nvgpu/*")]
    return any(_DEVICE.fullmatch(f"/dev/{node.relative_to(dev)}") for node in nodes)


def _uses_gpu(folder: Path) -> bool | None:
    try:
        return any(_DEVICE.match(_target(descriptor)) for descriptor in folder.iterdir())
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return False
    except OSError:
        return None


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed just now
        return ""
