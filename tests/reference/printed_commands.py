"""Command lines that hilrig itself prints: hints, next steps, sentences that name a command."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from reference.command_lines import CommandLine
from reference.syntax import walk

ROOT = Path(__file__).parents[2]
_NAMED = re.compile(r"(?:^|[`:,;(] ?|then |or )hilrig ([a-z][^`'\",;:)(\n]*)")

_WORD = re.compile(r"\bhilrig\b(?!\.)")  # most modules only import from it


def printed_commands() -> Iterator[CommandLine]:
    """Yield what stands after `hilrig` in the texts of its own code; of a sentence more than the command."""
    for module in sorted((ROOT / "hilrig").rglob("*.py")):
        source = module.read_text()
        if not _WORD.search(source):
            continue
        for line, text in _texts(ast.parse(source)):
            for found in _NAMED.finditer(text):
                yield CommandLine(str(module.relative_to(ROOT)), line, found[1].rstrip(". "))


def _texts(tree: ast.Module) -> Iterator[tuple[int, str]]:
    pieces: set[int] = set()
    for node in walk(tree):
        if isinstance(node, ast.JoinedStr):
            pieces.update(map(id, node.values))
            yield node.lineno, "".join(_text(one) for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in pieces:
            yield node.lineno, node.value


def _text(piece: ast.expr) -> str:
    """Return a part of an f-string: a word in the place of what is put in."""
    return str(piece.value) if isinstance(piece, ast.Constant) else "X"
