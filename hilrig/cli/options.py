"""Options that several commands share."""

import os
import re
from pathlib import Path
from typing import Annotated, Final

import typer

from hilrig.core.trust import TOKEN_SCHEME

UNITS_S: Final = {"s": 1, "m": 60, "min": 60, "h": 3600}
PART: Final = re.compile(r"(\d+(?:\.\d+)?)(s|min|m|h)")


def parse_duration(text: str) -> float:
    """Return seconds from `90s`, `10m`, `8h` or `1h30m`."""
    parts = PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise typer.BadParameter(f"'{text}' is no duration; write it with its unit: 90s, 10m, 8h, 1h30m")
    duration_s = sum(float(number) * UNITS_S[unit] for number, unit in parts)
    if duration_s <= 0:
        raise typer.BadParameter("a duration is longer than nothing")
    return duration_s


def default_key() -> Path:
    """Return this user's signing key."""
    from hilrig.app.folders import keys_folder

    return keys_folder() / "rig.pem"


Profile = Annotated[Path, typer.Argument(help="A profile's folder, or its profile.yaml.", show_default=False)]
RunDirectory = Annotated[Path, typer.Argument(help="A run directory.", show_default=False)]
Reports = Annotated[Path, typer.Option(help="The folder that run directories are in.")]
RigInPlace = Annotated[
    str | None,
    typer.Option(
        "--rig",
        metavar="NAME|FILE",
        help="What this machine is as a rig: a rig's name or its file. [default: as it is found]",
        show_default=False,
    ),
]
Key = Annotated[
    Path | None,
    typer.Option(
        help="The private key that signs: a file, or hsm:ID?label=TOKEN. [default: this user's `rig`]",
        show_default=False,
    ),
]
Trust = Annotated[
    Path | None,
    typer.Option(
        metavar="TRUST.json", help="A trust root: it says whose signatures count, for what.", show_default=False
    ),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(help="A file (mode 0600) with the key's passphrase, or the token's PIN.", show_default=False),
]
PassphraseFd = Annotated[
    int | None, typer.Option(help="A descriptor to read the passphrase from, as in 3<FILE.", show_default=False)
]
MetricsFile = Annotated[
    Path | None,
    typer.Option(
        help="Keep the live state in this file for a monitoring system: OpenMetrics, or the Prometheus text "
        "format when its name ends with .prom.",
        show_default=False,
    ),
]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        min=1, max=65535, help="Offer the live state at http://127.0.0.1:PORT/metrics.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def rig_file(name_or_path: str | None) -> Path | None:
    """Return the file of a rig by its name or its path; None for this machine without one.

    Raises:
        UsageError: no rig has this name.
    """
    from hilrig.app.rigs.files import find_rig, rigs_folder

    return None if name_or_path is None else absolute(find_rig(name_or_path, rigs_folder(None))[1])


def absolute(path: Path) -> Path:
    """Return a path that holds in another process's folder, without following links; a token's URI as it is."""
    if str(path).startswith(TOKEN_SCHEME):
        return path
    return Path(os.path.abspath(path))  # noqa: PTH100 - pathlib's absolute() keeps `..`
