"""A companion to test with: scrapes a Prometheus endpoint in a loop, as a node's monitoring does.

    python3 -m hilrig.faults.metrics_scraper --url http://127.0.0.1:9100/metrics --port 8092

Its health check (any path) answers 200 while the newest scrape is younger than three intervals, else 503. A scrape
that fails is no fault of the scraper: the reason stands in the answer.
"""

import argparse
import re
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

PAGE_BYTES_MAX: Final = 16 << 20
STALE_INTERVALS: Final = 3
_SAMPLE: Final = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{.*\})? (\S+)")  # Prometheus text format 0.0.4


class Scraper:
    """What scrapes: `told` is what the newest scrape was, `tried_s` when it ended."""

    def __init__(self, url: str, *, interval_s: float) -> None:
        self.told = "not scraped yet"
        self.tried_s = time.monotonic()
        self._url, self._interval_s = url, interval_s

    def forever(self) -> None:
        """Scrape on a grid."""
        due_s = time.monotonic()
        while True:
            try:
                self.told = f"{self._scraped()} samples"
            except (OSError, ValueError) as error:
                self.told = f"scrape failed: {error}"
            self.tried_s = time.monotonic()
            due_s = max(due_s + self._interval_s, self.tried_s)
            time.sleep(due_s - self.tried_s)

    def is_fresh(self) -> bool:
        """Return whether the newest scrape is young enough."""
        return time.monotonic() - self.tried_s < STALE_INTERVALS * self._interval_s

    def _scraped(self) -> int:
        with urllib.request.urlopen(self._url, timeout=self._interval_s) as answer:  # noqa: S310 - the user's own url
            lines = answer.read(PAGE_BYTES_MAX).decode().splitlines()
        return len({found[1]: float(found[2]) for line in lines if (found := _SAMPLE.fullmatch(line))})


def handler(scraper: Scraper) -> type[BaseHTTPRequestHandler]:
    """Return what answers health checks."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"{scraper.told}\n".encode()
            self.send_response(200 if scraper.is_fresh() else 503)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Print nothing: a line for every probe would be a load of its own."""

    return Health


def main(arguments: Sequence[str] | None = None) -> None:
    """Scrape until ended."""
    parser = argparse.ArgumentParser(prog="python3 -m hilrig.faults.metrics_scraper", description=__doc__)
    parser.add_argument("--url", required=True, help="what is scraped, for example http://127.0.0.1:9100/metrics")
    parser.add_argument("--port", type=int, required=True, help="of the health check, on 127.0.0.1")
    parser.add_argument("--interval-ms", type=float, default=1000, help="from one scrape to the next")
    asked = parser.parse_args(arguments)
    scraper = Scraper(asked.url, interval_s=asked.interval_ms / 1000)
    server = ThreadingHTTPServer(("127.0.0.1", asked.port), handler(scraper))
    Thread(target=server.serve_forever, daemon=True).start()
    print(f"metrics scraper: http://127.0.0.1:{server.server_port}/", flush=True)  # noqa: T201 - its log
    with suppress(KeyboardInterrupt):
        scraper.forever()


if __name__ == "__main__":
    main()
