"""Secrets in what is about to be released: private keys, tokens, passwords.

What was found is never repeated.
"""

import re
from collections.abc import Iterator
from typing import Final

SECRETS: Final = {
    "a private key": re.compile(rb"-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----"),
    "an AWS access key": re.compile(rb"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"),
    "a bearer token": re.compile(rb"(?i)\bbearer\s+[a-z0-9._~+/-]{20,}"),
    "a GitHub token": re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{36,}"),
    "a password": re.compile(
        rb"""(?i)\b(?:password|passwd|passphrase|api_key|secret)["']?\s*[:=]\s*["']?[^\s"',}]{4,}"""
    ),
}
"""What is looked for, by its name."""

IN_TEXT_ONLY: Final = frozenset({"a password"})
"""A model's weights are noise in which a short word comes about by chance."""


def secrets_in(path: str, data: bytes, *, is_text: bool) -> Iterator[str]:
    """Yield `path:line: what it looks like` for each kind of secret in a file; the line only of a text."""
    for name, pattern in SECRETS.items():
        if name in IN_TEXT_ONLY and not is_text:
            continue
        found = pattern.search(data)
        if found:
            line = data.count(b"\n", 0, found.start()) + 1
            where = f":{line}" if is_text else ""
            yield f"{path}{where}: {name}"
