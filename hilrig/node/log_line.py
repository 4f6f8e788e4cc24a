"""The node's log: JSON, one object per line, on stderr."""

import json
import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import count
from threading import Lock
from typing import Any

from hilrig.core.log_keys import IDENTITY_KEYS, MEASURED_KEYS

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
    """Write a line about `event`; `fields` are what it knows, of the standard keys and beyond them."""
    with _order:
        line = {
            "at_utc": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "event": event,
            "seq": next(_numbers),
            "node": node.node,
            **{key: getattr(node, key) for key in IDENTITY_KEYS},
            "error_code": error_code,
            **dict.fromkeys(MEASURED_KEYS),
            **fields,
        }
        print(json.dumps(line, default=str), file=sys.stderr, flush=True)  # noqa: T201 - the node's log is stderr
