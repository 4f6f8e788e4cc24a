"""A companion to test with: it works on files in a loop, as an agent that mirrors a station's data does.

It copies them and hashes the copies.

    python3 -m hilrig.faults.sync_agent --port 8091

Its health check (any path) answers between two pieces of the work, so that it tells how the work itself gets on:
200 with the number of files copied so far.
"""

import argparse
import hashlib
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Final

PIECE_BYTES: Final = 1 << 20


class Work:
    """The mirroring: one file after the other, piece by piece. `piece` is held while a piece is worked on."""

    def __init__(self, folder: Path, *, file_mib: int, hash_rounds: int, pause_ms: float) -> None:
        self.n_files = 0
        self.piece = Lock()
        self._folder = folder
        self._pause = Lock()
        self._pause.acquire()
        self._pause_s = pause_ms / 1000
        self._hash_rounds = hash_rounds
        self._source = folder / "source"
        self._source.write_bytes(bytes(range(256)) * (file_mib * PIECE_BYTES // 256))

    def forever(self) -> None:
        """Copy the file again and again, and hold every copy against the source's digest."""
        wanted = hashlib.sha256(self._source.read_bytes()).hexdigest()
        while True:
            if self._copied() != wanted:
                raise SystemExit("a copy is not what was copied")
            self.n_files += 1

    def _copied(self) -> str:
        digest = hashlib.sha256()
        with self._source.open("rb") as source, (self._folder / "copy").open("wb") as copy:
            while True:
                with self.piece:
                    piece = source.read(PIECE_BYTES)
                    if not piece:
                        return digest.hexdigest()
                    copy.write(piece)
                    digest.update(piece)
                    for _ in range(self._hash_rounds - 1):
                        hashlib.sha256(piece)
                self._pause.acquire(timeout=self._pause_s)  # lets a health check in


def handler(work: Work) -> type[BaseHTTPRequestHandler]:
    """Return what answers health checks."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with work.piece:
                body = f'{{"files": {work.n_files}}}\n'.encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Print nothing: a line for every probe would be a load of its own."""

    return Health


def main(arguments: Sequence[str] | None = None) -> None:
    """Work until ended."""
    parser = argparse.ArgumentParser(prog="python3 -m hilrig.faults.sync_agent", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="of the health check, on 127.0.0.1")
    parser.add_argument("--file-mib", type=int, default=8, help="size of the file that is copied")
    parser.add_argument(
        "--hash-rounds", type=int, default=5, help="how often each piece is hashed: 1 ms each on a PC"
    )
    parser.add_argument("--pause-ms", type=float, default=5.0, help="between two pieces of 1 MiB")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="sync-agent-") as folder, suppress(KeyboardInterrupt):
        work = Work(Path(folder), file_mib=asked.file_mib, hash_rounds=asked.hash_rounds, pause_ms=asked.pause_ms)
        server = ThreadingHTTPServer(("127.0.0.1", asked.port), handler(work))
        Thread(target=server.serve_forever, daemon=True).start()
        print(f"sync agent: http://127.0.0.1:{server.server_port}/healthz", flush=True)  # noqa: T201 - its log
        work.forever()


if __name__ == "__main__":
    main()
