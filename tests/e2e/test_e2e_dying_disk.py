"""A disk that answers with errors: every command says so in one sentence, none with a traceback."""

import errno
import shutil

import pytest

from chaos.base import built_shim
from chaos.shimmed import Shim

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_record_directory


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """Return the library that has a disk refuse for one process."""
    built = built_shim(tmp_path_factory.mktemp("shim") / "shim.so")
    if built is None:
        pytest.skip("no C compiler is installed")
    return built


@pytest.fixture
def dying(bench, finished, library):
    """Return a copy of a finished run, and the environment of a process for which its disk answers with EIO."""
    run_dir = bench.reports / finished[2].name
    shutil.copytree(finished[2], run_dir)
    shim = Shim(library, bench.folder / "told", bench.reports)
    shim.break_disk(errno.EIO, every=1)
    return run_dir, shim


@pytest.mark.parametrize("words", [("verify",), ("report",), ("export", "--to", "csv"), ("watch",), ("triage",)])
def test_a_disk_that_cannot_be_read_is_named(words, bench, dying):
    """Exit code 22, one sentence with the system's reason, the next step; the run is what it was."""
    run_dir, shim = dying
    called = bench.call(words[0], str(run_dir), *words[1:], **shim.environment)
    assert called.code == 22, called
    assert "Traceback" not in called.err
    assert "Input/output error" in called.err
    assert run_dir.name in called.err
    assert called.err.count("error: ") == 1
    assert "next: " in called.err
    shim.break_disk(0, every=1)
    verified = bench.call("verify", str(run_dir))
    assert verified.code == 11, verified
