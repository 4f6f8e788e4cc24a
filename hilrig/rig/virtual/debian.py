"""A minimal Debian in a folder, from the archive that this machine's apt uses."""

import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from hilrig.core.errors import PreconditionError
from hilrig.rig.virtual import recipe
from hilrig.rig.virtual.programs import WORDS_MAX, run_program

Tell = Callable[[str, float], None]
"""Takes what is being done and the share of it that is behind, 0 to 1."""

_SETTINGS: Final = re.compile(r"Acquire::(https?::|Check-|ForceIPv|Retries)")
"""How apt reaches an archive (proxies among them), and how old its index may be."""

_MILESTONES: Final = (
    ("running apt-get update", 0.02, "asking the archive"),
    ("downloading packages", 0.08, "downloading"),
    ("extracting archives", 0.25, "unpacking"),
    ("installing essential", 0.35, "installing the base"),
    ("installing remaining", 0.55, "installing packages"),
    ("running --customize-hook", 0.85, "unpacking the kernel"),
    ("cleaning package lists", 0.95, "tidying up"),
)
"""What mmdebstrap says, how much is behind by then (measured), and in our words."""


def install_debian(root: Path, *, work: Path, tell: Tell) -> None:
    """Fill the folder `root` with the recipe's packages and a kernel.

    Raises:
        PreconditionError: mmdebstrap fails: no archive, no rights, no space.
    """
    settings = work / "apt.conf"
    settings.touch(mode=0o600)  # a proxy's address may have a password
    settings.write_text(_apt_settings(), encoding="utf-8")
    argv = [
        "mmdebstrap",
        "--variant=minbase",
        f"--include={','.join(recipe.PACKAGES)}",
        f"--aptopt={settings}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in recipe.EXCLUDED),
        "--dpkgopt=force-unsafe-io",  # a cut while building loses a folder that is thrown away anyway
        f"--customize-hook={recipe.FILES / 'kernel.sh'}",
        recipe.SUITE,
        str(root),
        *map(str, apt_sources(Path("/etc/apt"))),
    ]
    _follow(argv, tell)


def apt_sources(folder: Path) -> list[Path]:
    """Return the files that name an archive with the suite's `main`; none: mmdebstrap takes Debian's own."""
    files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*.*"))]
    return [file for file in files if file.suffix in {".list", ".sources"} and _has_suite(file)]


def _has_suite(file: Path) -> bool:
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    words = {word for line in lines if not line.startswith("#") for word in line.split()}
    return {recipe.SUITE, "main"} <= words


def _apt_settings() -> str:
    dumped = run_program(["apt-config", "dump", "--format", '%F "%v";%n', "Acquire"]).decode(errors="replace")
    return "".join(f"{line}\n" for line in dumped.splitlines() if _SETTINGS.match(line))


def _follow(argv: Sequence[str], tell: Tell) -> None:
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        words = _tell_milestones(process.stdout or (), tell)
    if process.returncode:
        raise PreconditionError(
            f"mmdebstrap failed with exit code {process.returncode}: {words[-WORDS_MAX:].strip()}",
            hint=f"it needs root and a Debian archive with {recipe.SUITE}: try `apt-get update`",
        )


def _tell_milestones(lines: Iterable[str], tell: Tell) -> str:
    said = ""
    for line in lines:
        said = (said + line)[-2 * WORDS_MAX :]
        for text, share, words in _MILESTONES:
            if text in line:
                tell(words, share)
    return said
