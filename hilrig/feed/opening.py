"""A feed from its declaration."""

from pathlib import Path

from hilrig.core import registry
from hilrig.core.ports import Feed
from hilrig.core.profile import FeedSpec


def open_feed(spec: FeedSpec, folder: Path) -> Feed:
    """Return the declared feed; `folder` is where its relative paths start.

    Raises:
        UsageError: no such feed, or a library that it needs is missing.
    """
    factory = registry.load("feeds", spec.source)
    feed: Feed = factory(factory.Options(**spec.options), folder)  # type: ignore[attr-defined] # by the port's contract
    return feed
