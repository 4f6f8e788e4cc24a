"""The page of a release policy: every key of the file, every check that it may ask for."""

import inspect
from collections.abc import Iterator

from hilrig.config.policy_file import PolicyKeys
from hilrig.config.schema import keys_reference
from hilrig.gate.checks.registry import CHECKS

_HEAD = """\
# Policy files: every key, every check

<!-- made by `make reference` from hilrig/config/policy_file.py and hilrig/gate/checks; change it there -->

A policy is the release-readiness checklist as data ([how the gate uses it](../gate.md)); `hilrig gate check
--policy FILE` takes one, `default` and `rehearsal` come with hilrig.

## Every key

"""
_CHECKS = """
## Every check

What an item's `needs` may name: `{check: NAME, parameter: value}`.
"""


def policy_page() -> str:
    """Return the page."""
    return "\n".join((_HEAD + keys_reference(PolicyKeys), _CHECKS.lstrip("\n"), *_checks()))


def _checks() -> Iterator[str]:
    for name, check in CHECKS.items():
        meaning = (inspect.getdoc(check.answer) or "").partition("\n")[0]
        yield f"### {name}\n\n{meaning}\n"
        if check.params.model_fields:
            yield keys_reference(check.params)
