"""The documentation names modules that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
NAMED = re.compile(r"`(?:hilrig/)?((?:[a-z_]+/)+[a-z_0-9]+\.(?:py|js))`")
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)(?:#([^)\s]+))?\)")
PARTS = {path.name for path in (ROOT / "hilrig").iterdir() if path.is_dir()}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_that_a_page_names_is_there(page):
    """Whoever follows a page into the code finds the file."""
    named = [name for name in NAMED.findall(page.read_text()) if name.split("/")[0] in PARTS]
    assert [name for name in named if not (ROOT / "hilrig" / name).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_link_of_a_page_leads_somewhere(page):
    """The file that a link names is there, with the heading that it names."""
    for target, anchor in LINK.findall(page.read_text()):
        path = (page.parent / target).resolve()
        assert path.exists(), target
        if anchor and path.suffix == ".md":
            assert anchor in _anchors(path), f"{target}#{anchor}"


def _anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_walk_names_every_stamp_of_a_frame():
    """The six moments that a frame record holds stand on the page, in the order in which they happen."""
    text = (ROOT / "docs" / "walk.md").read_text()
    stamps = ("intended", "release", "dequeue", "preprocessed", "inferred", "decided")
    places = [text.index(f"t_{stamp}_ns") for stamp in stamps]
    assert places == sorted(places)
