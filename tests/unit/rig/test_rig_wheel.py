import hashlib
import importlib.metadata
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import hilrig
from hilrig.rig.wheel import own_wheel

PACKAGE = Path(hilrig.__file__).parent


@pytest.fixture(scope="module")
def wheel():
    return own_wheel()


def contents(wheel):
    with zipfile.ZipFile(io.BytesIO(wheel.data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _is_left_out(part):
    return part in {"__pycache__", "bundled"} or part.startswith(".")


def bare(folder, code, *arguments):
    """Run code in a Python that sees the standard library and `folder`, nothing else; return what it prints."""
    setup = f"import sys; sys.path.insert(0, {str(folder)!r})\n"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", setup + code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def test_the_same_files_give_the_same_bytes(wheel):
    """Made twice: one digest, so a rig that has it need not get it again."""
    again = own_wheel()
    assert again.data == wheel.data
    assert wheel.sha256 == hashlib.sha256(wheel.data).hexdigest()
    assert wheel.name == f"hilrig-{hilrig.__version__}-py3-none-any.whl"


def test_it_holds_the_package_as_it_is_here(wheel):
    """Every file, charts for the report's page included; no caches, nothing hidden, no profile."""
    found = contents(wheel)
    here = {
        str(path.relative_to(PACKAGE.parent)): path.read_bytes()
        for path in PACKAGE.rglob("*")
        if path.is_file() and not any(_is_left_out(part) for part in path.relative_to(PACKAGE).parts)
    }
    packaged = {name: data for name, data in found.items() if name.startswith("hilrig/")}
    assert packaged == here
    assert "hilrig/rig/agent/boot.py" in found
    assert "hilrig/py.typed" in found


def test_dates_modes_and_order_say_nothing_of_this_machine(wheel):
    """Neither the checkout's times nor the umask nor the disk's order comes through."""
    with zipfile.ZipFile(io.BytesIO(wheel.data)) as archive:
        entries = archive.infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {(entry.create_system, entry.external_attr >> 16) for entry in entries} == {(3, 0o644)}
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)


def test_its_record_holds_every_file(wheel):
    """RECORD names each file with digest and size, as installers check it."""
    found = contents(wheel)
    record = f"hilrig-{hilrig.__version__}.dist-info/RECORD"
    rows = dict(line.split(",", 1) for line in found[record].decode().splitlines())
    assert rows.pop(record) == ","
    assert set(rows) == set(found) - {record}
    sizes = {name: int(row.rsplit(",", 1)[1]) for name, row in rows.items()}
    assert sizes == {name: len(found[name]) for name in rows}


def test_it_runs_unpacked_in_a_bare_python(wheel, tmp_path):
    """As on the rig: unpacked with zipfile, no site-packages; its version is told by import and by metadata."""
    with zipfile.ZipFile(io.BytesIO(wheel.data)) as archive:
        archive.extractall(tmp_path)
    code = (
        "import hilrig, importlib.metadata as m; print(hilrig.__file__, hilrig.__version__, m.version('hilrig'))"
    )
    version = hilrig.__version__
    assert bare(tmp_path, code) == f"{tmp_path}/hilrig/__init__.py {version} {version}"
    verbs = "from hilrig.rig.agent.__main__ import VERBS; print(len(VERBS))"
    assert int(bare(tmp_path, verbs)) >= 14


def test_an_installer_takes_it(wheel, tmp_path):
    """Pip unpacks it without complaint: it is a wheel and not only a zip file."""
    if importlib.util.find_spec("pip") is None:
        pytest.skip("pip is not installed")
    (tmp_path / wheel.name).write_bytes(wheel.data)
    target = tmp_path / "target"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-compile"),
            *("--disable-pip-version-check", "--target", str(target), str(tmp_path / wheel.name)),
        ],
        check=True,
        timeout=120,
    )
    assert bare(target, "import hilrig; print(hilrig.__version__)") == hilrig.__version__


def test_an_installed_hilrig_sends_the_same(wheel, tmp_path):
    """A client from a wheel and one from a checkout share one copy on the rig; it passes itself on unchanged."""
    with zipfile.ZipFile(io.BytesIO(wheel.data)) as archive:
        archive.extractall(tmp_path)
    (tmp_path / "hilrig/bundled").mkdir()
    (tmp_path / "hilrig/bundled/profile.yaml").write_text("x")
    code = "from hilrig.rig.wheel import own_wheel; print(own_wheel().sha256)"
    assert bare(tmp_path, code) == wheel.sha256


def test_without_an_installation_it_says_its_name_and_version(wheel, tmp_path):
    """A checkout on PYTHONPATH has no metadata: the wheel has, with the version of the code."""
    with zipfile.ZipFile(io.BytesIO(wheel.data)) as archive:
        archive.extractall(tmp_path, [name for name in archive.namelist() if name.startswith("hilrig/")])
    code = "import sys; from hilrig.rig.wheel import own_wheel\nsys.stdout.buffer.write(own_wheel().data)"
    setup = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    data = subprocess.run([sys.executable, "-I", "-S", "-c", setup + code], capture_output=True, check=True).stdout
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        metadata = archive.read(f"hilrig-{hilrig.__version__}.dist-info/METADATA").decode()
    assert metadata == f"Metadata-Version: 2.1\nName: hilrig\nVersion: {hilrig.__version__}\n"
