"""The extension point for views of a result."""

from typing import Protocol

from hilrig.core.document import Document


class Sink(Protocol):
    """A view of a result. Built without arguments."""

    file_name: str

    def render(self, document: Document) -> bytes:
        """Return the view: equal documents give equal bytes."""
