"""The node's log."""

import json
import threading

from hilrig.node.log_line import LoggedNode, log

KEYS = {
    "at_utc",
    "event",
    "seq",
    "node",
    "model_hash",
    "config_version",
    "runtime_version",
    "delegate_active",
    "error_code",
    "load_time_ms",
    "p50_ms",
    "p95_ms",
    "peak_ram_mb",
    "dropped_frames",
    "thermal_state",
}


def test_every_line_has_the_same_keys(capsys):
    """A line is one JSON object with the keys that every line has, and its own on top."""
    log("loaded", node=LoggedNode(node="press-7", model_hash="a" * 64), load_time_ms=12.5, release="b" * 64)
    line = json.loads(capsys.readouterr().err)
    assert line.keys() == KEYS | {"release"}
    assert line["node"] == "press-7"
    assert (line["load_time_ms"], line["p95_ms"]) == (12.5, None)
    assert line["error_code"] == ""


def test_lines_of_threads_never_mix(capsys):
    """Numbers rise from line to line, whoever writes them."""
    node = LoggedNode(node="press-7")
    threads = [threading.Thread(target=lambda: [log("x", node=node) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [json.loads(line)["seq"] for line in capsys.readouterr().err.splitlines()]
    assert len(numbers) == 200
    assert numbers == sorted(set(numbers))
