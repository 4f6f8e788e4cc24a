"""Sources: what reads the channels that come from the same file or files."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from hilrig.core.telemetry import Channel, Reason
from hilrig.sampler.kept_file import KeptFile

Value: TypeAlias = float | Reason
"""What one read of a channel gives. `Reason` is an integer too: tell them apart with `isinstance(x, Reason)`."""

Parse: TypeAlias = Callable[[bytes], Sequence[Value]]
"""From a file's content to one value per channel. May raise ValueError or LookupError: the content is wrong."""

_DIGITS_MAX = 20

CONTENT_ERRORS = (ValueError, LookupError, ArithmeticError)


class Source(Protocol):
    """Channels of one tier that are read together. Nothing raises."""

    channels: tuple[Channel, ...]

    def read(self) -> Sequence[Value]:
        """Return one value per channel."""

    def detail(self) -> str:
        """Return in words what the last reason means; empty when all went well."""

    def close(self) -> None:
        """Release files."""


class FileSource:
    """One file that holds all of its channels."""

    def __init__(self, channels: Sequence[Channel], file: KeptFile, parse: Parse) -> None:
        self.channels = tuple(channels)
        self._file = file
        self._parse = parse

    def read(self) -> Sequence[Value]:
        """Return what the file says; the same reason for all channels when it can't be read."""
        data = self._file.read()
        if isinstance(data, Reason):
            return [data] * len(self.channels)
        try:
            return self._parse(data)
        except CONTENT_ERRORS:
            return [self._file.unexpected()] * len(self.channels)

    def detail(self) -> str:
        """Return why the file could not be read."""
        return self._file.detail

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class FoldSource:
    """One channel made of several one-line files. A value needs all of them: a partial sum is no reading.

    Args:
        channel: what they make.
        files: the files.
        fold: from their contents, without white space around, to the value.
        without_files: the reason where there are none.
    """

    def __init__(
        self,
        channel: Channel,
        files: Sequence[KeptFile],
        fold: Callable[[Sequence[bytes]], float],
        *,
        without_files: Reason = Reason.ABSENT,
    ) -> None:
        self.channels: tuple[Channel, ...] = (channel,)
        self._files = tuple(files)
        self._fold = fold
        self._without_files = without_files
        self._detail = ""

    def read(self) -> Sequence[Value]:
        """Return the folded value, or the first file's reason."""
        self._detail = ""
        contents = []
        for file in self._files:
            data = file.read()
            if isinstance(data, Reason):
                self._detail = file.detail
                return (data,)
            contents.append(data.strip())
        return (self._folded(contents),)

    def detail(self) -> str:
        """Return why the value could not be made."""
        return self._detail

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()

    def _folded(self, contents: Sequence[bytes]) -> Value:
        if not contents:
            self._detail = f"no file for {self.channels[0].source}"
            return self._without_files
        try:
            return self._fold(contents)
        except CONTENT_ERRORS:
            self._detail = f"{self.channels[0].source}: unexpected content"
            return Reason.ERROR


def natural(text: bytes) -> int:
    """Return the decimal number that `text` is.

    Raises:
        ValueError: it is anything else (a sign or an underscore, which `int` would take, included), or has more
            digits than the 64 bits of a kernel counter can.
    """
    stripped = text.strip()
    if not stripped.isdigit() or len(stripped) > _DIGITS_MAX:
        raise ValueError(f"not a natural number: {stripped[:40]!r}")
    return int(stripped)


def naturals(texts: Sequence[bytes]) -> list[int]:
    """Return several decimal numbers without white space, as `natural` does; one check for all of them.

    Raises:
        ValueError: one of them is anything else, or there is none.
    """
    if not b"".join(texts).isdigit() or max(map(len, texts)) > _DIGITS_MAX:
        raise ValueError(f"not natural numbers: {b' '.join(texts)[:80]!r}")
    return [int(text) for text in texts]


def labelled(data: bytes, label: bytes, *, unit: bytes = b"") -> Value:
    """Return the natural number behind `label` at the start of a line; NOT_SUPPORTED without such a line.

    Raises:
        ValueError: what stands there is not a natural number followed by `unit`.
    """
    start = (b"\n" + data).find(b"\n" + label)
    if start < 0:
        return Reason.NOT_SUPPORTED
    line, _, _ = data[start + len(label) :].partition(b"\n")
    if not line.endswith(unit):
        raise ValueError(f"not in {unit!r}: {line[:40]!r}")
    return natural(line.removesuffix(unit))
