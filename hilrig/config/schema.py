"""The reference of the keys of our YAML files, generated from the classes that check them.

There is one for profiles and one for rig files.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelField, NullableSchema, WithDefaultSchema

from hilrig.config.document import dotted
from hilrig.config.key_tree import ANY, ITEM, blocks
from hilrig.config.keys import Keys
from hilrig.config.limit_model import held_by
from hilrig.config.profile_model import ProfileKeys
from hilrig.config.rig_model import RigKeys
from hilrig.core.metrics import METRICS

_UNITS: Final = {
    "_ms": "ms",
    "_s": "s",
    "_minutes": "min",
    "_fps": "1/s",
    "_px": "px",
    "_pct": "%",
    "_mb": "MiB",
    "_mb_per_hour": "MiB/h",
    "_mib": "MiB",
    "_mhz": "MHz",
    "_c": "C",
    "_per_min_max": "1/min",
    "_frames": "frames",
    "_drops_max": "frames",
    "depth": "frames",
}
_TYPES: Final = {
    "number": "number",
    "integer": "whole number",
    "boolean": "`true` or `false`",
    "string": "text",
    "object": "block",
}
_BOUNDS: Final = {"exclusiveMinimum": "> {}", "minimum": "≥ {}", "maximum": "≤ {}"}


def profile_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a profile file, for editors.

    It knows keys, types and ranges; contradictions between keys and the options of plug-ins are found by
    `load_profile` alone.
    """
    return _schema(ProfileKeys, title="hilrig profile")


def rig_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a rig file, with the same bounds to what it knows."""
    return _schema(RigKeys, title="hilrig rig")


def profile_reference() -> str:
    """Return two Markdown tables: every key of a profile, and the check that each limit makes."""
    lines = [*_key_table(profile_schema()), "", "| check | passes when | unit |", "|---|---|---|", *_limit_rows()]
    return "\n".join(lines) + "\n"


def rig_reference() -> str:
    """Return a Markdown table: every key of a rig file."""
    return "\n".join(_key_table(rig_schema())) + "\n"


def _schema(model: type[Keys], *, title: str) -> dict[str, Any]:
    schema = model.model_json_schema(schema_generator=_Schema)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": title}


def _key_table(schema: Mapping[str, Any]) -> list[str]:
    head = ["| key | type | unit | default | meaning |", "|---|---|---|---|---|"]
    return [*head, *_rows(schema, schema["$defs"], at="")]


class _Schema(GenerateJsonSchema):
    """Without what the file may not say: an optional key is left out, never null."""

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        described = super().default_schema(schema)
        if not isinstance(described.get("default"), str | int | float):
            described.pop("default", None)
        return described

    def field_title_should_be_set(self, schema: ModelField | Any) -> bool:  # noqa: ARG002 - pydantic's signature
        return False


def _rows(block: Mapping[str, Any], definitions: Mapping[str, Any], *, at: str) -> Iterator[str]:
    for name, stated in block["properties"].items():
        path = f"{at}.{name}".lstrip(".")
        described = {**_resolved(stated, definitions), **stated}
        default = "required" if name in block.get("required", ()) else _default(described)
        meaning = described["description"].replace("\n", " ").replace("|", "\\|")
        items, values = (_inner(described, key, definitions) for key in ("items", "additionalProperties"))
        kind = _type({**described, "items": items, "additionalProperties": values})
        yield f"| `{path}` | {kind} | {_unit(name)} | {default} | {meaning} |"
        if "properties" in described:
            yield from _rows(described, definitions, at=path)
        if "properties" in items:
            yield from _rows(items, definitions, at=f"{path}{ITEM}")
        if "properties" in values:
            yield from _rows(values, definitions, at=f"{path}.{ANY}")


def _inner(described: Mapping[str, Any], key: str, definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the items of a list or the values of a map are; nothing where they may be anything."""
    stated = described.get(key)
    return _resolved(stated, definitions) if isinstance(stated, Mapping) else {}


def _resolved(stated: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    name = stated.get("$ref", "").rpartition("/")[2]
    return dict(definitions[name]) if name else dict(stated)


def _type(stated: Mapping[str, Any]) -> str:
    """Return a type with its range, in words."""
    if "anyOf" in stated:
        return " or ".join(dict.fromkeys(map(_type, stated["anyOf"])))
    if "const" in stated:
        return f"`{stated['const']}`"
    if "enum" in stated:
        return ", ".join(f"`{value}`" for value in stated["enum"])
    if stated["type"] == "array":
        length = f" of {stated['minItems']}" if stated.get("minItems", 0) == stated.get("maxItems") else ""
        return f"list{length}: {_type(stated['items'])}"
    if stated.get("additionalProperties"):
        return f"block: {_type(stated['additionalProperties'])}"
    bounds = [words.format(f"{stated[key]:g}") for key, words in _BOUNDS.items() if key in stated]
    return f"{_TYPES[stated['type']]} {', '.join(bounds)}".strip()


def _default(described: Mapping[str, Any]) -> str:
    return f"`{described['default']}`" if described.get("default", "") != "" else "-"


def _unit(name: str) -> str:
    return next((unit for suffix, unit in _UNITS.items() if name.endswith(suffix)), "")


def _limit_rows() -> Iterator[str]:
    for path, block in blocks(ProfileKeys):
        for name, field in block.model_fields.items():
            holds = held_by(field)
            if holds:
                metric = METRICS[holds.metric]
                passes_when = f"{metric.title} (`{metric.name}`) {holds.comparator.value} limit"
                check = dotted((*path, name)).removeprefix("hil_validation.")
                yield f"| `{check}` | {passes_when} | {metric.unit} |"
