import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import pytest
from pydantic import TypeAdapter

from hilrig.core.result import Result
from reference.noun_fields import field_meanings, nouns_in
from reference.pages import ROOT
from reference.result_page import INSIDE, result_keys

SAMPLE = ROOT / "reports" / "sample" / "result.json"
KEYS = {key.path: key for key in result_keys()}
NULL = "`null`"


def children(parent: str) -> set[str]:
    """Return the documented keys right below a path."""
    start = f"{parent}." if parent else ""
    below = (path.removeprefix(start) for path in KEYS if path.startswith(start))
    return {name for name in below if "." not in name and "[]" not in name}


def blocks(value: object, at: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every object of a JSON document whose keys are names, not data, with its path."""
    if isinstance(value, dict) and (not at or children(at)):
        yield at, value
        for name, inner in value.items():
            yield from blocks(inner, f"{at}.{name}".lstrip("."))
    elif isinstance(value, list):
        for inner in value:
            yield from blocks(inner, f"{at}[]")


def test_a_real_result_has_the_documented_keys():
    """In the sample run's result.json no key is undocumented, and none that is documented is missing."""
    found = list(blocks(json.loads(SAMPLE.read_bytes())))
    assert len({at for at, _ in found}) > 15
    for at, block in found:
        assert set(block) == children(at), at


def test_null_stands_only_where_it_is_documented():
    """What the sample has no value for is documented as one that may be null."""
    for at, block in blocks(json.loads(SAMPLE.read_bytes())):
        for name, value in block.items():
            kind = KEYS[f"{at}.{name}".lstrip(".")].kind
            assert value is not None or kind.endswith(NULL), f"{at}.{name}"
            assert not isinstance(value, list) or kind.startswith("list: "), f"{at}.{name}"


def test_every_key_that_the_reader_accepts_is_documented():
    """Also of blocks that the sample lacks: the reader's own schema of a result names the same keys."""
    schema = TypeAdapter(Result).json_schema()
    expanded = {path for path in KEYS if not path.startswith(tuple(f"{at}." for at in INSIDE))}
    assert set(_schema_paths(schema, schema["$defs"])) == expanded


@pytest.mark.parametrize("noun", sorted({*nouns_in(Result), *INSIDE.values()}, key=lambda noun: noun.__name__))
def test_a_noun_of_the_result_describes_its_fields(noun):
    """Each field has its line in the docstring, and no line is left over from a field that is gone."""
    assert set(field_meanings(noun)) == {field.name for field in fields(noun)}


def test_a_number_has_its_unit():
    """Keys that end in a unit have it in its column; a reader of the page need not know the suffixes."""
    units = {path.rpartition(".")[2]: key.unit for path, key in KEYS.items()}
    assert (units["latency_ms"], units["margin_pct"], units["begin_s"]) == ("ms", "%", "s")
    assert (units["minutes_needed"], units["spin_us"], units["check_id"]) == ("min", "us", "")


def _schema_paths(block: Mapping[str, Any], definitions: Mapping[str, Any], at: str = "") -> Iterator[str]:
    for name, stated in block["properties"].items():
        path = f"{at}.{name}".lstrip(".")
        yield path
        for inner, mark in _inner(stated, definitions):
            yield from _schema_paths(inner, definitions, f"{path}{mark}")


def _inner(stated: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    for option in stated.get("anyOf", [stated]):
        items = option.get("items", {})
        named = definitions.get((items or option).get("$ref", "").rpartition("/")[2], {})
        if "properties" in named:
            yield named, "[]" if items else ""
