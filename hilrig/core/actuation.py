"""The last stage: a decision that arrives at the PLC."""

from dataclasses import dataclass
from typing import Final


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


FIRST_REQUEST: Final = "first_request"
"""What a target that numbers its requests calls the number of the run's first frame, in its facts.

Each frame that is taken from the queue has the next number, whatever becomes of it.
"""
