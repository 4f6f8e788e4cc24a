"""What every round starts from: a key, a finished run that passed, a library that breaks clocks and disks."""

import importlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from chaos.round import Base
from finished_soaks import finish_soak
from soaks import calm_soak

SHIM = Path(__file__).with_name("shim.c")
HOURS = 0.1
"""A tenth of an hour: the shortest calm soak that passes."""


def make_base(folder: Path) -> Base:
    """Make it, once for all rounds; import what commands import, so that their forks have it."""
    importlib.import_module("hilrig.cli.main")
    (finished,) = _made_by_another(folder).glob("2*")
    return Base(home=folder / "home", finished=finished, shim=built_shim(folder / "shim.so"))


def _made_by_another(folder: Path) -> Path:
    """Have a process that ends make the finished run: the process that its status names has to be gone."""
    pid = os.fork()
    if pid == 0:
        soak = finish_soak(folder / "home", record=calm_soak(hours=HOURS, fps=30))
        soak.run_dir.parent.rename(folder / "finished")
        os._exit(0)
    try:
        status = os.waitpid(pid, 0)[1]
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    if status != 0:
        raise RuntimeError("no finished run could be made: see above")
    return folder / "finished"


def built_shim(path: Path) -> Path | None:
    """Build the library; return its path, None without a compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    words = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(path), str(SHIM), "-ldl"]
    subprocess.run(words, check=True)
    return path
