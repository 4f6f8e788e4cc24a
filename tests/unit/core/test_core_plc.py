"""hilrig.core.plc: the six registers, there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.plc import FailSafeReason, PlcDecision, PlcWrite, decode, encode

WORD = st.integers(0, 0xFFFF)


@given(
    write=st.builds(
        PlcWrite,
        heartbeat=WORD,
        decision=st.sampled_from(PlcDecision),
        sequence=st.integers(0, 0xFFFF_FFFF),
        age_ms=WORD,
        reason=st.sampled_from(FailSafeReason),
    )
)
def test_what_is_written_is_read_back(write: PlcWrite) -> None:
    """Every write survives its registers."""
    assert decode(encode(write)) == write


def test_registers_stand_where_the_document_says() -> None:
    """Heartbeat, decision, sequence with its high word first, age, reason."""
    write = PlcWrite(7, PlcDecision.FAIL_SAFE, 0x0001_0002, 40, FailSafeReason.NON_FINITE)
    assert encode(write) == [7, 3, 1, 2, 40, 3]


def test_an_age_beyond_16_bits_is_cut_and_not_wrapped() -> None:
    """A decision of two minutes ago must not look fresh."""
    assert encode(PlcWrite(0, PlcDecision.GOOD, 1, 120_000, FailSafeReason.NONE))[4] == 65535


@pytest.mark.parametrize(
    "registers",
    [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0, 0, 0], [1, 4, 0, 0, 0, 0], [1, 1, 0, 0, 0, 6], [-1, 0, 0, 0, 0, 0]],
)
def test_registers_that_say_nothing_are_refused(registers: list[int]) -> None:
    """A wrong number of words, or a word that names nothing, is no decision."""
    with pytest.raises(ValueError):  # noqa: PT011 - two kinds of message, both the standard's or ours
        decode(registers)
