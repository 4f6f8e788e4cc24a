"""What the keys of companions together forbid."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from hilrig.config.document import Document, Path
from hilrig.core.errors import Problem

_OF_PROBES: Final = ("p99_max_ms", "failed_max_pct", "slowdown_max")
_WAYS: Final = frozenset({"url", "command"})


def broken_companion_rules(document: Document) -> Iterator[Problem]:
    """Yield every contradiction between the keys of companions."""
    companions = document.get(("companions",))
    first: dict[str, int] = {}
    for index, companion in enumerate(companions if isinstance(companions, list) else []):
        if not isinstance(companion, dict):
            continue
        at: Path = ("companions", index)
        name = companion.get("name")
        if isinstance(name, str) and first.setdefault(name, index) != index:
            message = f"two companions are named '{name}'"
            yield document.problem((*at, "name"), "contradiction", message, "a check is named by its companion")
        yield from _purpose(document, companion, at)
        yield from _probe(document, companion.get("probe"), (*at, "probe"))


def _purpose(document: Document, companion: Mapping[str, Any], at: Path) -> Iterator[Problem]:
    if companion.keys().isdisjoint({"command", "probe"}):
        message = "it has neither 'command' nor 'probe': nothing would be started and nothing asked"
        yield document.problem(at, "contradiction", message)
    for key in _OF_PROBES:
        if key in companion and "probe" not in companion:
            message = f"'{key}' is about answers, but the companion has no 'probe'"
            yield document.key_problem((*at, key), "contradiction", message, "add probe: {url: http://…}")
    if "restarts_max" in companion and "command" not in companion:
        message = "'restarts_max' is about a process that hilrig starts, but the companion has no 'command'"
        yield document.key_problem((*at, "restarts_max"), "contradiction", message, "leave it out")


def _probe(document: Document, probe: Any, at: Path) -> Iterator[Problem]:
    if isinstance(probe, dict) and len(probe.keys() & _WAYS) != 1:
        found = "both" if probe.keys() >= _WAYS else "neither"
        message = f"a probe has either 'url' or 'command', found {found}"
        yield document.problem(at, "contradiction", message, "keep one of the two")
