"""The node's log: JSON, one object per line, on stderr."""

import json
import sys
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import Any

_numbers = count(1)
_order = Lock()  # lines of two threads never mix, and their numbers rise with them


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedNode:
    """What every line says about the node that writes it; empty where it is not known (yet).

    Args:
        model_hash: sha256 of the release that serves.
        config_version: of its pipeline.
        runtime_version: of the backend, such as `onnxruntime 1.23.2`.
        delegate_active: the execution provider that was proven to run.
    """

    node: str
    model_hash: str = ""
    config_version: str = ""
    runtime_version: str = ""
    delegate_active: str = ""


def log(event: str, *, node: LoggedNode, error_code: str = "", **fields: Any) -> None:
    """Write a line about `event`; `fields` such as `load_time_ms` come on top."""
    with _order:
        line = {
            "event": event,
            "seq": next(_numbers),
            "node": node.node,
            "model_hash": node.model_hash,
            "config_version": node.config_version,
            "runtime_version": node.runtime_version,
            "delegate_active": node.delegate_active,
            "error_code": error_code,
            **fields,
        }
        print(json.dumps(line, default=str), file=sys.stderr, flush=True)  # noqa: T201 - the node's log is stderr
