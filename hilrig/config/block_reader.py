"""A document checked against its keys."""

import json
from functools import partial
from typing import TypeVar

from pydantic import ValidationError

from hilrig.config.document import Document, dotted, merge
from hilrig.config.key_tree import unknown_key_hint
from hilrig.config.keys import Keys
from hilrig.config.locate import problems_of
from hilrig.core.errors import Problem

K = TypeVar("K", bound=Keys)


def read_keys(document: Document, model: type[K]) -> tuple[K | None, list[Problem]]:
    """Return the document as `model`, or None, with everything that is wrong with it.

    A key without a value is wrong even where it may be left out: nothing written is not the same as the default.

    The values go through JSON: there pydantic's strict mode takes a list for a tuple and a text for an enum, and
    still never a text for a number or a number for a boolean.
    """
    empty = [
        document.problem(path, "empty_value", f"'{dotted(path)}' has no value", "write one, or remove the key")
        for path in document.empty
    ]
    try:
        return model.model_validate_json(json.dumps(document.data)), empty
    except ValidationError as error:
        found = problems_of(error, document, unknown_key_hint=partial(unknown_key_hint, model))
        return None, merge(found, empty)
