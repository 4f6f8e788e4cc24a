"""From a rig's YAML file to a RigSpec."""

from enum import Enum
from pathlib import Path
from typing import Annotated

from pydantic import Field

from hilrig.config.block_reader import read_keys
from hilrig.config.document import merge
from hilrig.config.keys import Format, Keys, Name
from hilrig.config.source_file import not_found, read_bytes
from hilrig.config.yaml_source import read_yaml
from hilrig.core.errors import ConfigError
from hilrig.core.rig import RigSpec


class Transport(str, Enum):
    """How a rig is reached."""

    LOCAL = "local"


class RigKeys(Keys):
    """A whole rig file."""

    format: Format = Field(description="Format of this file: 1.")
    name: Name = Field(description="Name of the rig, as it appears in run names and reports.")
    transport: Transport = Field(description="How the rig is reached: `local` is the machine that hilrig runs on.")
    device_class: Name = Field(
        description="Class of the hardware, checked against what is found there; `auto` takes what is found."
    )
    labels: dict[Name, Annotated[str, Field(max_length=200)]] = Field(
        default={},
        description="Whatever tells this rig from others: `{hall: '3', owner: welding}`. Values are text.",
    )


def load_rig(path: Path) -> RigSpec:
    """Return the rig that a file states.

    Raises:
        ConfigError: there is no such file, or it has mistakes: all of them, in the order of the file.
    """
    if not path.is_file():
        beside = path if path.is_dir() else path.parent
        raise not_found(path, what="rig file", known=sorted(file.name for file in beside.glob("*.yaml")))
    document = read_yaml(read_bytes(path), file=str(path))
    keys, key_problems = read_keys(document, RigKeys)
    problems = merge(document.problems, key_problems)
    if keys is None or problems:
        raise ConfigError(problems)
    return RigSpec(
        name=keys.name, transport=keys.transport.value, device_class=keys.device_class, labels=keys.labels
    )
