import pytest

from hilrig.attest.validity import CLOCK_SKEW_NS, Validity, parse_validity, refuse_outside
from hilrig.core.errors import ExpiredError, PreconditionError, TrustError
from hilrig.core.units import NS_PER_S

ISSUED_NS = 1_795_000_000 * NS_PER_S
VALIDITY = Validity(issued_ns=ISSUED_NS, expires_ns=ISSUED_NS + 3600 * NS_PER_S)


def judged(now_ns: int, *, newest_signed_ns: int = 0) -> None:
    refuse_outside(VALIDITY, now_ns=now_ns, newest_signed_ns=newest_signed_ns, name="the desired state")


def test_times_are_read_to_the_microsecond():
    """2026-11-21T05:33:12.000250Z is that moment in nanoseconds since 1970."""
    found = parse_validity(
        issued_at_utc="1970-01-02T00:00:01Z", expires_at_utc="1970-01-02T00:00:01.000250Z", name="it"
    )
    assert found == Validity(issued_ns=86_401 * NS_PER_S, expires_ns=86_401 * NS_PER_S + 250_000)


@pytest.mark.parametrize(
    "text",
    ["", "now", "2026-11-21", "2026-11-21T05:33:12", "2026-11-21T05:33:12+01:00", "2026-02-30T00:00:00Z",
     "2026-11-21T25:00:00Z", "2026-11-21T05:33:12Z ", "٢٠٢٦-11-21T05:33:12Z"],
)  # fmt: skip
def test_what_is_no_utc_time_is_refused(text):
    """Another zone, no zone, a day that does not exist: refused, never guessed."""
    with pytest.raises(TrustError):
        parse_validity(issued_at_utc=text, expires_at_utc="2027-01-01T00:00:00Z", name="it")


def test_it_holds_until_its_last_nanosecond():
    """Before its end a statement holds, at its end it is over."""
    judged(VALIDITY.expires_ns - 1)
    with pytest.raises(ExpiredError):
        judged(VALIDITY.expires_ns)


def test_an_unset_clock_is_said_not_taken_for_good_time():
    """A clock before the statement's own birth cannot tell whether it is over: the node says so."""
    judged(ISSUED_NS - CLOCK_SKEW_NS)
    with pytest.raises(PreconditionError, match="clock is not set"):
        judged(ISSUED_NS - CLOCK_SKEW_NS - 1)
    with pytest.raises(PreconditionError, match="clock is not set"):
        judged(0)


def test_a_clock_set_back_does_not_revive_what_was_over():
    """Once the node has seen a later signature, a clock before that is not believed."""
    with pytest.raises(PreconditionError, match="clock is not set"):
        judged(ISSUED_NS, newest_signed_ns=VALIDITY.expires_ns + CLOCK_SKEW_NS)
