"""hilrig.node.plc.url and link: which PLC is meant."""

import pytest

from hilrig.core.errors import UsageError
from hilrig.node.plc.link import open_link
from hilrig.node.plc.url import PlcUrl, read_plc_url


def test_a_full_url_is_read() -> None:
    """Every part and every option arrives."""
    url = read_plc_url("modbus://plc-7:5020?unit=3&base=100&period_ms=5&max_age_ms=60&timeout_ms=20&depth=2")
    assert url == PlcUrl(
        protocol="modbus",
        host="plc-7",
        port=5020,
        unit=3,
        base=100,
        period_ms=5,
        max_age_ms=60,
        timeout_ms=20,
        depth=2,
    )


def test_only_the_host_is_needed() -> None:
    """Port 502, unit 1, base 0, a write each 10 ms, 100 ms of age."""
    url = read_plc_url("modbus://plc")
    assert (url.port, url.unit, url.base, url.period_ms, url.max_age_ms) == (502, 1, 0, 10, 100)


@pytest.mark.parametrize(
    "text",
    [
        "plc:502",
        "modbus://",
        "modbus://plc:99999",
        "modbus://user@plc",
        "modbus://plc/path",
        "modbus://plc?period_ms=0",
        "modbus://plc?period_ms=-1",
        "modbus://plc?period_ms=1e3",
        "modbus://plc?period_ms=" + "9" * 5000,
        "modbus://plc?base=65531",
        "modbus://plc?unit=1&unit=2",
        "modbus://plc?preiod_ms=5",
        "modbus://plc?unit",
        "modbus://plc#x",
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(text: str) -> None:
    """A typing error must not become a default."""
    with pytest.raises(UsageError):
        read_plc_url(text)


def test_an_unknown_protocol_names_the_known_ones() -> None:
    """OPC UA is not there yet, and says so."""
    with pytest.raises(UsageError) as caught:
        open_link(read_plc_url("opcua://plc:4840"))
    assert "modbus" in caught.value.hint
