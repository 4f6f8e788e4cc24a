"""An update subject on its way to a rig: the files that its commands name go with it."""

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

from hilrig.app.rigs.command import follow
from hilrig.app.rigs.link import RigLink, in_work_folder
from hilrig.app.rigs.upload import FILES_MAX, SentFile, upload
from hilrig.core.errors import PreconditionError
from hilrig.core.power_loss import UpdateSubject
from hilrig.rig.agent.layout import safe_relative

_PLACE: Final = """\
import json, os, sys
for blob, target in json.load(sys.stdin):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if not os.path.exists(target):
        os.link(blob, target)
os.sync()
"""
"""Puts uploaded content where a command will look for it."""


def send_subject(
    link: RigLink, subject: UpdateSubject, folder: str, *, on_wait: Callable[[], None] = lambda: None
) -> UpdateSubject:
    """Return the subject as it is on the rig.

    Every argument that is an absolute path here is sent to `folder` there; the program itself must be on the rig,
    and this Python becomes the rig's. Inside a longer argument (a line of shell) the same paths are renamed.

    Raises:
        PreconditionError: a file cannot be put there.
        HilrigError: the rig has no room, or the line breaks.
    """
    words = {word for argv in _commands(subject) for word in argv[1:] if _is_here(word)}
    places = {
        word: f"{folder}/{hashlib.sha256(word.encode()).hexdigest()[:16]}/{Path(word).name}" for word in words
    }
    sent = [(file, _target(place, file)) for word, place in places.items() for file in _files(Path(word))]
    upload(link, [file for file, _ in sent], on_progress=lambda _: None, on_wait=on_wait)
    pairs = [[in_work_folder(link, "blobs", file.sha256), target] for file, target in sent]
    placed = follow(
        link.start([link.boot_facts.executable, "-c", _PLACE]),
        what=f"rig {link.spec.name}: placing files",
        on_wait=on_wait,
        stdin=json.dumps(pairs).encode(),
    )
    if placed.returncode:
        message = f"rig {link.spec.name}: the subject's files cannot be put there: {placed.stderr[-300:]}"
        raise PreconditionError(message, hint=f"is there room in {link.work_folder}?")
    return _renamed(subject, {**places, sys.executable: link.boot_facts.executable})


def _commands(subject: UpdateSubject) -> Iterator[Sequence[str]]:
    yield subject.install
    yield subject.ask
    for steps in subject.episodes.values():
        yield from (step.argv for step in steps)


def _is_here(word: str) -> bool:
    path = Path(word)
    try:
        return path.is_absolute() and word != sys.executable and path.exists()
    except OSError:  # too long for a name: a line of shell
        return False


def _files(path: Path) -> Iterator[SentFile]:
    files = list(islice(path.rglob("*"), FILES_MAX)) if path.is_dir() else [path]
    if len(files) == FILES_MAX:
        message = f"{path} holds {FILES_MAX} files or more: all of them would go to the rig"
        raise PreconditionError(message, hint="name a smaller folder in the subject's commands")
    for file in sorted(files):
        if file.is_file():
            data = file.read_bytes()
            relative = safe_relative(file.relative_to(path).as_posix()) if path.is_dir() else ""
            yield SentFile(path=relative, source=file, size=len(data), sha256=hashlib.sha256(data).hexdigest())


def _target(place: str, file: SentFile) -> str:
    return f"{place}/{file.path}" if file.path else place


def _renamed(subject: UpdateSubject, names: dict[str, str]) -> UpdateSubject:
    longest_first = sorted(names, key=len, reverse=True)
    known = re.compile(f"({'|'.join(map(re.escape, longest_first))})(?![\\w.-])")

    def there(argv: Sequence[str]) -> tuple[str, ...]:
        return tuple(known.sub(lambda found: names[found[0]], word) for word in argv)

    return replace(
        subject,
        install=there(subject.install),
        ask=there(subject.ask),
        ask_many=(),  # a rig is asked one store at a time
        episodes={
            name: tuple(replace(step, argv=there(step.argv)) for step in steps)
            for name, steps in subject.episodes.items()
        },
    )
