"""A power control from its declaration."""

from pathlib import Path

from hilrig.core import registry
from hilrig.core.rig import RigSpec
from hilrig.core.rig_ports import PowerControl


def open_power(spec: RigSpec) -> PowerControl:
    """Return the power control that the rig file declares.

    Raises:
        UsageError: no such control, or a library that it needs is missing.
    """
    factory = registry.load("powers", spec.power)
    options = factory.Options(**spec.power_options)  # type: ignore[attr-defined] # by the port's contract
    control: PowerControl = factory(options, spec.name, Path(spec.folder))
    return control
