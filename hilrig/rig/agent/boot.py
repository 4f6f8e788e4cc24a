"""The first thing that runs on a rig: it puts hilrig into the work folder.

It makes that folder, too. Sent as `python3 -c SOURCE` before any hilrig is there: standard library only, in the
syntax of Python 3.6, so that an old Python can say that it is too old. Stdin: one line of JSON, then the wheel
when `install` is true.
"""

import hashlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import BinaryIO

OLDEST = (3, 10)  # what hilrig itself asks for


class Refusal(Exception):  # noqa: N818 -- it is an answer, not a fault
    """Why it cannot be: the name of an error in `hilrig.core.errors`, a message, a hint."""

    def __init__(self, kind: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.error = {"type": kind, "message": message, "hint": hint}


def boot(arguments: "dict[str, object]", stream: BinaryIO) -> "dict[str, object]":
    """Make the work folder, unpack the wheel when asked to, and return what the rig is.

    Args:
        arguments: `work_folder` (absolute, or relative to the login's home), `wheel_sha256`, `install`, `size`.
        stream: where the wheel comes from: `size` bytes with `install`, else none.

    Raises:
        Refusal: Python is too old, the folder cannot be written, the wheel did not arrive whole.
    """
    check_python(sys.version_info[:3])
    digest = str(arguments["wheel_sha256"])
    if not re.match("[0-9a-f]{64}$", digest):
        raise Refusal("UsageError", f"a sha256 should be 64 hex digits, found {digest!r}", "")
    work = Path(os.path.abspath(Path.home() / Path(str(arguments["work_folder"])).expanduser()))  # noqa: PTH100 -- a link in it stays
    wheel = work / "hilrig" / digest
    try:
        make_writable(work, wheel.parent)
        if arguments.get("install"):
            install(wheel, whole(stream, int(str(arguments["size"])), digest))
        has_wheel = wheel.is_dir()
        if has_wheel:
            os.utime(str(wheel))  # what nobody uses for long is tidied away
    except OSError as error:
        message = f"the work folder {work} on the rig cannot be written: {error.strerror}"
        raise Refusal("PreconditionError", message, "free some room, or change `work_folder`") from error
    return {
        "python": list(sys.version_info[:3]),
        "executable": sys.executable,
        "work_folder": str(work),
        "has_wheel": has_wheel,
        "boot_id": Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip(),
    }


def check_python(version: "tuple[int, ...]") -> None:
    """Refuse a Python that hilrig does not run on."""
    if version < OLDEST:
        found = ".".join(str(number) for number in version)
        message = f"the rig needs Python 3.10 or newer, found {found} ({sys.executable})"
        raise Refusal("PreconditionError", message, "name a newer one in the rig file: `python: /path/to/python3`")


def make_writable(work: Path, wheels: Path) -> None:
    """Make the work folder, private to this user, and prove that it can be written."""
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    wheels.mkdir(exist_ok=True)
    with tempfile.TemporaryFile(dir=str(wheels)) as file:
        file.write(b"1")


def whole(stream: BinaryIO, size: int, digest: str) -> bytes:
    """Return the wheel's bytes, all of them and unchanged."""
    data = stream.read(size)
    if len(data) != size:
        raise Refusal("RigLostError", f"{len(data)} of {size} bytes of hilrig's own wheel came", "run it again")
    if hashlib.sha256(data).hexdigest() != digest:
        raise Refusal("RecordError", "hilrig's own wheel changed on its way to the rig", "run it again")
    return data


def install(wheel: Path, data: bytes) -> None:
    """Unpack the wheel as a whole or not at all; of several who do it at once, the first one's stays."""
    new = tempfile.mkdtemp(prefix="." + wheel.name, suffix=".new", dir=str(wheel.parent))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                if name.startswith("/") or "\\" in name or ".." in name.split("/"):
                    raise Refusal("RecordError", f"hilrig's own wheel holds the unsafe name {name!r}", "")
            archive.extractall(new)
        os.sync()  # once, instead of once for each of hundreds of files
        Path(new).rename(wheel)
    except OSError:
        if not wheel.is_dir():
            raise
    finally:
        shutil.rmtree(new, ignore_errors=True)


def main() -> int:
    """Answer one call; the exit status is 0, or 1 with an error as the answer."""
    try:
        answer = dict(boot(json.loads(sys.stdin.buffer.readline()), sys.stdin.buffer), ok=True)
    except Refusal as refusal:
        answer = {"error": refusal.error}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0 if "ok" in answer else 1


if __name__ == "__main__":
    sys.exit(main())
