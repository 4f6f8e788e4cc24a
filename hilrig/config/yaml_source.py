"""Strict YAML: bytes to a document of plain values, with every mistake at its place.

The subset is what a station's file needs: one document of mappings, lists and scalars in UTF-8. Anchors, aliases,
merge keys and tags are refused, so what is read is what is written, and no file can unfold into something larger.
"""

from collections.abc import Iterator
from typing import Any, Final

import yaml

from hilrig.config.document import Document, Mark, Path, merge
from hilrig.config.scalars import resolve
from hilrig.config.yaml_text import decode, syntax_problem
from hilrig.core.errors import ConfigError, Problem

DEPTH_MAX: Final = 16
EVENTS_MAX: Final = 20_000  # a real profile has about two hundred


def read_yaml(data: bytes, *, file: str) -> Document:
    """Return the document, its smaller mistakes collected in `problems`.

    Raises:
        ConfigError: the bytes are no YAML text at all, or its structure ends at a syntax error.
    """
    loader = yaml.SafeLoader(decode(data, file=file))
    reader = _Reader(loader, file)
    try:
        reader.read()
    except yaml.YAMLError as error:
        raise ConfigError(merge(reader.document.problems, [syntax_problem(error, file=file)])) from error
    except (ValueError, OverflowError) as error:  # PyYAML takes any eight hex digits after a backslash and U
        reader.note(
            _mark(loader.get_mark()), "bad_text", "an escape that is no character", "write the character itself"
        )
        raise ConfigError(merge(reader.document.problems)) from error
    return reader.document


class _Reader:
    """Builds values straight from the parser's events: what is refused is never built."""

    def __init__(self, loader: yaml.SafeLoader, file: str) -> None:
        self.document = Document(file=file)
        self._events = _bounded_events(loader)

    def read(self) -> None:
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            self.note(Mark(1, 1), "empty_file", "the file is empty", "`hilrig init NAME` writes one to start from")
            return
        first = next(self._events)
        self.document.data = self._value(first, ())
        self._require_mapping(first)
        next(self._events)  # the document's end
        end = next(self._events)
        if isinstance(end, yaml.DocumentStartEvent):
            self.note(_mark(end.start_mark), "syntax", "a second document starts here", "one file, one document")

    def note(self, mark: Mark, code: str, message: str, hint: str = "") -> None:
        problem = Problem(
            file=self.document.file, line=mark.line, column=mark.column, code=code, message=message, hint=hint
        )
        self.document.problems.append(problem)

    def _require_mapping(self, event: yaml.Event) -> None:
        if not isinstance(self.document.data, dict):
            found = "a list" if isinstance(self.document.data, list) else "a single value"
            self.note(_mark(event.start_mark), "wrong_type", f"expected lines of 'key: value', found {found}")

    def _value(self, event: Any, path: Path, key: Mark | None = None) -> Any:
        """Return the value that starts with `event`; `key` is where its key is written, if it has one."""
        mark = _mark(event.start_mark)
        self.document.marks[path] = mark
        if self._is_refused(event, mark):
            self._skip(event)
            return None
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path, key or mark)
        self.document.marks[path] = key or mark
        return self._mapping(path) if isinstance(event, yaml.MappingStartEvent) else self._list(path)

    def _is_refused(self, event: Any, mark: Mark) -> bool:
        if isinstance(event, yaml.AliasEvent):
            self.note(mark, "anchor", f"'*{event.anchor}' refers to another place", "write the value out")
            return True
        if event.anchor is not None:
            self.note(mark, "anchor", f"the anchor '&{event.anchor}' is not allowed", "write each value out")
            return True
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.note(mark, "tag", f"the tag '{tag}' is not allowed", "write the plain value, quoted if text")
            return True
        if isinstance(event, yaml.ScalarEvent) and any("\ud800" <= char <= "\udfff" for char in event.value):
            self.note(mark, "bad_text", "half of a surrogate pair is no character", "write the character itself")
            return True
        return False

    def _scalar(self, event: Any, path: Path, empty_mark: Mark) -> Any:
        try:
            value = event.value if event.style else resolve(event.value)
        except ValueError as error:
            self.note(self.document.marks[path], "bad_number", str(error), "is it text? put it in quotes")
            return None
        if value is None:
            self.document.marks[path] = empty_mark
            self.document.empty.append(path)
        return value

    def _list(self, path: Path) -> list[Any]:
        values: list[Any] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            values.append(self._value(event, (*path, len(values))))
        return values

    def _mapping(self, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, path)
            value_event = next(self._events)
            if key is None:
                self._skip(value_event)
            else:
                at = (*path, key)
                self.document.keys[at] = _mark(event.start_mark)
                values[key] = self._value(value_event, at, self.document.keys[at])
        return values

    def _key(self, event: Any, path: Path) -> str | None:
        """Return the key, or None after noting why it can't be one."""
        mark = _mark(event.start_mark)
        if not isinstance(event, yaml.ScalarEvent):
            self.note(
                mark, "bad_key", "a list, a block or an alias can't be a key", "a key is one word before ':'"
            )
            self._skip(event)
            return None
        if self._is_refused(event, mark):
            return None
        text = str(event.value)
        if not event.style and (fault := _key_fault(text)):
            self.note(mark, "bad_key", *fault)
            return None
        first = self.document.keys.get((*path, text))
        if first:
            self.note(
                mark, "duplicate_key", f"key '{text}' is given twice, first in line {first.line}", "keep one"
            )
            return None
        return text

    def _skip(self, event: yaml.Event) -> None:
        """Read past the value that starts with `event`, however deep it is."""
        depth = 0
        while True:
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if not depth:
                return
            event = next(self._events)


def _key_fault(text: str) -> tuple[str, str] | None:
    if text == "<<":
        return "merge keys are not allowed", "write the keys out"
    try:
        plain_text = isinstance(resolve(text), str)
    except ValueError:
        plain_text = False
    if plain_text:
        return None
    return (
        (f"the key '{text}' is not text", f'put it in quotes: "{text}"')
        if text
        else ("a key is missing before ':'", "")
    )


def _bounded_events(loader: yaml.SafeLoader) -> Iterator[Any]:
    """Yield the parser's events up to bounds that no real file meets: past them its time grows without use."""
    depth = 0
    for count, event in enumerate(iter(loader.get_event, None)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX:
            raise yaml.MarkedYAMLError(
                problem=f"nested deeper than {DEPTH_MAX} levels", problem_mark=event.start_mark
            )
        if count > EVENTS_MAX:
            raise yaml.MarkedYAMLError(problem="too many values for one file", problem_mark=event.start_mark)
        yield event


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)
