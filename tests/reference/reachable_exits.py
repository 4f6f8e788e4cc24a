"""Exit codes that the code below a command can give, found without running it.

From the command's function on, every name that it reads is followed where hilrig defines it: functions, classes
with all their methods, tables, modules that are started as processes of their own. What a command never asks of a
class that it uses is followed as well; what it reaches by a Protocol alone is not, but for what is plugged in.
"""

import ast
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from hilrig.core import errors
from hilrig.core.exits import ExitCode
from reference.syntax import walk

ROOT = Path(__file__).parents[2]
ERRORS, EXITS = errors.__name__, ExitCode.__module__
WORDS_ONLY = {ERRORS, EXITS, "hilrig.core.topics", "hilrig.cli.exits"}
"""Modules that speak of codes without giving any."""


class Place(NamedTuple):
    """A name at the top of a module."""

    module: str
    name: str


def raised_exits(command: Callable[..., object]) -> dict[ExitCode, Place]:
    """Return the codes of the errors that a command can raise, each with the first place that makes one."""
    return _first_places(_reached(_start(command), _followed), _made)


def possible_exits(command: Callable[..., object]) -> dict[ExitCode, Place]:
    """Return every code that a command could give, with what is plugged in and the codes that it names itself."""
    return _first_places(_reached(_start(command), _followed_into_plugins), _made_or_named)


def _start(command: Callable[..., object]) -> Place:
    return Place(command.__module__, command.__name__)


def _first_places(places: Iterable[Place], given: Callable[[Place], frozenset[ExitCode]]) -> dict[ExitCode, Place]:
    codes: dict[ExitCode, Place] = {}
    for place in places:
        for code in given(place):
            codes.setdefault(code, place)
    return codes


def _reached(start: Place, follow: Callable[[Place], frozenset[Place]]) -> Iterator[Place]:
    seen, waiting = {start}, deque([start])
    while waiting:
        place = waiting.popleft()
        yield place
        new = follow(place) - seen
        seen |= new
        waiting.extend(sorted(new))


@cache
def _followed(place: Place) -> frozenset[Place]:
    found = (*(_defined(place.module, name) for name in _names(place)), *map(_started, _texts(place)))
    return frozenset(one for places in found for one in places if one.module not in WORDS_ONLY)


@cache
def _followed_into_plugins(place: Place) -> frozenset[Place]:
    """Return also what a table names as `module:Name`."""
    named = (text.partition(":") for text in _texts(place))
    plugged = (Place(module, name) for module, _, name in named if module in _modules())
    return _followed(place) | {one for one in plugged if one.name in _definitions(one.module)}


@cache
def _made(place: Place) -> frozenset[ExitCode]:
    """Return the codes of the errors that a definition makes."""
    return frozenset({_error_code(place.module, name) for name in _names(place)} - {None})


@cache
def _made_or_named(place: Place) -> frozenset[ExitCode]:
    named = {
        ExitCode[one.attr]
        for one in _nodes(place)
        if isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id == "ExitCode"
    }
    return _made(place) | named


def _error_code(module: str, name: str) -> ExitCode | None:
    source, original = _imports(module).get(name, ("", ""))
    error = getattr(errors, original, None) if source == ERRORS else None
    return error.exit_code if isinstance(error, type) and issubclass(error, errors.HilrigError) else None


@cache
def _names(place: Place) -> set[str]:
    """Return the names that a definition reads, `module.name` too, but not those that it only catches by."""
    passed_over = {id(inner) for outer in _only_types(_nodes(place)) for inner in walk(outer)}
    reading = [one for one in _nodes(place) if id(one) not in passed_over]
    dotted = {f"{one.value.id}.{one.attr}" for one in reading if _is_dotted(one)}
    return dotted | {one.id for one in reading if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)}


def _is_dotted(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)


def _only_types(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for one in nodes:
        if isinstance(one, ast.ExceptHandler) and one.type:
            yield one.type
        elif isinstance(one, ast.arg | ast.AnnAssign) and one.annotation:
            yield one.annotation
        elif isinstance(one, ast.FunctionDef) and one.returns:
            yield one.returns
        elif isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == "isinstance":
            yield one.args[1]
        elif isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == "suppress":
            yield from one.args


@cache
def _texts(place: Place) -> set[str]:
    return {one.value for one in _nodes(place) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


@cache
def _nodes(place: Place) -> tuple[ast.AST, ...]:
    return tuple(walk(_definitions(place.module)[place.name]))


@cache
def _started(text: str) -> list[Place]:
    """Return all of a module that is run with `-m`."""
    module = text if text in _modules() else ""
    if f"{text}.__main__" in _modules():
        module = f"{text}.__main__"
    if not module or '"__main__"' not in ast.unparse(_tree(module)).replace("'", '"'):
        return []
    return [Place(module, name) for name in _definitions(module)]


def _defined(module: str, name: str) -> list[Place]:
    """Return where a name that `module` reads is defined in hilrig."""
    first, _, rest = name.partition(".")
    if not rest:
        return _resolved(module, name)
    source, original = _imports(module).get(first, ("", ""))
    inner = f"{source}.{original}"
    return _resolved(inner, rest) if inner in _modules() else []


def _resolved(module: str, name: str) -> list[Place]:
    if name in _definitions(module):
        return [Place(module, name)]
    source, original = _imports(module).get(name, ("", ""))
    return _resolved(source, original) if source in _modules() and source != module else []


@cache
def _modules() -> dict[str, Path]:
    found = {}
    for path in (ROOT / "hilrig").rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_modules()[module].read_text())


@cache
def _definitions(module: str) -> dict[str, ast.stmt]:
    found: dict[str, ast.stmt] = {}
    for node in _tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update({target.id: node for target in targets if isinstance(target, ast.Name)})
    return found


@cache
def _imports(module: str) -> dict[str, tuple[str, str]]:
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in walk(_tree(module))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("hilrig")
        for alias in node.names
    }
