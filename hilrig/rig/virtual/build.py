"""From the recipe to a disk image that boots, once for each recipe."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hilrig.core.errors import PreconditionError
from hilrig.rig.virtual import recipe
from hilrig.rig.virtual.debian import Tell, install_debian
from hilrig.rig.virtual.initramfs import make_initramfs
from hilrig.rig.virtual.programs import TO_BUILD, require_programs, run_program
from hilrig.rig.virtual.site_packages import install

_DEBIAN: Final = (0.0, 0.65)
_CUSTOMISE: Final = (0.65, 0.82)
_DISK: Final = (0.82, 1.0)
"""Shares of the whole time, as measured."""

_READ_ONLY: Final = 0o444
UNUSED_S: Final = 30 * 86_400
"""An image of another recipe goes after a month without use; building it again takes a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A built image: read-only files in a folder that is named after the recipe."""

    folder: Path

    @property
    def disk(self) -> Path:
        """The root file system: ext4, raw, with holes."""
        return self.folder / "disk.img"

    @property
    def kernel(self) -> Path:
        """What QEMU starts."""
        return self.folder / "vmlinuz"

    @property
    def initramfs(self) -> Path:
        """The kernel's first file system."""
        return self.folder / "initramfs.gz"


def find_image(folder: Path) -> Image | None:
    """Return this recipe's image if it is in `folder`."""
    image = Image(folder=folder / recipe.recipe_sha256()[:16])
    return image if image.folder.is_dir() else None


def get_image(folder: Path, *, tell: Tell) -> Image:
    """Return this recipe's image, built if it is not in `folder`; one process builds, others wait.

    Raises:
        PreconditionError: it can't be built here: what is missing, and what to do.
    """
    if (found := find_image(folder)) is not None:
        os.utime(found.folder)
        return found
    require_programs(TO_BUILD, purpose="build a virtual rig")
    _require_root()
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / "build.lock"):
        return find_image(folder) or _build(folder, tell)


def _require_root() -> None:
    if os.geteuid() != 0:
        raise PreconditionError(
            "building the image of a virtual rig needs root: its files are root's, and it is entered by chroot",
            hint="run `hilrig rigs virtual up` as root on this machine",
        )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(folder: Path, tell: Tell) -> Image:
    _remove_unused(folder)
    with tempfile.TemporaryDirectory(prefix="build-", dir=folder) as work_name:
        work = Path(work_name)
        made = Image(folder=work / "image")
        made.folder.mkdir()
        _fill(work, tell)
        tell("making the disk", _DISK[0])
        _make_files(made, work)
        target = folder / recipe.recipe_sha256()[:16]
        made.folder.rename(target)
    tell("built", 1.0)
    return Image(folder=target)


def _fill(work: Path, tell: Tell) -> None:
    root, site = work / "root", work / "site"
    with ThreadPoolExecutor(max_workers=1) as beside:  # the one mostly downloads, the other mostly computes
        installed = beside.submit(install, site)
        install_debian(root, work=work, tell=_scaled(tell, _DEBIAN))
        installed.result()
    (root / "opt/hilrig").mkdir(parents=True)
    site.rename(root / "opt/hilrig/site")
    tell("compiling Python packages", _CUSTOMISE[0])
    run_program(["sh", str(recipe.FILES / "customise.sh"), str(root)])


def _make_files(image: Image, work: Path) -> None:
    root = work / "root"
    (kernel,) = (root / "boot").glob("vmlinuz-*")
    shutil.copyfile(kernel, image.kernel)
    (work / "initramfs").mkdir()
    make_initramfs(image.initramfs, root=root, init=recipe.FILES / "initramfs-init", work=work / "initramfs")
    whole = "lazy_itable_init=0,lazy_journal_init=0"  # else the guest goes on writing for minutes
    run_program(["mke2fs", "-q", "-t", "ext4", "-E", whole, "-d", str(root), str(image.disk), recipe.DISK_SIZE])
    for file in (image.disk, image.kernel, image.initramfs):
        file.chmod(_READ_ONLY)


def _scaled(tell: Tell, part: tuple[float, float]) -> Callable[[str, float], None]:
    begin, end = part
    return lambda words, share: tell(words, begin + share * (end - begin))


def _remove_unused(folder: Path) -> None:
    for found in folder.iterdir():
        if found.is_dir() and time.time() - found.stat().st_mtime > UNUSED_S:
            shutil.rmtree(found)
