"""From a YAML file with the commands of an update to the subject of a power-loss test."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from hilrig.config.block_reader import read_keys
from hilrig.config.document import Document, merge
from hilrig.config.document import Path as At
from hilrig.config.keys import Format, Keys, Name, Text
from hilrig.config.source_file import not_found, read_bytes
from hilrig.config.yaml_source import read_yaml
from hilrig.core.errors import ConfigError, Problem
from hilrig.core.power_loss import UpdateStep, UpdateSubject

STORE: Final = "{store}"
_SUFFIXES: Final = ("*.yaml", "*.yml")

Word = Annotated[str, Field(min_length=1, max_length=4096)]
Command = Annotated[tuple[Word, ...], Field(min_length=1, max_length=256)]
Allowed = Annotated[tuple[Literal["A", "B", "none"], ...], Field(min_length=1, max_length=3)]


class StepKeys(Keys):
    """One step of an update."""

    name: Name = Field(description="For people: `download`, `switch`.")
    run: Command = Field(description="The command, word by word; `{store}` stands for the folder under test.")
    may_run_during: Allowed = Field(
        description="Releases that may run after a cut in the midst of it: `A`, `B`, or `none`."
    )
    may_run_after: Allowed = Field(description="The same once it has ended with 0: what it promises.")


class ReleaseKeys(Keys):
    """What `ask` answers for each release."""

    A: Text = Field(description="The ID of the release that `install` makes active.")
    B: Text = Field(description="The ID of the one that the update brings.")


class SubjectKeys(Keys):
    """Software that updates a model, and how it is asked what it runs."""

    format: Format = Field(description="Format of this file: 1.")
    name: Name = Field(description="Name of the software, as it appears in reports.")
    install: Command = Field(description="Makes the folder `{store}` with release A active and confirmed.")
    episodes: Annotated[
        dict[Name, Annotated[tuple[StepKeys, ...], Field(min_length=1, max_length=32)]],
        Field(min_length=1, max_length=32),
    ] = Field(
        description="By name, the steps of an update in their order, each episode from the installed folder on. "
        "The episode `install` starts from nothing."
    )
    ask: Command = Field(
        description='Prints what would run after a boot as one line `{"active": ID or null, "complete": true or '
        'false, "error": TEXT}`; it has to read every byte of the model.'
    )
    ask_many: Command | None = Field(
        default=None,
        description="The same for one folder per line of stdin, one answer per line: a thousand states in seconds "
        "instead of a thousand starts. Needs no `{store}`.",
    )
    releases: ReleaseKeys
    writes_trace: bool = Field(
        default=False,
        description="`true`: it keeps the record of its file calls itself, in the file that HILRIG_DISK_TRACE "
        "names (format in docs/node.md). Left out: hilrig records them through FUSE.",
    )


def load_subject(path: Path) -> UpdateSubject:
    """Return the subject that a file states.

    Raises:
        ConfigError: there is no such file, or it has mistakes: all of them, in the order of the file.
    """
    if not path.is_file():
        beside = path if path.is_dir() else path.parent
        known = sorted(file.name for suffix in _SUFFIXES for file in beside.glob(suffix))
        raise not_found(path, what="subject file", known=known)
    document = read_yaml(read_bytes(path), file=str(path))
    keys, key_problems = read_keys(document, SubjectKeys)
    problems = merge(document.problems, list(_broken_rules(document)), key_problems)
    if keys is None or problems:
        raise ConfigError(problems)
    return _subject(keys)


def subject_problems(document: Document, folder: Path) -> list[Problem]:
    """Return what is wrong with the subject file that a profile names: that it is missing, or all its mistakes."""
    at = ("power_loss", "subject_file")
    name = document.get(at)
    if not isinstance(name, str):
        return []
    try:
        load_subject(folder / name)
    except ConfigError as error:
        if any(problem.line for problem in error.problems):
            return list(error.problems)
        message = f"no file '{name}' in {folder}"
        return [document.problem(at, "missing_file", message, "paths start at the profile's folder")]
    return []


def _broken_rules(document: Document) -> Iterator[Problem]:
    yield from _needs_store(document, ("install",))
    yield from _needs_store(document, ("ask",))
    episodes = document.get(("episodes",))
    for name, steps in episodes.items() if isinstance(episodes, dict) else ():
        for index in range(len(steps) if isinstance(steps, list) else 0):
            yield from _needs_store(document, ("episodes", name, index, "run"))
    one, other = document.get(("releases", "A")), document.get(("releases", "B"))
    if one is not None and one == other:
        message = "A and B are the same: nobody could tell the new release from the old one"
        yield document.problem(("releases", "B"), "contradiction", message)


def _needs_store(document: Document, at: At) -> Iterator[Problem]:
    words = document.get(at)
    if isinstance(words, list) and not any(isinstance(word, str) and STORE in word for word in words):
        message = f"'{at[-1]}' has no {STORE}: it would work on a folder that nobody cuts"
        yield document.problem(at, "contradiction", message, f"put '{STORE}' where the folder goes, in quotes")


def _subject(keys: SubjectKeys) -> UpdateSubject:
    return UpdateSubject(
        name=keys.name,
        install=keys.install,
        episodes={name: tuple(map(_step, steps)) for name, steps in keys.episodes.items()},
        ask=keys.ask,
        ask_many=keys.ask_many or (),
        releases=keys.releases.model_dump(),
        writes_trace=keys.writes_trace,
    )


def _step(keys: StepKeys) -> UpdateStep:
    return UpdateStep(
        name=keys.name,
        argv=keys.run,
        may_run_during=keys.may_run_during,
        may_run_after=keys.may_run_after,
    )
