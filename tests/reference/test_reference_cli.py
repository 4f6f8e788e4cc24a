import re
from collections.abc import Callable
from pathlib import Path

import pytest

from reference.cli_tree import commands
from reference.environment import ITS_OWN, VARIABLES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "cli.md").read_text()
HILRIG, *BELOW = commands()
GROUPS = [command.path for command in (HILRIG, *BELOW) if command.is_group]


@pytest.fixture
def shown(monkeypatch, capsys) -> Callable[[str], str]:
    """Return what `--help` shows of a command, on a wide terminal; hilrig is built once for all of them."""

    def show(path: str) -> str:
        monkeypatch.setenv("COLUMNS", "400")
        with pytest.raises(SystemExit) as ended:
            HILRIG.built.main([*path.split(), "--help"], prog_name="hilrig")
        assert not ended.value.code
        return capsys.readouterr().out

    return show


def listed(help_text: str) -> list[str]:
    """Return the commands that the help of a group lists."""
    rows = help_text.partition("\nCommands:\n")[2].partition("\n\n")[0].splitlines()
    return [row.split()[0] for row in rows if re.match(r"  \S", row)]


def section(path: str) -> str:
    """Return what the page says of a command."""
    return re.split(r"\n#+ ", PAGE.partition(f"\n### hilrig {path}\n")[2])[0]


@pytest.mark.parametrize("group", GROUPS)
def test_every_command_of_the_help_is_on_the_page(group, shown):
    """Each command that `--help` lists has a section of its own."""
    names = listed(shown(group))
    assert len(names) > 1
    for name in names:
        assert re.search(rf"\n###? hilrig {f'{group} {name}'.strip()}\n", PAGE), name


@pytest.mark.parametrize("command", [one for one in BELOW if not one.is_group], ids=lambda one: one.path)
def test_every_option_of_the_help_is_on_the_page(command, shown):
    """Its section has the sentence, every argument, every option and the exit codes that `--help` shows."""
    text = shown(command.path)
    said = section(command.path)
    sentence = text.split("\n\n")[1].strip()
    assert " ".join(sentence.split()) in said
    options = set(re.findall(r"(?m)^  (?:-\w, )?(--[a-z-]+)", text)) - {"--help"}
    assert options == set(re.findall(r"(?m)^\| `(?:-\w, )?(--[a-z-]+)", said))
    codes = re.search(r"Exit codes: ([\d, ]+)\. hilrig explain", " ".join(text.split()))
    assert codes
    assert f"Exit codes: {codes[1]}." in said


def test_every_environment_variable_is_named():
    """A variable that the code reads or sets is on the page, or is known to be for hilrig's own processes."""
    texts = "".join(path.read_text() for path in (ROOT / "hilrig").rglob("*.py"))
    found = set(re.findall(r"HILRIG_[A-Z_]*[A-Z]\b", texts)) | {"NO_COLOR"}
    assert found == {*VARIABLES, *ITS_OWN}
    assert all(f"| `{name}` |" in PAGE for name in VARIABLES)
