import subprocess
import sys

import pytest

from reference.__main__ import main
from reference.pages import ROOT, pages

MADE = pages()


@pytest.mark.parametrize("page", MADE)
def test_a_made_page_is_what_the_code_says(page):
    """`make reference` was run since the code that the page is made from changed."""
    assert (ROOT / page).read_text() == MADE[page]


def test_the_pages_are_made_by_one_command(tmp_path, monkeypatch, capsys):
    """`make reference` writes all of them and names them; called again it finds nothing to do."""
    command = [sys.executable, "-m", "reference", str(tmp_path)]
    named = subprocess.run(command, cwd=ROOT / "tests", capture_output=True, text=True, check=True).stdout
    assert named.splitlines() == list(MADE)
    assert all((tmp_path / page).read_text() == text for page, text in MADE.items())
    monkeypatch.setattr(sys, "argv", command[2:])
    main()
    assert capsys.readouterr().out == ""


def test_every_reference_page_is_linked():
    """A reader finds each page of docs/reference from its list, and the list from the README."""
    folder = ROOT / "docs" / "reference"
    listed = (folder / "README.md").read_text()
    assert all(f"]({page.name})" in listed for page in folder.glob("*.md") if page.name != "README.md")
    assert "docs/reference" in (ROOT / "README.md").read_text()
