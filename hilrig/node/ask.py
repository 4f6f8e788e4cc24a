"""Which release stores would run after a power cut: `python -m hilrig.node.ask`, a folder per line of stdin.

Each is started as a node starts it, every file hashed, and nothing is changed. One JSON line answers each:
`{"active": sha256 or null, "complete": bool, "error": text}`; it never ends in an error of its own.
"""

import json
import sys
from pathlib import Path
from typing import Any

from hilrig.core.errors import HilrigError
from hilrig.node.disk import ReadOnlyDisk
from hilrig.node.store import Store


def ask(folder: Path) -> dict[str, Any]:
    """Return what the store in `folder` would run."""
    try:
        booted = Store(folder, disk=ReadOnlyDisk(folder)).boot()
    except HilrigError as error:
        return {"active": None, "complete": False, "error": error.message}
    except Exception as error:  # noqa: BLE001 - whatever a broken disk does to it is the answer
        return {"active": None, "complete": False, "error": f"{type(error).__name__}: {error}"}
    return {"active": booted.sha256, "complete": True, "error": ""}


def main() -> None:
    """Answer each line of stdin."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(ask(Path(line.rstrip("\n")))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
