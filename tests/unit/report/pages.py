"""A rendered page taken apart."""

import re
from dataclasses import replace
from functools import cached_property
from html.parser import HTMLParser

from hilrig.core.document import Document
from hilrig.report.html import render_report

PNG = b"\x89PNG\r\n\x1a\n a picture"
"""Stands for the picture that a page carries: drawing one takes a second, and the page does not look into it."""

VOID = {"meta", "link", "img", "br", "hr", "input", "wbr"}


class Page(HTMLParser):
    """Its elements, its words, whether every element was closed. Style and scripts are no words."""

    def __init__(self, source: bytes) -> None:
        super().__init__()
        self.source = source.decode()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.style = ""
        self.scripts: list[tuple[dict[str, str], str]] = []
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs), ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        elif self.open and self.open[-1] == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif data.strip():
            self.words.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        """Return all words in their order."""
        return " ".join(self.words)

    @cached_property
    def ids(self) -> list[str]:
        """Return every id, in the order of the page."""
        return [attrs["id"] for _, attrs in self.elements if "id" in attrs]

    @property
    def run_scripts(self) -> list[str]:
        """Return the scripts that a browser would run: not the data blocks."""
        return [text for attrs, text in self.scripts if attrs.get("type") != "application/json"]

    def having(self, attribute: str) -> list[str]:
        """Return the values of an attribute, in the order of the page."""
        return [attrs[attribute] for _, attrs in self.elements if attribute in attrs]

    def after(self, mark: str) -> str:
        """Return the words from a text on, to look at one part of a long page."""
        return self.text[self.text.index(mark) :]


def page_of(document: Document) -> Page:
    """Return the page of a document."""
    return Page(render_report(document, png=PNG))


def with_judgement(document: Document, **changes: object) -> Document:
    """Return the document with another judgement."""
    result = document.result
    return replace(document, result=replace(result, judgement=replace(result.judgement, **changes)))


def source_without_style(page: Page) -> str:
    """Return the page's source without its style and its scripts, in which words mean nothing."""
    return re.sub(r"<(style|script)\b.*?</\1>", "", page.source, flags=re.DOTALL)
