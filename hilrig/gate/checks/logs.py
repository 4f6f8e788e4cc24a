"""What a node's log shows of its upkeep.

It has the keys that every playbook needs, and it does not fill the disk.
"""

from collections.abc import Iterator
from math import isfinite
from typing import Annotated

from pydantic import Field

from hilrig.config.keys import Keys, Positive, Text
from hilrig.core.gate import Answer
from hilrig.core.gate_facts import Facts, LogFacts
from hilrig.core.log_keys import STANDARD_KEYS
from hilrig.gate.checks.answers import failed, listed, missing, passed, unless


class LogKeys(Keys):
    """What every line of a log must have."""

    keys: Annotated[tuple[Text, ...], Field(min_length=1, max_length=64)] = Field(
        default=STANDARD_KEYS, description="Keys of every line; left out: the standard ones."
    )


class LogVolume(Keys):
    """How fast a log may grow."""

    mib_per_hour_max: Positive = Field(description="Growth of a node's log, in MiB (2^20 bytes) per hour.")


def log_keys(facts: Facts, params: LogKeys) -> Answer:
    """Answer whether every line of every log has the keys."""
    if not facts.logs:
        return missing("there is no node's log among the evidence")
    n_lines = sum(log.n_lines for log in facts.logs)
    objections = (answer for log in facts.logs for answer in _lacking(log, params.keys))
    return unless(objections, passed(f"{n_lines:,} lines have {len(params.keys)} keys", *_paths(facts)))


def log_volume(facts: Facts, params: LogVolume) -> Answer:
    """Answer whether no log grows faster than that."""
    if not facts.logs:
        return missing("there is no node's log among the evidence")
    objections = (answer for log in facts.logs for answer in _growing(log, params.mib_per_hour_max))
    fastest = max(log.mib_per_hour or 0.0 for log in facts.logs)
    words = f"the log grows by {fastest:.2g} MiB/h, at most {params.mib_per_hour_max:g} are allowed"
    return unless(objections, passed(words, *_paths(facts)))


def _lacking(log: LogFacts, keys: tuple[str, ...]) -> Iterator[Answer]:
    if log.n_lines < 0 or not 0 <= log.n_broken <= log.n_lines:
        yield failed(f"{log.path} cannot be: {log.n_broken} of {log.n_lines} lines are broken", log.path)
    elif log.n_lines == log.n_broken:
        yield missing(f"{log.path} has no line that can be read", log.path)
    elif lacking := [key for key in keys if key not in log.keys]:
        yield failed(f"not every line of {log.path} has {listed(lacking)}", log.path)
    elif log.n_broken:
        yield failed(f"{log.n_broken} of {log.n_lines} lines of {log.path} are no JSON", log.path)


def _growing(log: LogFacts, mib_per_hour_max: float) -> Iterator[Answer]:
    growth = log.mib_per_hour
    if growth is None:
        yield missing(f"{log.path} is too short to say how fast it grows", log.path)
    elif not isfinite(growth) or growth < 0:
        yield failed(f"{log.path} cannot be: it grows by {growth:g} MiB/h", log.path)
    elif growth > mib_per_hour_max:
        yield failed(f"{log.path} grows by {growth:.4g} MiB/h of {mib_per_hour_max:g} MiB/h", log.path)


def _paths(facts: Facts) -> list[str]:
    return [log.path for log in facts.logs]
