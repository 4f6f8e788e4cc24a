"""Where a PLC is, as a URL with what it takes to write there.

`modbus://host:port?unit=1&base=0&period_ms=10&max_age_ms=100`
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from hilrig.core.errors import UsageError
from hilrig.core.plc import N_REGISTERS, WORD_MAX

MODBUS_PORT: Final = 502
FORM: Final = "modbus://host:port?unit=1&base=0&period_ms=10&max_age_ms=100&timeout_ms=50&depth=4"
_MOST: Final = {
    "unit": 255,
    "base": WORD_MAX + 1 - N_REGISTERS,
    "period_ms": 1000,
    "max_age_ms": 60_000,
    "timeout_ms": 5000,
    "depth": 256,
}
_LEAST: Final = {"unit": 0, "base": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlcUrl:
    """A PLC.

    Args:
        protocol: the URL's scheme.
        host: name or address.
        port: TCP port.
        unit: Modbus unit.
        base: address of the first register.
        period_ms: from one write to the next.
        max_age_ms: a decision that is older is not written as good, and does not stand as good.
        timeout_ms: for one write, and for connecting.
        depth: decisions that may wait to be written.
    """

    protocol: str
    host: str
    port: int
    unit: int = 1
    base: int = 0
    period_ms: int = 10
    max_age_ms: int = 100
    timeout_ms: int = 50
    depth: int = 4


def read_plc_url(text: str) -> PlcUrl:
    """Return the parts of a PLC's URL.

    Raises:
        UsageError: it is not of the form `FORM`, or a number is out of its range.
    """
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise _refused(text, str(error)) from error
    if not parts.scheme or not host or parts.path not in {"", "/"} or parts.fragment or "@" in parts.netloc:
        raise _refused(text, "it needs a protocol and a host, and has no path, user or fragment")
    numbers = {name: _number(text, name, value) for name, value in options}
    if len(numbers) != len(options):
        raise _refused(text, "an option stands twice")
    return PlcUrl(protocol=parts.scheme, host=host, port=MODBUS_PORT if port is None else port, **numbers)


def _number(text: str, name: str, value: str) -> int:
    if name not in _MOST:
        raise _refused(text, f"there is no option '{name}'")
    least, most = _LEAST.get(name, 1), _MOST[name]
    if not (
        value.isascii() and value.isdigit() and len(value) < len(str(most)) + 2 and least <= int(value) <= most
    ):
        raise _refused(text, f"{name} is a whole number from {least} to {most}, found '{value}'")
    return int(value)


def _refused(text: str, why: str) -> UsageError:
    return UsageError(f"no PLC can be meant by '{text}': {why}", hint=FORM)
