"""A line to a PLC, by the scheme of its URL: `modbus` now, OPC UA can follow."""

from collections.abc import Callable
from importlib import import_module
from typing import Final, Protocol

from hilrig.core.errors import UsageError
from hilrig.core.plc import PlcWrite
from hilrig.node.plc.url import PlcUrl

LINKS: Final = {"modbus": "hilrig.node.plc.modbus_link:ModbusLink"}


class PlcLinkError(Exception):
    """The PLC could not be reached, did not answer in time, or refused a write."""


class PlcLink(Protocol):
    """A line to one PLC. Built as `Link(url)`. Every call is over within `url.timeout_ms`, twice that at worst."""

    def connect(self) -> None:
        """Open the line anew.

        Raises:
            PlcLinkError: nothing answers.
        """

    def write(self, write: PlcWrite) -> None:
        """Write all registers in one request and wait until the PLC has taken them.

        Raises:
            PlcLinkError: no answer in time, or a refusal; whether the PLC took them is not known.
        """

    def close(self) -> None:
        """Close the line."""


def open_link(url: PlcUrl) -> PlcLink:
    """Return the line that a URL names, not yet connected.

    Raises:
        UsageError: no such protocol, or the library for it is missing.
    """
    path = LINKS.get(url.protocol)
    if path is None:
        raise UsageError(f"unknown PLC protocol '{url.protocol}'", hint=f"known: {', '.join(LINKS)}")
    module, _, name = path.partition(":")
    try:
        factory: Callable[[PlcUrl], PlcLink] = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the PLC protocol '{url.protocol}' needs the module {error.name}, which is missing",
            hint="pip install 'hilrig[node]'",
        ) from error
    return factory(url)
