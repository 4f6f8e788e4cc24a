"""Which program a companion's command is, looked for where the profile says.

It is looked for before the run and again in it.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from hilrig.core.companion import CompanionSpec

PACKAGES: Final = {"stress-ng": "stress-ng", "fio": "fio", "iperf3": "iperf3", "curl": "curl"}
"""Programs that profiles name as load or probe -> the package of Debian and Ubuntu that has them."""


def search_path(environment: Mapping[str, str]) -> str:
    """Return PATH with the folder of this Python in front: `python3 -m hilrig.faults...` is then this hilrig."""
    return os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])


def program(name: str, folder: Path) -> str | None:
    """Return the path of a program: below the profile's folder when its name has a `/`, else on PATH.

    None when there is none that this process may run.
    """
    where = str(folder / name) if "/" in name else name
    found = shutil.which(where, path=search_path(os.environ))
    return None if found is None else str(Path(found).absolute())


def missing_programs(companions: Sequence[CompanionSpec], folder: Path) -> Iterator[str]:
    """Yield in words each program that companions and their probes need and that is not here."""
    for companion in companions:
        probed = companion.probe.argv if companion.probe else ()
        for role, argv in (("command", companion.argv), ("probe", probed)):
            if argv and program(argv[0], folder) is None:
                yield f"companion {companion.name}: its {role} needs '{argv[0]}', {_where(argv[0], folder)}"


def _where(name: str, folder: Path) -> str:
    if "/" in name:
        return f"which is no program in {folder}"
    package = PACKAGES.get(name)
    advice = f"install the package {package}" if package else "install it, or give its path"
    return f"which is not on PATH: {advice}"
