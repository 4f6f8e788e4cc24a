import hashlib
import importlib.util
import json
import re
import shutil
from pathlib import Path

import pytest

import hilrig
from hilrig.core.errors import PreconditionError
from hilrig.report import assets

ROOT = Path(__file__).parents[3]
PINNED = ROOT / ".ci" / "charts"
PACKAGE = Path(hilrig.__file__).parent
SCRIPTS = PACKAGE / "report" / "scripts"
LIBRARY_BYTES_MAX = 60_000
OWN_SCRIPTS_BYTES_MAX = 45_000


def load_hook():
    """Return the module of the build hook, as hatchling loads it."""
    spec = importlib.util.spec_from_file_location("hatch_build", PINNED / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_library_of_this_installation_is_the_pinned_one():
    """Every file has the sha256 that the build hook demands."""
    hook = load_hook()
    folder = PACKAGE.parent / hook.FOLDER
    assert hook.is_complete(folder)
    assert {path.name for path in folder.iterdir()} == {Path(name).name for name in hook.FILES}


def test_a_changed_or_missing_file_is_fetched_again(tmp_path):
    """The hook skips npm only when each file is there, byte for byte."""
    hook = load_hook()
    folder = shutil.copytree(PACKAGE.parent / hook.FOLDER, tmp_path / "uplot")
    assert hook.is_complete(folder)
    (folder / "uPlot.min.css").write_text("changed")
    assert not hook.is_complete(folder)
    (folder / "uPlot.min.css").unlink()
    assert not hook.is_complete(folder)


def test_a_package_with_other_contents_is_refused(tmp_path, monkeypatch):
    """When npm gives something else than what is pinned, nothing of it comes into the package."""
    hook = load_hook()

    def install_something_else(*_: str, folder: str) -> None:
        for name in hook.FILES:
            path = Path(folder, "node_modules", "uplot", name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("not uPlot")

    monkeypatch.setattr(hook, "run_npm", install_something_else)
    with pytest.raises(RuntimeError, match="not the pinned one"):
        hook.fetch(PINNED, tmp_path / "uplot")
    assert not (tmp_path / "uplot").exists()


def test_the_lock_pins_one_package_by_its_hash_and_names_no_registry():
    """One version, one sha512, no address."""
    text = (PINNED / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    assert set(packages) == {"", "node_modules/uplot"}
    assert packages["node_modules/uplot"]["version"] == "1.6.32"
    assert packages["node_modules/uplot"]["integrity"].startswith("sha512-")
    assert "http" not in text


def test_a_page_carries_the_licence_of_the_library():
    """MIT asks for its text wherever the code goes, and a report goes far."""
    for text in (assets.script("uPlot.iife.min.js"), assets.style("uPlot.min.css")):
        assert "Permission is hereby granted" in text
        assert "Leon Sorokin" in text


def test_the_charts_are_small():
    """The library with its style stays under 60 kB, our own scripts with their comments under 45."""
    folder = PACKAGE.parent / load_hook().FOLDER
    assert (
        sum((folder / name).stat().st_size for name in ("uPlot.iife.min.js", "uPlot.min.css")) < LIBRARY_BYTES_MAX
    )
    own = [name for name in assets.CHART_SCRIPTS if not name.startswith("uPlot")]
    assert sum((SCRIPTS / name).stat().st_size for name in own) < OWN_SCRIPTS_BYTES_MAX


def test_scripts_can_stand_inline_and_beside_each_other():
    """None ends its element, and no name is given twice: all of them share one function."""
    names = [name for name in assets.CHART_SCRIPTS if not name.startswith("uPlot")]
    names += [path.name for path in SCRIPTS.glob("*.js") if path.name not in names]
    for name in (*names, *assets.CHART_SCRIPTS):
        assert not re.search(r"</script|<!--", assets.script(name), re.IGNORECASE), name
    declared = [
        match
        for name in names
        for match in re.findall(r"^(?:async )?(?:function|const|let) (\w+)", assets.script(name), re.MULTILINE)
    ]
    assert sorted(set(declared)) == sorted(declared)


def test_an_installation_without_the_library_says_so_and_what_to_do(monkeypatch, tmp_path):
    """Refused before a run, with the next step, instead of a report without charts after eight hours."""
    assets.require_assets()
    monkeypatch.setattr(assets.resources, "files", lambda _: tmp_path)
    with pytest.raises(PreconditionError, match="chart library is missing") as refused:
        assets.require_assets()
    assert "make demo" in refused.value.hint


def test_the_hook_knows_the_files_that_a_page_needs():
    """What pages read is what the build puts there."""
    hook = load_hook()
    assert {"uPlot.iife.min.js", "uPlot.min.css", "LICENSE"} == {Path(name).name for name in hook.FILES}
    assert all(re.fullmatch("[0-9a-f]{64}", sha256) for sha256 in hook.FILES.values())
    assert (
        hook.sha256_of(PINNED / "package.json")
        == hashlib.sha256((PINNED / "package.json").read_bytes()).hexdigest()
    )
