"""Asks a node's service over HTTP which model answers, once it has started it.

It is a program by itself, with the standard library only.

`python node_service_asker.py STORE SCORES`; SCORES is JSON: by release, what it scores an input of ones. Prints
`{"active": sha256 or null, "complete": bool, "error": text}`, as every question after a power cut is answered.
"""

import json
import re
import struct
import subprocess
import sys
import time
import urllib.request
from typing import Any, Final

N_INPUTS: Final = 192
ONES: Final = struct.pack(f"<{N_INPUTS}f", *[1.0] * N_INPUTS)
READY_LIMIT_S: Final = 150.0
"""An emulated CPU takes twenty seconds to load a runtime."""
CALL_LIMIT_S: Final = 30.0
POLL_S: Final = 0.2
LOADING: Final = ("", "HR-201", "HR-203")
"""What a service says that has no model yet."""
TOLERANCE: Final = 1e-3
SLOW: Final = ("--ceiling-ms", "20000", "--stuck-ms", "60000")
"""It is asked what it serves, not how fast."""


def ask(store: str, scores: dict[str, float]) -> dict[str, Any]:
    """Return what the node of a store serves; never raises."""
    arguments = ("--store", store, "--port", "0", "--metrics-port", "-1", *SLOW)
    node = subprocess.Popen(
        [sys.executable, "-m", "hilrig", "node", "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        found = _asked(node, scores)
    except Exception as error:  # noqa: BLE001 - whatever went wrong is the answer
        found = _nothing(f"{type(error).__name__}: {error}")
    finally:
        node.terminate()
        said = node.communicate()[1]
    return found if not found["error"] else {**found, "error": f"{found['error']}; {said[-300:].strip()}"}


def _asked(node: "subprocess.Popen[str]", scores: dict[str, float]) -> dict[str, Any]:
    said = re.search(r"http://[\w.:]+", node.stdout.readline() if node.stdout else "")
    if said is None:
        return _nothing("the service does not start")
    url = said[0]
    status = _ready_status(node, url)
    if not status["ready"]:
        return _nothing(f"the service is not ready: {status['error_code']}")
    active = status["active"]["release_sha256"]
    answer = _call(f"{url}/infer", ONES)
    is_it = answer["release_sha256"] == active and abs(answer["score"] - scores.get(active, -1.0)) < TOLERANCE
    error = "" if is_it else f"it scores {answer['score']!r}, expected {scores.get(active)!r}"
    return {"active": active, "complete": is_it, "error": error}


def _ready_status(node: "subprocess.Popen[str]", url: str) -> dict[str, Any]:
    """Return the status once the model is loaded, or once it is clear that it never will be."""
    give_up_s = time.monotonic() + READY_LIMIT_S
    while True:
        status: dict[str, Any] = _call(f"{url}/node/status")
        is_over = node.poll() is not None or time.monotonic() > give_up_s
        if status["ready"] or status["error_code"] not in LOADING or is_over:
            return status
        time.sleep(POLL_S)


def _call(url: str, body: bytes | None = None) -> Any:
    headers = {} if body is None else {"Content-Type": "application/octet-stream"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310 - the URL that the service printed
    with urllib.request.urlopen(request, timeout=CALL_LIMIT_S) as answer:  # noqa: S310 - as above
        return json.load(answer)


def _nothing(error: str) -> dict[str, Any]:
    return {"active": None, "complete": False, "error": error}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(ask(sys.argv[1], json.loads(sys.argv[2]))) + "\n")
