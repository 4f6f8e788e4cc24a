"""What can be done to a JSON document so that it lies: its structure, its values, its bytes."""

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, Final

VALUES: Final = (
    None, True, False, 0, -1, 1 << 70, 1e308, "", "x", "\x00", "\x1b[2J", "../../etc/passwd", "PASS",
    "A" * 100_000, [], {}, [[]], {"a": {}}, "2099-01-01T00:00:00Z", -0.0, "0" * 64,
)  # fmt: skip
RAW: Final = (
    b"NaN",
    b"Infinity",
    b"1e999",
    b'"\\ud800"',
    b"[" * 5000,
    b'{"a":1,"a":2}',
    b"0x10",
    b"'a'",
    b"\xff\xfe",
)


def exchanged(data: bytes, rng: Random) -> bytes:
    """Put another value in the place of one, somewhere in the tree."""
    document = json.loads(data)
    holder, key = _place(document, rng)
    holder[key] = rng.choice(VALUES)
    return json.dumps(document).encode()


def dropped(data: bytes, rng: Random) -> bytes:
    """Leave one value out."""
    document = json.loads(data)
    holder, key = _place(document, rng)
    del holder[key]
    return json.dumps(document).encode()


def added(data: bytes, rng: Random) -> bytes:
    """Add a value that nobody asked for."""
    document = json.loads(data)
    holder, _ = _place(document, rng)
    if isinstance(holder, dict):
        holder[rng.choice(("x", "__class__", "sha256", "status"))] = rng.choice(VALUES)
    else:
        holder.append(rng.choice(VALUES))
    return json.dumps(document).encode()


def raw(data: bytes, rng: Random) -> bytes:
    """Put something in the place of a value that JSON does not have."""
    document = json.loads(data)
    holder, key = _place(document, rng)
    holder[key] = "@@here@@"
    return json.dumps(document).encode().replace(b'"@@here@@"', rng.choice(RAW), 1)


def respelled(data: bytes, rng: Random) -> bytes:
    """Say the same in other bytes."""
    document = json.loads(data)
    return rng.choice(
        (
            json.dumps(document, indent=7).encode(),
            b"\xef\xbb\xbf" + data,
            data + b"\n\n",
            data + data,
            json.dumps(document).encode("utf-16"),
        )
    )


def flipped(data: bytes, rng: Random) -> bytes:
    """Flip one bit."""
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]


def cut(data: bytes, rng: Random) -> bytes:
    """End it early."""
    return data[: rng.randrange(len(data))]


def other(data: bytes, rng: Random) -> bytes:
    """Put something else in its place."""
    return rng.choice(
        (b"", b"null", b"[]", b"{}", b'"a"', b"7", b"\0" * 100, b"[" * 100_000, b"{}" + b" " * (70 << 20))
    )


JSON_LIES: Final[Mapping[str, Callable[[bytes, Random], bytes]]] = {
    one.__name__: one for one in (exchanged, exchanged, dropped, added, raw, respelled, flipped, cut, other)
}


def lie(name: str, data: bytes, rng: Random) -> bytes:
    """Return a lying document; one that is no JSON is flipped instead."""
    try:
        return JSON_LIES[name](data, rng)
    except (ValueError, IndexError, UnicodeDecodeError):
        return flipped(data, rng)


def _place(document: Any, rng: Random) -> tuple[Any, Any]:
    """Return a holder in the tree and one of its keys: every place is as likely as any other."""
    places = list(_places(document))
    return rng.choice(places)


def _places(document: Any) -> list[tuple[Any, Any]]:
    items = document.items() if isinstance(document, dict) else enumerate(document)
    found = []
    for key, value in items:
        found.append((document, key))
        if isinstance(value, dict | list):
            found += _places(value)
    return found
