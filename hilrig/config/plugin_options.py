"""Options of whatever can be plugged in, checked against the class that they are for."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from hilrig.config.document import Document, Path
from hilrig.config.key_tree import nearest
from hilrig.config.locate import problems_of
from hilrig.core.errors import Problem, UsageError
from hilrig.core.registry import Kind, known, load

DEFAULT_TARGET: Final = "in_process"
DEFAULT_POWER: Final = "none"


def named_plugin_problems(document: Document, kind: Kind, block: Path, *, key: str) -> list[Problem]:
    """Return what is wrong with the name under `key` of a block, or with the block's `options`.

    A name or options of the wrong type are left to the check of the keys.
    """
    return _problems(
        document, kind, (*block, key), name=document.get((*block, key)), options_at=(*block, "options")
    )


def target_problems(document: Document) -> list[Problem]:
    """Return what is wrong with `pipeline.target`, or with `target_options`; it need not be stated."""
    if not isinstance(document.get(("pipeline",)), dict):
        return []
    at: Path = ("pipeline", "target")
    name = document.get(at) if at in document.keys else DEFAULT_TARGET
    return _problems(document, "targets", at, name=name, options_at=("pipeline", "target_options"))


def sampler_problems(document: Document) -> list[Problem]:
    """Return what is wrong with the names in `run.samplers`; a sampler has no options."""
    names = document.get(("run", "samplers"))
    found = []
    for index, name in enumerate(names if isinstance(names, list) else []):
        if isinstance(name, str):
            found += _loaded(document, "samplers", ("run", "samplers", index), name)[1]
    return found


def transport_problems(document: Document) -> list[Problem]:
    """Return what is wrong with a rig's `transport`, or with `transport_options`."""
    at: Path = ("transport",)
    return _rig_problems(document, "transports", at, name=document.get(at), options_at=("transport_options",))


def power_problems(document: Document) -> list[Problem]:
    """Return what is wrong with a rig's `power`, or with `power_options`; it need not be stated."""
    at: Path = ("power",)
    name = document.get(at) if at in document.keys else DEFAULT_POWER
    return _rig_problems(document, "powers", at, name=name, options_at=("power_options",))


def _rig_problems(document: Document, kind: Kind, name_at: Path, *, name: Any, options_at: Path) -> list[Problem]:
    """Return the problems; an option that is missing in a block that is not there is asked for at the name."""
    problems = _problems(document, kind, name_at, name=name, options_at=options_at)
    if options_at in document.keys:
        return problems
    mark = document.mark(name_at)
    return [replace(problem, line=mark.line, column=mark.column) for problem in problems]


def _problems(document: Document, kind: Kind, name_at: Path, *, name: Any, options_at: Path) -> list[Problem]:
    options = document.get(options_at)
    if not isinstance(name, str) or not isinstance(options, dict | None):
        return []
    factory, problems = _loaded(document, kind, name_at, name)
    if problems:
        return problems
    return _option_problems(document, options_at, getattr(factory, "Options", None), options or {})


def _loaded(document: Document, kind: Kind, at: Path, name: str) -> tuple[Any, list[Problem]]:
    """Return what is registered under a name, and what is wrong with the name or with what it stands for.

    Also a name that is built in is held against the installed plug-ins: one that claims it is told here, where a
    person looks; every process of a run would pay for it.
    """
    try:
        names = known(kind)
        return load(kind, name), []
    except UsageError as error:
        hint = nearest(name, names) if error.hint.startswith("known:") else error.hint
        return None, [document.problem(at, "unknown_name", error.message, hint)]
    except (ImportError, AttributeError) as error:
        message = f"'{name}' can't be loaded: {error}"
        return None, [document.problem(at, "broken_plugin", message, "is it installed for this Python?")]


def _option_problems(
    document: Document, at: Path, options_class: Any, options: Mapping[str, Any]
) -> list[Problem]:
    if not is_dataclass(options_class):
        return [document.problem(at, "broken_plugin", "this plug-in declares no dataclass `Options`")]
    names = [field.name for field in fields(options_class) if field.init]
    unknown = [
        document.key_problem((*at, name), "unknown_key", f"unknown option '{name}'", nearest(name, names))
        for name in options
        if name not in names
    ]
    declared = {name: value for name, value in options.items() if name in names}
    try:
        TypeAdapter(options_class).validate_json(json.dumps(declared), strict=True)
    except ValidationError as error:
        return unknown + problems_of(error, document, at=at, unknown_key_hint=lambda _: "")
    return unknown
