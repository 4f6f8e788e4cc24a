"""Decide whether an edge AI model may go to a factory line."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"


def load(run_dir: Any) -> Any:
    """Return the run in a directory (a path or its text): its frames, telemetry, events and verdict.

    See `hilrig.app.export.loaded_run.LoadedRun`. That module, and pandas with it, is imported here, by name, so
    that `import hilrig` stays cheap: no layer below `app` comes to depend on it.
    """
    return import_module("hilrig.app.export.loaded_run").load_run(run_dir)
