"""The keys under `actuation`: where hilrig stands in for the PLC."""

from typing import Annotated, Literal

from pydantic import Field

from hilrig.config.keys import Keys, Text
from hilrig.core.actuation import ActuationSpec


class ActuationKeys(Keys):
    """hilrig stands in for the PLC and stamps each decision as it arrives; without this block it does not."""

    protocol: Literal["modbus"] = Field(
        default="modbus", description="`modbus`: Modbus TCP, the registers of `docs/node.md`."
    )
    host: Text = Field(
        default="127.0.0.1", description="Address to listen on; one of another network card for a node elsewhere."
    )
    port: Annotated[int, Field(ge=1, le=65535)] = Field(
        default=5020, description="TCP port to listen on. The adapter under test writes to it."
    )
    unit_id: Annotated[int, Field(ge=0, le=255)] = Field(default=1, description="Modbus unit.")

    def spec(self) -> ActuationSpec:
        """Return the noun."""
        return ActuationSpec(protocol=self.protocol, host=self.host, port=self.port, unit_id=self.unit_id)
