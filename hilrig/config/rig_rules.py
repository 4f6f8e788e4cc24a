"""What several keys of a rig file together forbid.

A secret must never be in one at all. The rules read the plain values, so that a mistake in one key hides none in
another.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from hilrig.config.document import Document, Path, dotted
from hilrig.core.errors import Problem

IN_PLACE: Final = "local"
_SECRET_NAME: Final = re.compile(r"passw|passphrase|token|secret|api_?key|credential", re.IGNORECASE)
_REFERENCE_ENDS: Final = ("_file", "_env")
_SECRET_IN_URL: Final = re.compile(r"://[^/@\s:]*:[^/@\s]+@")
_ELSEWHERE: Final = ("lease", "conditions", "python")


def broken_rig_rules(document: Document) -> list[Problem]:
    """Return every contradiction between keys, and every secret."""
    rules = (_secrets, _class_to_find_out, _in_service, _in_place)
    return [problem for rule in rules for problem in rule(document)]


def _secrets(document: Document) -> Iterator[Problem]:
    for block in (("transport_options",), ("power_options",)):
        for path, value in _options(document.get(block), block):
            name = str(path[-1])
            if _SECRET_NAME.search(name) and not name.lower().endswith(_REFERENCE_ENDS):
                message = f"'{dotted(path)}' would be a secret in a file that everybody reads"
                hint = f"name a file or an environment variable: {name}_file, {name}_env, where the class has them"
                yield document.key_problem(path, "secret", message, hint)
            elif isinstance(value, str) and _SECRET_IN_URL.search(value):
                message = f"'{dotted(path)}' holds a password in an address, in a file that everybody reads"
                yield document.problem(path, "secret", message, "name a file or an environment variable")


def _options(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield every option below `value`, however deep, with its path."""
    children = value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    for key, inner in children:
        yield (*path, key), inner
        yield from _options(inner, (*path, key))


def _class_to_find_out(document: Document) -> Iterator[Problem]:
    transport = document.get(("transport",))
    in_place = transport == IN_PLACE and ("work_folder",) not in document.keys
    if document.get(("device_class",)) == "auto" and isinstance(transport, str) and not in_place:
        message = (
            "'device_class' auto is only for the machine that you sit at: a run elsewhere must know its class"
        )
        hint = "state the class; `hilrig doctor` on the rig names it"
        yield document.problem(("device_class",), "contradiction", message, hint)


def _in_service(document: Document) -> Iterator[Problem]:
    if ("disabled_reason",) in document.keys and document.get(("enabled",)) in (None, True):
        message = "'disabled_reason' is given, but the rig is in service"
        hint = "write enabled: false, or remove the reason"
        yield document.key_problem(("disabled_reason",), "contradiction", message, hint)


def _in_place(document: Document) -> Iterator[Problem]:
    """A key that nobody reads would state what does not hold."""
    if document.get(("transport",)) != IN_PLACE or ("work_folder",) in document.keys:
        return
    for key in _ELSEWHERE:
        if (key,) in document.keys:
            message = f"'{key}' has no meaning: with the transport local the run is done in place"
            yield document.key_problem((key,), "contradiction", message, "leave it out, or name a work_folder")
