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
from hilrig.core.registry import Kind, known

_UNITS: Final = {
    "_ms": "ms",
    "_s": "s",
    "_minutes": "min",
    "hours_min": "h",
    "_days": "d",
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
_NAMES: Final[tuple[tuple[str, str, Kind], ...]] = (
    ("FeedKeys", "source", "feeds"),
    ("PipelineKeys", "target", "targets"),
    ("BackendKeys", "name", "backends"),
)
"""Keys that hold a registered name: an editor offers those that are installed here, others may be elsewhere."""

_BOUNDS: Final = {"exclusiveMinimum": "> {}", "minimum": "≥ {}", "maximum": "≤ {}"}


def profile_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a profile file, for editors.

    It knows keys, types, ranges and, as examples, the names that are installed here; contradictions between keys
    and the options of plug-ins are found by `load_profile` alone.
    """
    schema = _schema(ProfileKeys, title="hilrig profile")
    for block, key, kind in _NAMES:
        schema["$defs"][block]["properties"][key]["examples"] = known(kind)
    schema["$defs"]["RunKeys"]["properties"]["samplers"]["items"]["examples"] = known("samplers")
    return schema


def rig_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a rig file, with the same bounds to what it knows."""
    schema = _schema(RigKeys, title="hilrig rig")
    schema["properties"]["transport"]["examples"] = known("transports")
    schema["properties"]["power"]["examples"] = known("powers")
    return schema


def profile_reference() -> str:
    """Return two Markdown tables: every key of a profile, and the check that each limit makes."""
    lines = [keys_reference(ProfileKeys), "| check | passes when | unit |", "|---|---|---|", *_limit_rows()]
    return "\n".join(lines) + "\n"


def rig_reference() -> str:
    """Return a Markdown table: every key of a rig file."""
    return keys_reference(RigKeys)


def keys_reference(model: type[Keys]) -> str:
    """Return a Markdown table: every key of a file that `model` checks."""
    return "\n".join(_key_table(_schema(model, title=""))) + "\n"


def _schema(model: type[Keys], *, title: str) -> dict[str, Any]:
    schema = model.model_json_schema(schema_generator=_Schema)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": title}


def _key_table(schema: Mapping[str, Any]) -> list[str]:
    head = ["| key | type | unit | default | meaning |", "|---|---|---|---|---|"]
    return [*head, *_rows(schema, schema.get("$defs", {}), at="")]


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
    values = stated.get("additionalProperties")
    if values and isinstance(values, Mapping):
        return f"block: {_type(values)}"
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
