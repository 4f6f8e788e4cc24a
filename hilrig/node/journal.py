"""Every decision of a store with its reason, one JSON line each."""

import json
import os
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Final

from hilrig.config.noun_json import from_json
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import RecordError
from hilrig.node.disk import Disk
from hilrig.node.layout import JOURNAL
from hilrig.node.safe_files import open_below
from hilrig.node.transitions import StoreState

_TAIL_BYTES: Final = 1 << 18  # of hundreds of decisions


class Journal:
    """Appends decisions, before they are carried out: the last line may tell one that a power cut prevented."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def append(self, state: StoreState) -> None:
        """Write down the state that is to come.

        Raises:
            OSError: the disk refuses.
        """
        at_utc = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        line = canonical_json({**asdict(state), "at_utc": at_utc}) + b"\n"
        with self._disk.append(JOURNAL) as file:
            whole_lines = file.size == 0 or self._ends_a_line(file.size)
            self._disk.write(file, line if whole_lines else b"\n" + line)  # a cut may have torn the last line
            self._disk.fsync(file)

    def last(self) -> StoreState | None:
        """Return the last decision that can be read."""
        try:
            lines = self._tail().splitlines()
        except OSError:
            return None
        return next(filter(None, map(_parse, reversed(lines))), None)

    def _ends_a_line(self, size: int) -> bool:
        with os.fdopen(open_below(self._disk.folder, JOURNAL), "rb") as file:
            file.seek(size - 1)
            return file.read(1) == b"\n"

    def _tail(self) -> bytes:
        with os.fdopen(open_below(self._disk.folder, JOURNAL), "rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
            return file.read(_TAIL_BYTES)


def _parse(line: bytes) -> StoreState | None:
    try:
        document = json.loads(line)
        document.pop("at_utc")
        return from_json(StoreState, canonical_json(document), what=JOURNAL)
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError, RecordError):
        return None
