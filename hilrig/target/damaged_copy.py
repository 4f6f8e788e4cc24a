"""A profile's folder with one model file damaged, as a write that was torn by a power cut leaves it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hilrig.core.profile import ModelSpec


@contextmanager
def damaged_copy(folder: Path, model: ModelSpec) -> Iterator[Path]:
    """Give a folder like `folder` whose last model file is damaged: its length is right, its second half is zeros.

    Everything else in it is a link to the original, which nobody touches. The last file is the one with the
    weights: the graph itself where it stands alone.
    """
    with TemporaryDirectory(prefix="hilrig-damaged-") as made:
        damaged = Path(model.files[-1])
        _link_all_but(folder, Path(made), damaged)
        data = (folder / damaged).read_bytes()
        half = len(data) // 2
        (Path(made) / damaged).write_bytes(data[:half] + bytes(len(data) - half))
        yield Path(made)


def _link_all_but(source: Path, copy: Path, damaged: Path) -> None:
    first, *rest = damaged.parts
    for entry in source.absolute().iterdir():
        if entry.name != first:
            (copy / entry.name).symlink_to(entry)
    if rest:
        (copy / first).mkdir()
        _link_all_but(source / first, copy / first, Path(*rest))
