"""What a depth found, counted.

The first bad ones are kept in words, and their folders where that is wanted.
"""

import shutil
from collections import Counter
from pathlib import Path
from typing import Final

from hilrig.core.power_loss import BadRecovery
from hilrig.faults.recovery_check import Found

SHOWN_BAD: Final = 20
"""A wrong store fails in hundreds of states of one kind: the first few show which."""


class Tally:
    """Counts what was found.

    Args:
        keep: a folder for the stores of the bad states that are shown; None: they are thrown away.
    """

    def __init__(self, keep: Path | None) -> None:
        self._keep = keep
        self._counts: Counter[str] = Counter()
        self._bad: list[BadRecovery] = []
        self.n_bad = 0

    @property
    def counts(self) -> dict[str, int]:
        """Return how often each recovery was found."""
        return dict(sorted(self._counts.items()))

    @property
    def bad(self) -> tuple[BadRecovery, ...]:
        """Return the first bad ones."""
        return tuple(self._bad)

    def add(self, found: Found, *, step: str, at: str) -> Path | None:
        """Count one; return where its store is to be kept, None where it is not."""
        self._counts[found.recovery.value] += 1
        if found.is_sound:
            return None
        self.n_bad += 1
        if len(self._bad) == SHOWN_BAD:
            return None
        self._bad.append(BadRecovery(step=step, at=at, recovery=found.recovery, detail=found.detail))
        return self._place(step, at)

    def _place(self, step: str, at: str) -> Path | None:
        if self._keep is None:
            return None
        folder = self._keep / f"bad-{len(self._bad):02}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "what.txt").write_text(f"{step}, {at}\n")
        return folder / "store"
