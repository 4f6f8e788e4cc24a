"""Work folders for tests of the agent's verbs on files, and calls of those verbs without a process."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

from hilrig.rig.agent.blobs import have, receive
from hilrig.rig.agent.layout import RunFolder, WorkFolder


def work_folder(path: Path) -> WorkFolder:
    """Make an empty work folder."""
    path.mkdir(parents=True, exist_ok=True)
    return WorkFolder(path)


def run_folder(work: WorkFolder, run_id: str = "1f2e3d4c") -> RunFolder:
    """Make the folder of a run, as `lease` does."""
    run = work.run(run_id)
    run.path.mkdir(parents=True)
    return run


def names(folder: Path) -> list[str]:
    """Return what is in a folder, by name."""
    return sorted(path.name for path in folder.iterdir())


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def asked(verb: Any, work: WorkFolder, *, stream: Any = None, **arguments: Any) -> list[Any]:
    """Call a verb; return all that it answers."""
    given = {"work_folder": str(work.path), **arguments}
    return list(verb(given, io.BytesIO() if stream is None else stream))


def header(data: bytes, *, at: int = 0, size: int | None = None) -> bytes:
    """Return the line that stands before a blob."""
    fields = {"sha256": sha256_of(data), "size": len(data) if size is None else size, "at": at}
    return json.dumps(fields).encode() + b"\n"


def upload(work: WorkFolder, *blobs: bytes) -> None:
    """Put blobs there as a client does."""
    asked(receive, work, stream=io.BytesIO(b"".join(header(data) + data for data in blobs)))


def missing(work: WorkFolder, *blobs: bytes) -> list[dict[str, Any]]:
    """Return what `have` lacks of these blobs."""
    files = [{"sha256": sha256_of(data), "size": len(data)} for data in blobs]
    return asked(have, work, files=files)[-1]["missing"]
