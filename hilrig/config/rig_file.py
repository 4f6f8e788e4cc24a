"""From a rig's YAML file to a RigSpec."""

from pathlib import Path
from typing import Final

from hilrig.config.block_reader import read_keys
from hilrig.config.document import Document, merge
from hilrig.config.plugin_options import power_problems, transport_problems
from hilrig.config.rig_model import RigKeys
from hilrig.config.rig_rules import IN_PLACE, broken_rig_rules
from hilrig.config.source_file import not_found, read_bytes
from hilrig.config.yaml_source import read_yaml
from hilrig.core.errors import ConfigError
from hilrig.core.rig import LeaseSpec, RigConditions, RigSpec

DEFAULT_WORK_FOLDER: Final = "hilrig-work"
OUT_OF_SERVICE: Final = "out of service"


def load_rig(path: Path) -> RigSpec:
    """Return the rig that a file states; transport and power control must be installed here with their options.

    Raises:
        ConfigError: there is no such file, or it has mistakes: all of them, in the order of the file.
    """
    document = _document(path)
    keys, key_problems = read_keys(document, RigKeys)
    problems = merge(
        document.problems,
        broken_rig_rules(document),
        key_problems,
        [*transport_problems(document), *power_problems(document)],
    )
    if keys is None or problems:
        raise ConfigError(problems)
    return _rig(keys, folder=str(path.parent.resolve()))


def rig_name(path: Path) -> str | None:
    """Return the name that a rig file states, whatever else is wrong with it; None when it states none.

    Raises:
        ConfigError: there is no such file, or it can't be read.
    """
    name = _document(path).get(("name",))
    return name if isinstance(name, str) else None


def _document(path: Path) -> Document:
    if not path.is_file():
        beside = path if path.is_dir() else path.parent
        raise not_found(path, what="rig file", known=sorted(file.name for file in beside.glob("*.yaml")))
    return read_yaml(read_bytes(path), file=str(path))


def _rig(keys: RigKeys, *, folder: str) -> RigSpec:
    return RigSpec(
        name=keys.name,
        transport=keys.transport,
        device_class=keys.device_class,
        labels=keys.labels,
        transport_options=keys.transport_options,
        power=keys.power,
        power_options=keys.power_options,
        lease=LeaseSpec(**keys.lease.model_dump()),
        conditions=RigConditions(**keys.conditions.model_dump()),
        work_folder=keys.work_folder or (None if keys.transport == IN_PLACE else DEFAULT_WORK_FOLDER),
        python=keys.python,
        disabled="" if keys.enabled else keys.disabled_reason or OUT_OF_SERVICE,
        folder=folder,
    )
