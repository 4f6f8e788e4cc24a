"""Data inside a page: JSON for its scripts that can never end the element it stands in."""

import json
import re
from typing import Any, Final

from markupsafe import Markup

_ID: Final = re.compile(r"[a-z][a-z0-9-]*")

_ESCAPES: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
"""With these a string holds no end tag, no comment and no entity; JSON reads them back as they were."""


def block(block_id: str, value: Any) -> Markup:
    """Return `<script type="application/json" id="...">` with a value in it.

    A block of this type is data: no browser runs it, whatever a policy allows. Everything beyond ASCII is escaped.

    Raises:
        ValueError: for an id that is not lower-case ASCII, and for NaN and infinity, which JSON does not have.
    """
    if _ID.fullmatch(block_id) is None:
        raise ValueError(f"the id of a data block must be lower-case ASCII, this is {block_id!r}")
    text = json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":")).translate(_ESCAPES)
    return Markup(f'<script type="application/json" id="{block_id}">{text}</script>')  # noqa: S704 - escaped above
