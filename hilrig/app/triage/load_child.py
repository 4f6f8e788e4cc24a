"""Loads one model to say how that went.

It is a program by itself: it needs the standard library and the runtime only.

`python load_child.py MODEL` prints `{"runtime", "error"}` and, for a model that loads, `load_time_ms` and
`peak_ram_mib`.
"""

import json
import resource
import sys
import time
from typing import Any, Final

KIB_PER_MIB: Final = 1024
MAX_CHARACTERS: Final = 400
"""Of what a runtime says; it may quote the whole graph."""


def load(model: str) -> dict[str, Any]:
    """Return what became of loading a model on the CPU."""
    import onnxruntime

    runtime = f"onnxruntime {onnxruntime.__version__}"
    begin_s = time.monotonic()
    try:
        onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - whatever the runtime raises is the answer
        said = str(error).replace(model, "the model")
        return {"runtime": runtime, "error": " ".join(said.split())[:MAX_CHARACTERS]}
    load_time_ms = round((time.monotonic() - begin_s) * 1000, 1)
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak_ram_mib = round(peak_kib / KIB_PER_MIB, 1)
    return {"runtime": runtime, "error": "", "load_time_ms": load_time_ms, "peak_ram_mib": peak_ram_mib}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(load(sys.argv[1])) + "\n")
