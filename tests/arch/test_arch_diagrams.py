"""The diagrams say what is there: modules that exist, owners that act on a code, a row for every box."""

import re
from pathlib import Path

import pytest

from hilrig.core.error_codes import ERROR_CODES, OWNERS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "diagrams.md"
TEXT = PAGE.read_text()
BLOCKS = re.findall(r"```mermaid\n(.*?)```", TEXT, re.DOTALL)
FLOWCHARTS = [block for block in BLOCKS if block.startswith("flowchart")]
SEQUENCES = [block for block in BLOCKS if block.startswith("sequenceDiagram")]
BOX = re.compile(r'\b[A-Z]\w*\[(\(?)"([^"]+)"\)?\]')
PARTICIPANT = re.compile(r"participant \w+ as (.+)")
CODE = re.compile(r"HR-\d{3}")
STORE = "("


def boxes() -> list[tuple[str, list[str]]]:
    """Return the shape and the lines of every box: its name, its module, its owner, what is kept."""
    return [(shape, text.split("<br/>")) for block in FLOWCHARTS for shape, text in BOX.findall(block)]


def rows() -> dict[str, list[str]]:
    """Return the table of what happens when a box fails, by its first cell."""
    table = TEXT.partition("## When a box fails")[2]
    lines = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return {line[0]: line[1:] for line in lines[1:]}


def exists(module: str) -> bool:
    path = ROOT / module
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def test_the_pages_diagrams_are_all_there():
    """Context, components of the harness and of the node; inference, update and error handling step by step."""
    assert len(FLOWCHARTS) == 3
    assert len(SEQUENCES) == 3
    assert len(boxes()) > 20


@pytest.mark.parametrize("lines", [lines for _, lines in boxes()], ids=lambda lines: lines[0])
def test_a_box_is_a_module_with_an_owner_and_a_row(lines):
    """Its module is there, a group owns it, and the table says what happens when it fails, with the same owner."""
    name, module, owner, *_ = lines
    assert module.startswith("hilrig/")
    assert exists(module)
    assert owner in OWNERS
    assert rows()[name][0] == owner


def test_a_store_says_what_is_kept():
    """Retention stands where data lies: how long, or what is removed."""
    stores = [lines for shape, lines in boxes() if shape == STORE]
    assert stores
    assert [lines[0] for lines in stores if not lines[-1].startswith("kept")] == []


def test_every_row_is_of_a_box_that_is_drawn():
    """A box that was taken out takes its row with it."""
    assert rows().keys() == {lines[0] for _, lines in boxes()}


def test_every_participant_is_a_module_or_stands_outside():
    """In the sequences a participant of ours names its module; the others are people, lines and servers."""
    named = [text.split("<br/>") for block in SEQUENCES for text in PARTICIPANT.findall(block)]
    assert [lines for lines in named if len(lines) > 1 and not exists(lines[1])] == []
    outside = {lines[0] for lines in named if len(lines) == 1}
    assert outside == {"camera, line", "PLC", "release server", "technician, support"}


def test_every_error_code_has_a_row_of_its_owner():
    """Who reads a code finds the box, and the group that owns the box is the one that acts on the code."""
    found = {(code, cells[0]) for cells in rows().values() for code in CODE.findall(cells[-1])}
    assert found == {(code, known.owner) for code, known in ERROR_CODES.items()}
    assert set(CODE.findall(TEXT)) <= ERROR_CODES.keys()
    assert {lines[2] for _, lines in boxes()} == set(OWNERS)


def test_trust_boundaries_are_drawn():
    """Every picture of parts has dashed frames, and says that it does."""
    for block in FLOWCHARTS:
        frames = re.findall(r"subgraph (\w+)", block)
        (dashed,) = re.findall(r"class ([\w,]+) edge", block)
        assert "classDef edge stroke-dasharray" in block
        assert set(dashed.split(",")) == set(frames) != set()
    assert "Dashed frames are trust boundaries" in TEXT


def test_the_diagrams_are_drawn_at_all():
    """What Mermaid does not draw: a semicolon in a sequence ends the line, an undeclared name is a new box."""
    for block in SEQUENCES:
        assert ";" not in block
        declared = set(re.findall(r"participant (\w+) as", block))
        assert {
            name for pair in re.findall(r"^\s*(\w+)-?->>(\w+):", block, re.MULTILINE) for name in pair
        } == declared
    for block in FLOWCHARTS:
        declared = re.findall(r"\b([A-Z]\w*)[\[(]", block)
        assert len(declared) == len(set(declared))
        bare = re.sub(r'"[^"]*"|\[.*?\]|\(.*?\)', "", block)
        assert {name for name in re.findall(r"\b[A-Z][A-Z0-9]+\b", bare) if name not in {"LR", "TB"}} <= set(
            declared
        )


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!#)([^)#]+)", TEXT))))
def test_a_link_leads_somewhere(link):
    """Boxes lead to their page and to their playbook."""
    assert (PAGE.parent / link).exists()


def test_the_table_of_versions_names_the_log_keys_that_carry_them():
    """Where a version is reported, the key is one that every log line has."""
    from hilrig.core.log_keys import STANDARD_KEYS

    named = {"model_hash", "config_version", "runtime_version", "delegate_active"}
    table = TEXT.partition("## Where versions are read")[2].partition("\n## ")[0]
    assert {key for key in named if f"`{key}`" in table} == named <= set(STANDARD_KEYS)


def test_a_change_is_asked_for_its_diagrams():
    """The template of a pull request asks for the page by name, and for people of two groups."""
    template = (ROOT / ".github" / "pull_request_template.md").read_text()
    assert "## Diagram impact" in template
    assert "docs/diagrams.md" in template
    assert "two" in template
    assert all(owner in template for owner in OWNERS)
