"""A node's log and journal, documents, and secrets in any of them."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.app.gate.node_evidence import document_facts, log_facts, rehearsal_facts
from hilrig.app.gate.secret_scan import secrets_in

NOW_NS = 1_795_320_000 * 1_000_000_000  # 2026-11-22T04:00:00Z


def lines(*objects: object) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in objects)


def test_the_keys_are_those_that_every_line_has() -> None:
    """A key that one line lacks does not count; broken lines are counted."""
    found = log_facts("n.log", lines({"a": 1, "b": 2}, {"a": 3}) + b"boom\n[1]\n\n")
    assert (found.keys, found.n_lines, found.n_broken) == (frozenset({"a"}), 4, 2)


@pytest.mark.parametrize(("seconds", "is_known"), [(59, False), (60, True)])
def test_a_log_of_less_than_a_minute_tells_no_growth(seconds: int, is_known: bool) -> None:
    """Growth is bytes over the time from the first to the last line, and a start says nothing of an hour."""
    data = lines(
        {"at_utc": "2026-11-22T04:00:00Z"}, {"at_utc": f"2026-11-22T04:{seconds // 60:02}:{seconds % 60:02}Z"}
    )
    growth = log_facts("n.log", data).mib_per_hour
    assert growth == (pytest.approx(len(data) / 2**20 * 60) if is_known else None)


def test_an_empty_log_shows_nothing() -> None:
    """No line, no key."""
    found = log_facts("n.log", b"")
    assert (found.keys, found.n_lines, found.mib_per_hour) == (frozenset(), 0, None)


def test_a_journal_tells_what_was_activated_confirmed_and_rolled_back() -> None:
    """Only the release that a rollback newly barred was rolled back; a torn line is passed over."""
    data = lines(
        {"change": "activate", "candidate": "aa", "barred": {"old": 1}},
        {"change": "confirm", "current": "aa", "barred": {"old": 1}},
        {"change": "rollback", "current": None, "barred": {"old": 1, "aa": 2}, "reason": "drill"},
    )
    found = rehearsal_facts("journal.jsonl", data + b'{"change": "act')
    assert (found.activated, found.confirmed, dict(found.rolled_back)) == (("aa",), ("aa",), {"aa": "drill"})


@pytest.mark.parametrize(
    ("text", "age_days"),
    [
        (b"# x\nReviewed: 2026-11-12\n", 10.166),
        (b"Reviewed: 2020-01-01\nReviewed: 2026-11-22\n", 0.166),
        (b"Reviewed: yesterday\n", math.inf),
        (b"# x\n", math.inf),
        (b"Reviewed: 2026-13-01\n", math.inf),
    ],
)
def test_a_document_is_as_old_as_its_newest_review(text: bytes, age_days: float) -> None:
    """A document that does not say when it was reviewed is of no age that could pass."""
    assert document_facts("d.md", "d", text, now_ns=NOW_NS).age_days == pytest.approx(age_days, abs=0.001)


@given(st.binary(max_size=300))
def test_no_bytes_break_a_reader(data: bytes) -> None:
    """What a node left is data: whatever it is, it is read."""
    log_facts("x", data)
    rehearsal_facts("x", data)
    document_facts("x", "x", data, now_ns=NOW_NS)
    list(secrets_in("x", data, is_text=True))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("-----BEGIN PRIVATE KEY-----", "a private key"),
        ("-----BEGIN EC PRIVATE KEY-----", "a private key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "a private key"),
        ("AKIA" + "ABCDEFGH12345678", "an AWS access key"),
        ("Authorization: Bearer " + "a1b2" * 6, "a bearer token"),
        ("token ghp_" + "a" * 36, "a GitHub token"),
        ("password: hunter22", "a password"),
        ('{"api_key": "abcd1234"}', "a password"),
    ],
)
def test_a_secret_is_found_and_never_repeated(text: str, what: str) -> None:
    """The place and the kind are told, the secret itself is not."""
    (found,) = secrets_in("notes.md", f"one\n{text}\n".encode(), is_text=True)
    assert found == f"notes.md:2: {what}"


@pytest.mark.parametrize(
    "text", ["-----BEGIN PUBLIC KEY-----", "the password is asked for", "secret sauce", "AKIA"]
)
def test_what_only_looks_like_one_is_none(text: str) -> None:
    """A public key and plain words are no secrets."""
    assert not list(secrets_in("notes.md", text.encode(), is_text=True))


def test_in_a_model_only_what_cannot_be_chance_counts() -> None:
    """Weights are noise: a short word in them is chance, a PEM block is not."""
    assert not list(secrets_in("model.onnx", b"\0password=abcdef\0", is_text=False))
    found = list(secrets_in("model.onnx", b"\0-----BEGIN PRIVATE KEY-----\0", is_text=False))
    assert found == ["model.onnx: a private key"]
