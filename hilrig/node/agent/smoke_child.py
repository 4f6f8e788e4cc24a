"""The process of a smoke test: it loads a release as the service would.

It prints what it found as one JSON line. A model that hangs, crashes or eats the memory takes this process with
it, and nothing else.
"""

import json
import resource
import sys
from pathlib import Path
from typing import Any

from hilrig.core.errors import HilrigError


def main(folder: str, release_sha256: str, memory_bytes: str) -> None:
    """Test the release in `folder`, with at most `memory_bytes` of data in this process."""
    _limit_memory(int(memory_bytes))
    try:
        found: dict[str, Any] = {"facts": dict(_prepared(Path(folder), release_sha256)), "error": ""}
    except HilrigError as error:
        found = {"facts": {}, "error": error.message}
    except MemoryError:
        found = {"facts": {}, "error": "it needs more memory than a release may"}
    except Exception as error:  # noqa: BLE001 - a runtime's own exceptions share no public base class
        found = {"facts": {}, "error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(found) + "\n")


def _limit_memory(n_bytes: int) -> None:
    """Bound what is really allocated: RLIMIT_AS would count the address space that CUDA only reserves."""
    resource.setrlimit(resource.RLIMIT_DATA, (n_bytes, n_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _prepared(folder: Path, release_sha256: str) -> Any:
    from hilrig.node.service.model_runner import ModelRunner  # after the limit: numpy and the runtime count too

    return ModelRunner(folder, release_sha256=release_sha256).prepare()


if __name__ == "__main__":
    main(*sys.argv[1:])
