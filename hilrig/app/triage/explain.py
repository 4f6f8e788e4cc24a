"""What a code, a check, a cause or an exit code means, who owns it, where it is treated, what to do next."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from hilrig.config.schema import profile_schema
from hilrig.core.error_codes import ERROR_CODES
from hilrig.core.errors import UsageError
from hilrig.core.topics import CAUSES, EXIT_CODES, SELF_CHECKS, Meaning
from hilrig.gate.playbooks.catalog import CATALOG

LIMITS: Final = "hil_validation."
N_NEAREST: Final = 4
_PLAYBOOK_OF_BLOCK: Final = {
    "latency": ("ML", "latency-spikes#contention"),
    "frames": ("ML", "latency-spikes#contention"),
    "resources": ("firmware", "latency-spikes#thermal"),
    "detection": ("ML", "accuracy-drop#golden-set"),
    "golden": ("ML", "accuracy-drop#golden-set"),
    "recovery": ("firmware", "model-fails-to-load#integrity"),
}
"""Who owns a limit, and where its breach is treated, by its block in the profile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One word that hilrig prints.

    Args:
        kind: `error code`, `exit code`, `check`, `profile key`, `self-check`, `cause of slow frames`,
            `root cause`, `signal` or `playbook`.
        section: of the documentation, relative to docs/.
    """

    name: str
    kind: str
    meaning: str
    owner: str
    section: str
    next_step: str


def explain(word: str) -> Topic:
    """Return what a word means; its end or its middle is enough where that names one thing: `p99`.

    Raises:
        UsageError: nobody knows it; the hint names the nearest.
    """
    known = topics()
    wanted = word.strip().removeprefix(LIMITS).lower()
    found = known.get(wanted) or _by_part(wanted, known)
    if found is not None:
        return found
    near = get_close_matches(wanted, known, n=N_NEAREST, cutoff=0.5)
    hint = f"perhaps {', '.join(known[name].name for name in near)}" if near else "hilrig explain --list"
    raise UsageError(f"nothing here is called {word!a}", hint=hint)


def topics() -> Mapping[str, Topic]:
    """Return everything that can be explained, by its name in small letters; the first of a name stays."""
    found: dict[str, Topic] = {}
    for topic in (*_codes(), *_exits(), *_profile_keys(), *_self_checks(), *_slow_frames(), *_playbooks()):
        found.setdefault(topic.name.lower(), topic)
    return found


def _by_part(wanted: str, known: Mapping[str, Topic]) -> Topic | None:
    """Return the topic that has `wanted` among its parts: the shortest name is the plainest one."""
    holding = [topic for name, topic in known.items() if wanted in re.split(r"[._-]", name) or _ends(name, wanted)]
    return min(holding, key=lambda topic: (len(topic.name), topic.name), default=None)


def _ends(name: str, wanted: str) -> bool:
    return "." in name and name.rpartition(".")[2] == wanted


def _topic(name: str, kind: str, held: Meaning) -> Topic:
    return Topic(
        name=name,
        kind=kind,
        meaning=held.meaning,
        owner=held.owner,
        section=f"playbooks/{held.section.replace('#', '.md#', 1)}",
        next_step=held.next_step,
    )


def _codes() -> Iterator[Topic]:
    for name, code in ERROR_CODES.items():
        yield _topic(name, "error code", Meaning(*_in_order(code)))


def _in_order(code: Any) -> tuple[str, str, str, str]:
    return code.owner, code.meaning, code.section, code.next_step


def _exits() -> Iterator[Topic]:
    for code, held in EXIT_CODES.items():
        yield _topic(str(int(code)), "exit code", held)


def _self_checks() -> Iterator[Topic]:
    for check_id, held in SELF_CHECKS.items():
        yield _topic(check_id, "self-check", held)


def _slow_frames() -> Iterator[Topic]:
    for cause, held in CAUSES.items():
        yield _topic(cause.value, "cause of slow frames", held)


def _profile_keys() -> Iterator[Topic]:
    """Yield every key of a profile with the description that its schema has; those that are limits are checks."""
    schema = profile_schema()
    for path, described in _walk(schema, schema.get("$defs", {}), at=""):
        name = path.removeprefix(LIMITS)
        block = name.partition(".")[0]
        is_check = path.startswith(LIMITS) or block == "golden"
        owner, section = _PLAYBOOK_OF_BLOCK.get(block, ("QA", ""))
        yield Topic(
            name=name,
            kind="check" if is_check and "." in name else "profile key",
            meaning=str(described.get("description", "")).replace("\n", " "),
            owner=owner,
            section=f"playbooks/{section.replace('#', '.md#', 1)}" if section else "../profiles/README.md",
            next_step="hilrig triage RUN" if is_check else "hilrig check PROFILE",
        )


def _walk(
    block: Mapping[str, Any], definitions: Mapping[str, Any], *, at: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, stated in block.get("properties", {}).items():
        referred = definitions.get(str(stated.get("$ref", "")).rpartition("/")[2], {})
        described = {**referred, **stated}
        path = f"{at}.{name}".lstrip(".")
        if described.get("description"):
            yield path, described
        yield from _walk(described, definitions, at=path)


def _playbooks() -> Iterator[Topic]:
    for book, _ in CATALOG.values():
        page = f"playbooks/{book.playbook_id}.md"
        yield Topic(
            name=book.playbook_id,
            kind="playbook",
            meaning=book.symptom,
            owner="support",
            section=page,
            next_step=f"hilrig triage SUBJECT --playbook {book.playbook_id}",
        )
        for cause in book.causes:
            yield Topic(
                name=cause.cause_id,
                kind="root cause",
                meaning=f"{cause.title}. Confirmed by: {', '.join(sorted(cause.signals))}.",
                owner=cause.owner,
                section=f"{page}#root-cause-candidates",
                next_step=cause.resolution,
            )
            for signal in sorted(cause.signals):
                yield Topic(
                    name=signal,
                    kind="signal",
                    meaning=book.signals[signal],
                    owner=cause.owner,
                    section=f"{page}#root-cause-candidates",
                    next_step=f"hilrig explain {cause.cause_id}",
                )
