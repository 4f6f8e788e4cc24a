"""Policies by name when they come with hilrig, by file otherwise."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from hilrig.config.policy_file import load_policy, parse_policy
from hilrig.core.gate import Policy
from hilrig.gate.checks.registry import CHECKS

BUNDLED: Final = ("default", "rehearsal")
"""`default` is for the line, `rehearsal` for a staging node that trusts a staging gate's key."""

_PARAMS: Final = {name: check.params for name, check in CHECKS.items()}


def find_policy(name_or_file: str) -> Policy:
    """Return a policy that comes with hilrig, or the one in a file; a bundled name is never taken for a file.

    Raises:
        ConfigError: there is no such policy, or it has mistakes: all of them, at file:line:column.
    """
    if name_or_file in BUNDLED:
        return parse_policy(policy_bytes(name_or_file), file=policy_file(name_or_file), checks=_PARAMS)
    return load_policy(Path(name_or_file), checks=_PARAMS, named=BUNDLED)


def parse(data: bytes, *, file: str) -> Policy:
    """Return the policy in `data`, which messages call `file`.

    Raises:
        ConfigError: it has mistakes: all of them, at file:line:column.
    """
    return parse_policy(data, file=file, checks=_PARAMS)


def policy_bytes(name: str) -> bytes:
    """Return a bundled policy, byte for byte: what its digest is over, to copy and to keep."""
    return (files("hilrig.gate") / "data" / policy_file(name)).read_bytes()


def policy_file(name: str) -> str:
    """Return the file name of a bundled policy."""
    return f"{name}.policy.yaml"
