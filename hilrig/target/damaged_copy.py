"""A profile's folder with one model file of its own, to be damaged or taken away: the original stays as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hilrig.core.profile import ModelSpec


@contextmanager
def damaged_copy(folder: Path, model: ModelSpec) -> Iterator[Path]:
    """Give a folder like `folder` whose last model file is damaged: its length is right, its second half is zeros.

    As a write that was torn by a power cut leaves it.
    """
    with copy_with_own_file(folder, model) as (made, own):
        data = own.read_bytes()
        half = len(data) // 2
        own.write_bytes(data[:half] + bytes(len(data) - half))
        yield made


@contextmanager
def copy_with_own_file(folder: Path, model: ModelSpec) -> Iterator[tuple[Path, Path]]:
    """Give a folder like `folder`, and in it a copy of the last model file.

    Everything else in it is a link to the original, which nobody touches. The last file is the one with the
    weights: the graph itself where it stands alone.
    """
    with TemporaryDirectory(prefix="hilrig-damaged-") as made:
        own = Path(model.files[-1])
        _link_all_but(folder, Path(made), own)
        (Path(made) / own).write_bytes((folder / own).read_bytes())
        yield Path(made), Path(made) / own


def _link_all_but(source: Path, copy: Path, own: Path) -> None:
    first, *rest = own.parts
    for entry in source.absolute().iterdir():
        if entry.name != first:
            (copy / entry.name).symlink_to(entry)
    if rest:
        (copy / first).mkdir()
        _link_all_but(source / first, copy / first, Path(*rest))
