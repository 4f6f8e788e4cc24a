"""What decides about trust under made-up documents: it refuses, or it read what the writer writes."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_readers import DIAGNOSTIC_BUNDLE, EVIDENCE_READERS
from hilrig.attest.envelope import verify_envelope
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import TrustError
from trust_readers import DESIRED_STATE, ENVELOPE, READERS, VIEWS, own_key, refuses_or_rewrites, signed

N_EXAMPLES = 40
"""Of each kind, for each reader: 2 s in all. `make fuzz` goes on for as long as it is given."""

TOKENS = [
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b" ",
    b"\n",
    b"0",
    b"-0",
    b"-0.0",
    b"1e999",
    b"1e0",
    b"9" * 20,
    b"NaN",
    b"-Infinity",
    b"true",
    b"null",
    b"\\u0061",
    b"\\ud800",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xd0\xb0",  # a Cyrillic letter that looks like a
    b"\xe2\x80\xae",
    b'"a":1,"a":2',
    b"[" * 40,
    b"",
]
VALUES = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 1.0, 1 << 62, 1e300, [], {}, [1], {"a": 1}),
        *("", "a", "\u0430", "\u202e", "\x00", "A" * 64, "a" * 64, "PASSED", "FAILED", "*", "../x"),
        *("2026-02-30T00:00:00Z", "1970-01-01T00:00:00Z"),
    ]
)


def spliced(data: st.DataObject, seed: bytes) -> bytes:
    """Return a document with some stretches of its bytes replaced by tokens."""
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(seed)))
        seed = seed[:at] + data.draw(st.sampled_from(TOKENS)) + seed[at + data.draw(st.integers(0, 4)) :]
    return seed


def regrown(data: st.DataObject, seed: bytes) -> bytes:
    """Return a document, in canonical form, with a value somewhere in its tree dropped, added or replaced."""
    document = json.loads(seed)
    node, places = document, _places(document)
    path = data.draw(st.sampled_from(places))
    for step in path[:-1]:
        node = node[step]
    action = data.draw(st.sampled_from(["replace", "drop", "add"]))
    if action == "replace":
        node[path[-1]] = data.draw(VALUES)
    elif action == "drop":
        del node[path[-1]]
    elif isinstance(node, dict):
        node[data.draw(st.sampled_from(["x", "_Type", "hilrig\u200b", "sequence"]))] = data.draw(VALUES)
    else:
        node.append(data.draw(VALUES))
    return canonical_json(document)


def _places(document, path=()) -> list[tuple]:
    items = document.items() if isinstance(document, dict) else enumerate(document)
    found = []
    for key, value in items:
        found.append((*path, key))
        if isinstance(value, dict | list):
            found += _places(value, (*path, key))
    return found


ALL = (*READERS, *EVIDENCE_READERS)
CHANGES = [
    pytest.param(reader, change, id=f"{reader.name}-{change.__name__}")
    for reader in ALL
    for change in (spliced, regrown)
    if change is spliced or reader is not DIAGNOSTIC_BUNDLE  # a zip is no tree of values
]


@pytest.mark.parametrize("reader", ALL, ids=lambda reader: reader.name)
def test_what_the_writer_wrote_is_accepted(reader):
    """The seeds go through: without this the tests below would also hold for a reader that refuses everything."""
    assert all(refuses_or_rewrites(reader, seed) for seed in reader.seeds)


def test_a_reader_that_breaks_its_word_is_found():
    """A lenient reader, one that crashes: the property that all tests here rest on fails for both."""
    lenient = replace(ENVELOPE, read=json.loads, write=canonical_json)
    with pytest.raises(AssertionError):
        refuses_or_rewrites(lenient, b'{"a":1, "a":2}')
    with pytest.raises(KeyError):
        refuses_or_rewrites(replace(ENVELOPE, read=lambda data: json.loads(data)["payload"]), b"{}")


@pytest.mark.parametrize(("reader", "change"), CHANGES)
@settings(max_examples=N_EXAMPLES, deadline=None)
@given(data=st.data())
def test_a_changed_document_is_refused_or_is_one_that_the_writer_writes(reader, change, data):
    """Bytes replaced, values dropped, added or exchanged, and all of it signed by a trusted key."""
    refuses_or_rewrites(reader, change(data, data.draw(st.sampled_from(reader.seeds))))


@pytest.mark.parametrize("reader", ALL, ids=lambda reader: reader.name)
@settings(max_examples=N_EXAMPLES, deadline=None)
@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_in_words(reader, data):
    """Whatever comes, also where it is not even JSON."""
    refuses_or_rewrites(reader, data)


@settings(max_examples=N_EXAMPLES, deadline=None)
@given(data=st.data(), change=st.sampled_from([spliced, regrown]))
def test_nothing_but_the_signed_bytes_verifies(data, change):
    """A changed envelope, its signature the old one: only the very bytes that were signed are accepted."""
    envelope = ENVELOPE.seeds[0]
    changed = change(data, envelope)
    try:
        verify_envelope(changed, [own_key()[1]])
    except TrustError:
        return
    assert changed == envelope


def test_a_statement_in_another_spelling_is_refused():
    """A space more, subjects in another order: the same words, and no bytes that hilrig writes."""
    document = json.loads(VIEWS)
    spaced = json.dumps(document).encode()
    turned = canonical_json({**document, "subject": document["subject"][::-1]})
    for other in (spaced, turned):
        with pytest.raises(TrustError):
            verify_envelope(signed(other), [own_key()[1]])


def test_a_key_that_clears_the_screen_is_shown_escaped():
    """What a refusal repeats of a document goes to a terminal."""
    document = json.loads(DESIRED_STATE.seeds[0])
    document["predicate"]["\x1b[2J"] = 1
    with pytest.raises(TrustError) as caught:
        DESIRED_STATE.read(canonical_json(document))
    assert caught.value.message.isprintable()
