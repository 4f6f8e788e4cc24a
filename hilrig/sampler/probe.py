"""Which samplers answer on this machine."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from hilrig.core.ports import Sampler
from hilrig.core.registry import BUILT_IN, known, load
from hilrig.core.telemetry import Capability
from hilrig.sampler.combined import CombinedSampler

PREFERENCE: Final = ("nvml", "jetson", "host", "tegrastats", "jtop")
"""The samplers that come with hilrig, the preferred one first: where two read a quantity, the first has it."""


def open_samplers(root: Path, pid: int) -> list[Sampler]:
    """Return a sampler of every kind whose hardware is here, the preferred ones first; the caller closes them.

    Raises:
        UsageError: a sampler needs a library that is not installed.
    """
    builders = [load("samplers", name) for name in _names()]
    return [build(root, pid) for build in builders if _is_here(build, root)]


def probe_all(root: Path, pid: int) -> tuple[Capability, ...]:
    """Return what every channel of this machine answers now.

    Raises:
        UsageError: a sampler needs a library that is not installed.
    """
    sampler = CombinedSampler(open_samplers(root, pid))
    try:
        return tuple(sampler.probe())
    finally:
        sampler.close()


def silent(names: Sequence[str], root: Path, pid: int) -> Iterator[str]:
    """Yield, for each named sampler that reads nothing on this machine, the name with the reason.

    Raises:
        UsageError: a sampler is unknown, or needs a library that is not installed.
    """
    for name in names:
        build = load("samplers", name)
        if not _is_here(build, root):
            yield f"{name}: its hardware is not here"
            continue
        sampler: Sampler = build(root, pid)
        answers = sampler.probe()
        sampler.close()
        if all(answer.reason is not None for answer in answers):
            yield f"{name}: {next((answer.detail for answer in answers if answer.detail), 'no channel answers')}"


def _names() -> Iterator[str]:
    yield from PREFERENCE
    yield from (name for name in known("samplers") if name not in BUILT_IN["samplers"])


def _is_here(build: object, root: Path) -> bool:
    """Ask a sampler's class whether opening it makes sense under `root`; one that does not say so is opened."""
    ask = getattr(build, "is_here", None)
    return ask is None or bool(ask(root))
