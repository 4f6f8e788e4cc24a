"""Rigs that are folders of this machine: a rig file with the transport local and a work folder."""

import sys
from pathlib import Path

from hilrig.config.rig_file import load_rig
from hilrig.core.rig import RigSpec


def write_local_rig(folder: Path, name: str = "bench", *, more: str = "") -> Path:
    """Write a rig file, make the home that it names, and return the file's path."""
    (folder / f"home-{name}").mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    path.write_text(
        f"format: 1\nname: {name}\ntransport: local\ntransport_options: {{home: home-{name}}}\n"
        f"device_class: x86-cpu\nwork_folder: work\npython: {sys.executable}\n{more}"
    )
    return path


def local_rig(folder: Path, name: str = "bench", *, more: str = "") -> RigSpec:
    """Return such a rig."""
    return load_rig(write_local_rig(folder, name, more=more))
