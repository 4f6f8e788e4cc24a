"""Tokens, tickets, names: who may do what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.app.web.session import TICKET_LIFE_S, Session, origin_matches
from hilrig.core.clock import ManualClock
from hilrig.core.units import NS_PER_S

TOKEN = "t" * 43
REPORT = "/runs/a/report.html"


def make_session(*allowed: str) -> tuple[Session, ManualClock]:
    clock = ManualClock(start_ns=5)
    return Session(token=TOKEN, allowed_hosts=allowed, clock=clock), clock


def test_the_token_is_known():
    """The header with the token opens the door."""
    session, _ = make_session()
    assert session.knows(f"Bearer {TOKEN}")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", TOKEN, f"bearer {TOKEN}", f"Basic {TOKEN}", f"Bearer  {TOKEN}", f"Bearer {TOKEN} ",
     f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN},Bearer {TOKEN}", "Bearer \udcff"],
)  # fmt: skip
def test_no_other_header_will_do(header):
    """Another scheme, a part, a blank too many, bytes that are no text: all are wrong, none is an error."""
    assert not make_session()[0].knows(header)


def test_a_session_does_not_print_its_token_key():
    """The key of the tickets does not leak into a log through repr."""
    session, _ = make_session()
    assert repr(session._ticket_key) not in repr(session)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8787", "127.0.0.1:9000", "localhost:8787", "LOCALHOST"])
def test_the_address_itself_and_localhost_are_allowed(host):
    """Any port will do: an ssh tunnel has another."""
    assert make_session()[0].allows_host(host, local_address="127.0.0.1")


@pytest.mark.parametrize(
    "host", ["", "evil.example", "evil.example:1", "127.0.0.1.evil.example", "127.0.0.2", "localhost.evil.example",
             "rig", "127.0.0.1,evil.example", "[::1]", "user@127.0.0.1"],
)  # fmt: skip
def test_any_other_name_is_a_rebinding(host):
    """A name that a foreign page made point here is refused."""
    assert not make_session()[0].allows_host(host, local_address="127.0.0.1")


def test_names_are_allowed_by_hand():
    """--allow-host adds a name, and only that one."""
    session, _ = make_session("rig-7.plant")
    assert session.allows_host("rig-7.plant:8787", local_address="10.0.0.7")
    assert session.allows_host("10.0.0.7:8787", local_address="10.0.0.7")
    assert not session.allows_host("rig-8.plant:8787", local_address="10.0.0.7")


def test_localhost_means_this_machine_only():
    """A connection that came over the network did not mean localhost."""
    assert not make_session()[0].allows_host("localhost", local_address="10.0.0.7")


def test_an_address_of_version_six_is_written_in_brackets():
    """[::1]:8787 is ::1."""
    assert make_session()[0].allows_host("[::1]:8787", local_address="::1")


@pytest.mark.parametrize(
    ("origin", "matches"),
    [(None, True), ("http://127.0.0.1:8787", True), ("https://127.0.0.1:8787", True), ("null", False),
     ("", False),
     ("http://127.0.0.1:8788", False), ("http://127.0.0.1:8787.evil.example", False),
     ("http://evil.example", False)],
)  # fmt: skip
def test_an_origin_is_that_of_our_own_page(origin, matches):
    """Another port is another page; a sandboxed report says null."""
    assert origin_matches(origin, host="127.0.0.1:8787") is matches


def test_a_ticket_opens_its_own_path_for_a_minute():
    """Not another path, not later."""
    session, clock = make_session()
    ticket = session.ticket(REPORT)
    assert session.ticket_holds(REPORT, ticket)
    assert not session.ticket_holds("/runs/b/report.html", ticket)
    clock.now_ns += TICKET_LIFE_S * NS_PER_S
    assert not session.ticket_holds(REPORT, ticket)


def test_a_ticket_of_another_server_does_not_hold():
    """Each start has a key of its own."""
    assert not make_session()[0].ticket_holds(REPORT, make_session()[0].ticket(REPORT))


def test_a_ticket_cannot_be_made_to_last():
    """Its expiry is sealed with it."""
    session, _ = make_session()
    expiry, _, seal = session.ticket(REPORT).partition(".")
    assert not session.ticket_holds(REPORT, f"{int(expiry) + 1}.{seal}")


@given(st.text())
def test_no_text_is_a_ticket_by_chance(text):
    """Hostile texts are refused, never an error."""
    assert not make_session()[0].ticket_holds(REPORT, text)
