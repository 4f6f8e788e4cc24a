"""The page of result.json: every key of it, from the nouns that it is written from."""

import re
from collections.abc import Iterator

from hilrig.core.metrics import METRICS
from hilrig.core.result import Result
from hilrig.core.rig import RigInfo
from reference.noun_fields import DocumentedKey, documented_keys

INSIDE = {"rig_info": RigInfo}
"""What is written from another noun than its annotation tells."""

_HEAD = """\
# result.json: every key

<!-- made by `make reference` from hilrig/core/result.py and the nouns that it holds; change it there -->

`result.json` is the verdict of a run with all its numbers, canonical JSON, signed ([what else a run leaves
behind](../../reports/README.md)). Every key is always there: what is not known is `null`, what there is none of is
an empty list or an empty text. `[]` stands for each item of a list. `t_s`, `begin_s` and `end_s` count from the
start of the measured part; those of `faults` from the start of the drill.
"""

_METRICS = """
## Metrics that a limit can hold

`judgement.measurements[].metric` has these names and more: those of the stages, of the instrument itself, of the
bounds. [The check of each limit](../../profiles/README.md#all-keys) says which metric it holds.

| metric | unit | what it is |
|---|---|---|"""


def result_keys() -> tuple[DocumentedKey, ...]:
    """Return every key of result.json."""
    return tuple(documented_keys(Result, inside=INSIDE))


def result_page() -> str:
    """Return the page."""
    return "\n".join((_HEAD, *_key_rows(), _METRICS, *_metric_rows())) + "\n"


def _key_rows() -> Iterator[str]:
    yield from ("| key | type | unit | meaning |", "|---|---|---|---|")
    for key in result_keys():
        yield f"| `{key.path}` | {key.kind} | {key.unit} | {_sentence(key.meaning)} |"


def _metric_rows() -> Iterator[str]:
    for metric in METRICS.values():
        yield f"| `{metric.name}` | {metric.unit} | {_sentence(metric.title)} |"


def _sentence(text: str) -> str:
    """Return a docstring's words as a cell: JSON says `null`, and a sentence begins with a capital letter."""
    text = re.sub(r"\bNone\b", "`null`", text).replace("|", "\\|")
    return text[:1].upper() + text[1:] if re.match(r"[a-z]+\b(?!_)", text) else text
