"""One self-check of the instrument, in words."""

from hilrig.core.verdict import SelfCheck


def stated(
    check_id: str, *, ok: bool, observed: str, limit: str, holds: str, broken: str, advice: str
) -> SelfCheck:
    """Return a self-check with the sentence for its outcome; advice is given only where it is needed."""
    return SelfCheck(
        check_id=check_id,
        ok=ok,
        observed_text=observed,
        limit_text=limit,
        sentence=holds if ok else broken,
        advice="" if ok else advice,
    )
