"""A way to a rig from the rig's declaration."""

from pathlib import Path

from hilrig.core import registry
from hilrig.core.rig import RigSpec
from hilrig.core.rig_ports import RigTransport


def open_transport(spec: RigSpec) -> RigTransport:
    """Return the declared way to the rig; its `open` is still to be called.

    Raises:
        UsageError: no such transport, or a library that it needs is missing.
    """
    factory = registry.load("transports", spec.transport)
    options = factory.Options(**spec.transport_options)  # type: ignore[attr-defined] # by the port's contract
    transport: RigTransport = factory(options, spec.name, Path(spec.folder))
    return transport
