"""The node's own store over a disk that is wrong on purpose: what a power-loss test must catch.

`python tests/wrong_stores.py KIND node VERB ...` runs the command line, and with `KIND ask` in place of it the
asker. Everything but the disk is the real store.
"""

import sys
from pathlib import Path

from hilrig.node import disk as disks
from hilrig.node.disk import Disk, OpenFile
from hilrig.node.disk_trace import trace_of_environment


class OverwritesInPlace(Disk):
    """Replaces a file by writing over it, as most programs save a file."""

    def rename(self, old: str, new: str) -> None:
        """Write the content of `old` over that of `new`."""
        if not (self.folder / new).is_file():
            super().rename(old, new)
            return
        with self.append(new) as file:
            self.truncate(file, 0)
            self.write(file, (self.folder / old).read_bytes())
            self.fsync(file)
        self.unlink(old)


class NoFsync(Disk):
    """Forgets to make files durable."""

    def fsync(self, file: OpenFile) -> None:
        """Do nothing."""


class NoFolderFsync(Disk):
    """Forgets to make names durable."""

    def fsync_folder(self, path: str) -> None:
        """Do nothing."""


KINDS: dict[str, type[Disk]] = {
    "overwrite_in_place": OverwritesInPlace,
    "no_fsync": NoFsync,
    "no_folder_fsync": NoFolderFsync,
}


def main() -> None:
    """Run the command line, or the asker, over the wrong disk."""
    kind, what = KINDS[sys.argv[1]], sys.argv[2]
    disks.open_disk = lambda folder: kind(Path(folder), trace=trace_of_environment())
    if what == "ask":
        from hilrig.node.ask import main as ask_main

        ask_main()
    else:
        from hilrig.cli.main import main as cli_main

        sys.argv = ["hilrig", *sys.argv[2:]]
        cli_main()


if __name__ == "__main__":
    main()
