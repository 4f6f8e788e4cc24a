"""Canonical JSON: the one byte form of everything that hilrig hashes or signs.

Sorted keys, no spaces, UTF-8, finite numbers only (the subset of RFC 8785 that hilrig's documents use).
"""

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """Return `value` as canonical JSON bytes.

    Raises:
        ValueError: a number is NaN or infinite, or a value is not JSON.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def sha256_hex(data: bytes | memoryview) -> str:
    """Return the sha256 of `data` in lower-case hex."""
    return hashlib.sha256(data).hexdigest()
