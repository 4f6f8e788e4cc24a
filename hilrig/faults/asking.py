"""Asking a subject what it would run, for one store or for a thousand."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hilrig.core.power_loss import UpdateSubject
from hilrig.faults.recovery_check import parse_answer

ONE_TIMEOUT_S: Final = 30.0
"""An answer is a few hashes; a node that takes longer to say what it would run hangs."""

Answer = Mapping[str, Any] | None


def ask_all(subject: UpdateSubject, stores: Sequence[Path]) -> list[Answer]:
    """Return what a subject would run for each store, as after a boot; None where it gives no answer.

    A store that makes the asker of many die is asked alone, and so are those after it.
    """
    answers: list[Answer] = _ask_many(subject, stores) if subject.ask_many else []
    answers += [_ask(subject, store) for store in stores[len(answers) :]]
    return [_without_place(answer, store) for answer, store in zip(answers, stores, strict=True)]


def _without_place(answer: Answer, store: Path) -> Answer:
    """Return an answer whose text names files from the store on: where it lay meanwhile says nothing."""
    if answer is None or not isinstance(answer.get("error"), str):
        return answer
    return {**answer, "error": answer["error"].replace(f"{store}/", "").replace(str(store), "the store")}


def _ask(subject: UpdateSubject, store: Path) -> Answer:
    argv = [word.replace("{store}", str(store)) for word in subject.ask]
    found = _answers(_printed(argv, given=""))
    return found[-1] if found else None


def _ask_many(subject: UpdateSubject, stores: Sequence[Path]) -> list[Answer]:
    given = "".join(f"{store}\n" for store in stores)
    found = _answers(_printed(list(subject.ask_many), given=given))
    return found if len(found) <= len(stores) else []  # more answers than stores: nobody knows whose they are


def _printed(argv: list[str], *, given: str) -> str:
    """Return what a command prints, up to where it died or was ended because it hung."""
    n_stores = max(1, given.count("\n"))
    process = subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        return process.communicate(given, timeout=ONE_TIMEOUT_S + n_stores)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate()[0]
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def _answers(out: str) -> list[Answer]:
    parsed = (parse_answer(line) for line in out.splitlines())
    return [answer for answer in parsed if answer is not None and "active" in answer]
