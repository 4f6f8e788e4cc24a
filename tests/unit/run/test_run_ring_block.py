"""hilrig.run.ring_block: the layout is what the documents and the C header say; no counter is believed."""

import mmap
import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.run import ring_block as subject
from hilrig.run.ring_block import ANSWER, HEADER, N_ANSWERS, N_REQUESTS, REQUEST, RingBlock, RingWord
from hilrig.run.shared_block import Layout

FRAMES = Layout(n_slots=3, height_px=5, width_px=7, n_records=8, n_readings=8, n_stalls=8)
LABELS = ("porosity", "Riß", "undercut")
ROOT = Path(subject.__file__).parents[2]


class Side:
    """The other side of a ring, without care: it writes any counter."""

    def __init__(self, labels=LABELS):
        self.ring = RingBlock(frames=FRAMES, labels=labels, max_in_flight=2)
        self.block = mmap.mmap(self.ring.fd, 0)
        self.words = memoryview(self.block).cast("Q")
        self.head = HEADER.unpack_from(self.block)
        self.answers_offset, self.answer_bytes = self.head[-2:]

    def write_answer(self, place, frame_id, scores=()):
        offset = self.answers_offset + place % N_ANSWERS * self.answer_bytes
        ANSWER.pack_into(self.block, offset, frame_id, 0, 0, 0, len(scores), 0)
        data = np.array(scores, "<f4").tobytes()
        self.block[offset + ANSWER.size : offset + ANSWER.size + len(data)] = data

    def publish(self, written, count=1):
        self.words[RingWord.ANSWERS_WRITTEN // 8] = written % 2**64
        os.eventfd_write(self.ring.answer_fd, count)

    def request(self, frame_id):
        return self.ring.request(frame_id=frame_id, slot=1, t_intended_ns=2, t_release_ns=3)

    def close(self):
        self.words.release()
        self.ring.close()


@pytest.fixture
def side():
    side = Side()
    yield side
    side.close()


def test_the_header_says_where_everything_lies(side):
    """A client needs nothing but the header: sizes, offsets on cache lines, labels with a zero after each."""
    magic, version, n_bytes, n_slots, height, width, channels, slot_bytes, *rest = side.head
    n_labels, labels_at, in_flight, n_requests, requests_at, request_bytes, n_answers, answers_at, answer_bytes = (
        rest
    )
    assert (magic, version, n_bytes) == (b"HILRIG\0\1", 1, len(side.block))
    assert (n_slots, height, width, channels, slot_bytes) == (3, 5, 7, 3, FRAMES.slot_bytes)
    assert (n_labels, in_flight) == (3, 2)
    assert side.block[labels_at:requests_at].rstrip(b"\0").split(b"\0") == [name.encode() for name in LABELS]
    assert requests_at % 64 == answers_at % 64 == answer_bytes % 64 == 0
    assert requests_at + n_requests * request_bytes <= answers_at
    assert answers_at + n_answers * answer_bytes == n_bytes
    assert answer_bytes >= ANSWER.size + 4 * n_labels


def test_the_c_header_and_the_page_have_the_same_words():
    """Every counter has the same offset in Python, in C and in docs/ring.md; the version is the same."""
    header = (ROOT / "hilrig/target/ring/hilrig_ring.h").read_text()
    page = (ROOT / "docs/ring.md").read_text()
    for word in RingWord:
        assert f"#define HILRIG_RING_{word.name} {word.value}u" in header
        assert re.search(rf"\| {word.value} \| u64 \| `{word.name.lower()}`", page), word.name
    assert f"#define HILRIG_RING_VERSION {subject.VERSION}u" in header
    assert f"layout version {subject.VERSION}" in page.lower()


def test_more_labels_than_a_line_make_longer_answers():
    """A classifier with a thousand labels answers with a thousand scores."""
    side = Side(labels=[f"class {index}" for index in range(1000)])
    scores = np.arange(1000, dtype="f4")
    side.write_answer(0, 7, scores)
    side.publish(1)
    (answer,) = side.ring.answers()
    assert (answer.scores == scores).all()
    side.close()


def test_a_request_carries_the_frame(side):
    """Sequence number, id, slot and both stamps; the counter and one count of the eventfd tell of it."""
    assert side.request(9)
    assert side.request(10)
    requests_at = side.head[12]
    assert REQUEST.unpack_from(side.block, requests_at + REQUEST.size) == (1, 10, 1, 2, 3)
    assert side.words[RingWord.REQUESTS_WRITTEN // 8] == 2
    assert [os.eventfd_read(side.ring.request_fd) for _ in range(2)] == [1, 1]


def test_a_request_that_was_not_taken_is_never_overwritten(side):
    """A process that hangs leaves the ring full; when it takes one, there is room for one."""
    assert all(side.request(index) for index in range(N_REQUESTS))
    assert not side.request(N_REQUESTS)
    side.words[RingWord.REQUESTS_TAKEN // 8] = 1
    assert side.request(N_REQUESTS)
    assert not side.request(N_REQUESTS + 1)


@pytest.mark.parametrize("taken", [2**40, 2**63, 2**64 - 1])
def test_a_process_that_took_more_than_there_was_gets_no_more(side, taken):
    """An impossible count of requests taken leaves no room: the frame then has no answer, which is true."""
    side.words[RingWord.REQUESTS_TAKEN // 8] = taken
    assert not side.request(0)


def test_answers_are_not_looked_at_before_they_are_signalled(side):
    """The counter alone is not enough: on ARM the data may come later than the counter."""
    side.write_answer(0, 4, (1, 2, 3))
    side.words[RingWord.ANSWERS_WRITTEN // 8] = 1
    assert side.ring.answers() == []
    side.publish(1)
    assert [answer.frame_id for answer in side.ring.answers()] == [4]


def test_an_answer_is_a_copy(side):
    """What is judged does not change when the process writes on."""
    side.write_answer(0, 4, (1, 2, 3))
    side.publish(1)
    (answer,) = side.ring.answers()
    side.write_answer(0, 4, (9, 9, 9))
    assert answer.scores.tolist() == [1, 2, 3]


def test_after_an_impossible_counter_the_ring_goes_on_from_there(side):
    """A jump by 2^40 yields nothing; the next answer at the new place is read."""
    side.publish(2**40)
    assert side.ring.answers() == []
    assert side.ring.n_broken_counts == 1
    side.write_answer(2**40, 6, (1, 2, 3))
    side.publish(2**40 + 1)
    assert [answer.frame_id for answer in side.ring.answers()] == [6]


def test_only_a_signal_makes_the_process_ready(side):
    """The word and the signal together, in this order."""
    side.words[RingWord.READY // 8] = 1
    assert not side.ring.is_ready()
    os.eventfd_write(side.ring.answer_fd, 1)
    assert side.ring.is_ready()


def test_the_end_is_told_even_when_the_process_filled_the_eventfd(side):
    """Ending never blocks, whatever count the process left."""
    os.eventfd_write(side.ring.request_fd, 2**64 - 2)
    side.ring.end()
    assert side.words[RingWord.ENDED // 8] == 1


steps = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.integers(1, 3)),
        st.tuples(st.just("jump"), st.integers(0, 2**64 - 1)),
        st.tuples(st.just("signal"), st.integers(1, 2**32)),
        st.tuples(st.just("request"), st.integers(0, 2**64 - 1)),
    ),
    max_size=25,
)


@given(steps)
def test_any_sequence_of_counters_is_survived(steps):
    """Whatever is written to counters and eventfds: at most one ring of answers at once, never an exception."""
    side = Side()
    for kind, value in steps:
        if kind == "answer":
            written = side.words[RingWord.ANSWERS_WRITTEN // 8]
            for place in range(written, written + value):
                side.write_answer(place, place % 2**32)
            side.publish(written + value, value)
        elif kind == "jump":
            side.publish(value)
        elif kind == "signal":
            os.eventfd_write(side.ring.answer_fd, value)
        else:
            side.words[RingWord.REQUESTS_TAKEN // 8] = value
            side.request(1)
        assert len(side.ring.answers()) <= N_ANSWERS
        assert side.ring.answers() == []
    side.close()


@given(st.lists(st.integers(1, 5), max_size=60))
def test_a_sound_process_loses_no_answer(bursts):
    """Answers in bursts come out once each, in their order."""
    side = Side()
    written, seen = 0, []
    for burst in bursts:
        for place in range(written, written + burst):
            side.write_answer(place, place)
            side.publish(place + 1)
        written += burst
        seen += [answer.frame_id for answer in side.ring.answers()]
    assert seen == list(range(written))
    assert side.ring.n_broken_counts == 0
    side.close()
