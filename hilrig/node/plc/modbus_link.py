"""Modbus TCP to a PLC, through pymodbus."""

import logging
from collections.abc import Callable
from typing import Final

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ModbusException

from hilrig.core.plc import PlcWrite, encode
from hilrig.core.units import NS_PER_MS, NS_PER_S
from hilrig.node.plc.link import PlcLinkError
from hilrig.node.plc.url import PlcUrl

SILENT: Final = logging.CRITICAL + 1
"""The library's own log lines would stand between the JSON lines of the node; every error is told by us."""


class ModbusLink:
    """One connection; a write that fails closes it, so that no late answer is taken for the next one's."""

    def __init__(self, url: PlcUrl) -> None:
        logging.getLogger("pymodbus").setLevel(SILENT)
        self._url = url
        self._client = ModbusTcpClient(
            url.host, port=url.port, timeout=url.timeout_ms * NS_PER_MS / NS_PER_S, retries=0
        )
        self._connect: Callable[[], bool] = self._client.connect  # the library does not state its types
        self._close: Callable[[], None] = self._client.close

    def connect(self) -> None:
        """Open the connection anew."""
        self._close()
        if not self._connect():
            raise PlcLinkError(f"nothing answers at {self._url.host}:{self._url.port}")

    def write(self, write: PlcWrite) -> None:
        """Write the registers with one function-16 request."""
        try:
            answer = self._client.write_registers(self._url.base, encode(write), device_id=self._url.unit)
        except (ModbusException, OSError) as error:
            self._close()
            raise PlcLinkError(f"a write was not answered within {self._url.timeout_ms} ms") from error
        if answer.isError():
            self._close()
            code = getattr(answer, "exception_code", 0)
            raise PlcLinkError(f"the PLC refused a write to address {self._url.base} (Modbus exception {code})")

    def close(self) -> None:
        """Close the connection."""
        self._close()
