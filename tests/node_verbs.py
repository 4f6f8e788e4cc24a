"""A server that runs verbs of the store in children of its own: forking costs milliseconds, a new interpreter 200.

One JSON line of stdin each, `{"store", "verb", "argument", "crash_at"}`; it answers with the child's exit status
and the points that it reached, `{"status", "points"}`.
"""

import json
import os
import sys
from pathlib import Path

from hilrig.node.crash_points import CRASH_VARIABLE
from hilrig.node.store import Store
from node_releases import IDENTITY, accept_any


def run_verb(folder: Path, verb: str, argument: str, told: int) -> None:
    """Run one verb; write each point that it reaches to the descriptor `told`."""

    def tell(point, fields):
        os.write(told, f"{point}\n".encode())

    if verb == "init":
        Store.create(folder, IDENTITY, tell=tell)
        return
    store = Store(folder, tell=tell)
    if verb == "stage":
        store.stage(Path(argument), accept=accept_any)
    elif verb == "activate":
        store.activate(argument, accept=accept_any)
    elif verb == "boot":
        store.boot()
    elif verb == "confirm":
        store.confirm(argument)
    elif verb == "bar":
        store.bar(argument, desired_sequence=1, reason="slow")
    elif verb == "rollback":
        store.rollback("slow", sha256=argument)
    else:
        store.collect()


def serve() -> None:
    """Answer until stdin ends."""
    for line in sys.stdin:
        job = json.loads(line)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.environ[CRASH_VARIABLE] = job["crash_at"]
            run_verb(Path(job["store"]), job["verb"], job["argument"], writing)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as told:
            points = told.read().split()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(json.dumps({"status": status, "points": points}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
