"""Which machine this is, in which of its boots."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import PreconditionError
from hilrig.rig.device_tree import device_tree_text
from hilrig.sampler.fact_file import read_fact

_SERIALS: Final[dict[str, Callable[[Path], str | None]]] = {
    "dmi": lambda root: read_fact(root / "sys/class/dmi/id/product_uuid"),  # root only
    "device-tree": lambda root: device_tree_text(root, "serial-number"),
    "machine-id": lambda root: read_fact(root / "etc/machine-id"),
}
_PLACEHOLDERS: Final = frozenset({"03000200-0400-0500-0006-000700080009", "uninitialized"})


def boot_id(root: Path) -> str:
    """Return the identifier of the current boot.

    Raises:
        PreconditionError: it can't be read, so that a reboot during a run would go unnoticed.
    """
    path = root / "proc/sys/kernel/random/boot_id"
    found = read_fact(path)
    if found is None:
        raise PreconditionError(
            f"{path}: expected the identifier of this boot, found nothing readable",
            hint="mount /proc; without it a reboot during a run would go unnoticed",
        )
    return found


def serial_sha256(root: Path) -> str | None:
    """Return the sha256 over `<kind>:<serial>` of the first kind that is known; the serial itself is private.

    A serial that board makers leave unset on many machines counts as unknown.
    """
    for kind, read in _SERIALS.items():
        serial = (read(root) or "").lower()
        if serial and serial not in _PLACEHOLDERS and not re.fullmatch(r"([0f])(\1|-)*", serial):
            return sha256_hex(f"{kind}:{serial}".encode())
    return None
