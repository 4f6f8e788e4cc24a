"""The last stage: a decision that arrives at the PLC."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ActuationSpec:
    """Where hilrig stands in for the PLC: it listens there and stamps every decision that is written.

    Args:
        protocol: registered name; `modbus`.
        host: address to listen on.
        port: TCP port to listen on; the adapter under test writes to it.
        unit_id: Modbus unit.
    """

    protocol: str = "modbus"
    host: str = "127.0.0.1"
    port: int = 5020
    unit_id: int = 1
