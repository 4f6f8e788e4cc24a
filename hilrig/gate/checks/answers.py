"""How a check answers: a status in one sentence, with the evidence that it looked at."""

from collections.abc import Iterable

from hilrig.config.keys import Keys
from hilrig.core.gate import Answer
from hilrig.core.verdict import CheckStatus


class NoParameters(Keys):
    """A check that has nothing to set."""


def passed(sentence: str, *evidence: str) -> Answer:
    """Return that it was shown."""
    return Answer(status=CheckStatus.PASS, sentence=sentence, evidence=evidence)


def failed(sentence: str, *evidence: str) -> Answer:
    """Return that it was shown not to be so."""
    return Answer(status=CheckStatus.FAIL, sentence=sentence, evidence=evidence)


def missing(sentence: str, *evidence: str) -> Answer:
    """Return that nothing shows it."""
    return Answer(status=CheckStatus.NOT_MEASURED, sentence=sentence, evidence=evidence)


def unless(objections: Iterable[Answer], otherwise: Answer) -> Answer:
    """Return the first objection that is a FAIL, else the first one, else `otherwise`."""
    found = list(objections)
    worst = [answer for answer in found if answer.status is CheckStatus.FAIL] or found
    return worst[0] if worst else otherwise


def listed(words: Iterable[str]) -> str:
    """Return `a, b and 2 more`: the first three."""
    found = list(words)
    shown, rest = found[:3], len(found) - 3
    return ", ".join(shown) + (f" and {rest} more" if rest > 0 else "")
