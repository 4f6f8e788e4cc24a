"""The first file system of a virtual rig, with no more than its boot needs.

It holds busybox, the drivers of disk and network card, and a short `init`. Debian's own is ten times as large
and boots three times as long.
"""

import gzip
import shutil
from pathlib import Path
from typing import Final

from hilrig.rig.virtual.programs import find_program, run_program

DRIVERS: Final = ("virtio_pci", "virtio_blk", "virtio_net")
_FAST: Final = 1
_EXECUTABLE: Final = 0o755


def make_initramfs(target: Path, *, root: Path, init: Path, work: Path) -> None:
    """Write the compressed archive.

    Args:
        target: the file.
        root: the Debian with the kernel's modules, of one version.
        init: the script that becomes process 1.
        work: an empty folder to build in.

    Raises:
        PreconditionError: a program of this machine fails.
    """
    for folder in ("bin", "lib", "proc", "dev", "root"):
        (work / folder).mkdir()
    shutil.copy(str(find_program("busybox")), work / "bin/busybox")
    shutil.copyfile(init, work / "init")
    (work / "init").chmod(_EXECUTABLE)
    modules = _modules(root)
    for module in modules:
        shutil.copy(module, work / "lib" / module.name)
    (work / "modules").write_text("".join(f"/lib/{module.name}\n" for module in modules), encoding="ascii")
    names = sorted(str(path.relative_to(work)) for path in work.rglob("*"))
    archive = run_program(
        ["cpio", "-o", "-H", "newc", "-R", "0:0", "--quiet"], cwd=work, source="\n".join(names).encode()
    )
    target.write_bytes(gzip.compress(archive, _FAST, mtime=0))


def _modules(root: Path) -> list[Path]:
    """Return the files of the drivers and of what they need, in the order to load them."""
    version = next((root / "lib/modules").iterdir()).name
    found: dict[Path, None] = {}
    for driver in DRIVERS:
        listed = run_program(["modprobe", "-d", str(root), "-S", version, "--show-depends", driver])
        for line in listed.decode().splitlines():
            word, _, path = line.strip().partition(" ")
            if word == "insmod":  # else it is built in
                found[Path(path)] = None
    return list(found)
