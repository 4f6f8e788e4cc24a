"""What every sampler owes, asked of the Jetson sampler on whole boards, and on boards with a file gone or bad."""

import errno
import math
import os
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from board_parts import PID
from boards import agx_orin, build, old_orin, orin_nano, orin_with_statistics, thor, without_repeats
from hilrig.core.telemetry import Reason, Tier
from hilrig.sampler.jetson.sampler import JetsonSampler
from sampler_contract import SamplerContract

WHOLE = (orin_nano, orin_with_statistics, agx_orin, old_orin, thor)
BOARDS = {whole.__name__: without_repeats(whole(n_cpus=1)) for whole in WHOLE}  # it reads nothing of the CPUs
FILES = [(board, path) for board, facts in BOARDS.items() for path in facts]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return {board: build(tmp_path_factory.mktemp(board), facts) for board, facts in BOARDS.items()}


@pytest.fixture(params=BOARDS)
def board(request, built):
    return built[request.param]


def probed(board):
    opened = JetsonSampler(board.root, PID)
    try:
        return opened.probe()
    finally:
        opened.close()


def answering(capabilities):
    return {known.channel.key for known in capabilities if known.reason is None}


def kept(board):
    """Return the files whose content becomes a value."""
    return [path for path, fact in board.facts.items() if fact.feeds and not fact.is_name]


class TestSamplerContract(SamplerContract):
    """Asked of the Jetson sampler on each board."""

    @pytest.fixture
    def build(self, board):
        return lambda: JetsonSampler(board.root, PID)


@pytest.mark.parametrize("whole", WHOLE)
def test_the_whole_board_answers(whole, tmp_path):
    """On each board exactly the channels have a value that its files feed."""
    board = build(tmp_path, whole())
    assert answering(probed(board)) == board.keys


def test_removing_one_file_silences_exactly_its_channels(board):
    """Without one of its files the board has all channels but those that the file feeds."""
    for path in [path for path, fact in board.facts.items() if not fact.is_name]:
        (board.root / path).rename(board.root / "away")
        found = answering(probed(board))
        (board.root / "away").rename(board.root / path)
        assert found == board.keys - board.facts[path].feeds, path


def test_removing_a_name_touches_only_what_it_names(board):
    """Without the name of a chip, a rail or a zone all that it does not name is still read."""
    for path in [path for path, fact in board.facts.items() if fact.is_name]:
        (board.root / path).rename(board.root / "away")
        found = answering(probed(board))
        (board.root / "away").rename(board.root / path)
        assert found >= board.keys - board.facts[path].feeds, path


def test_a_forbidden_file_says_no_permission(board, monkeypatch):
    """A file that may not be opened turns exactly its channels into NO_PERMISSION, and the detail names it."""

    def deny(target, *rest):
        if not isinstance(target, int) and resolved(target) == forbidden:
            raise PermissionError(errno.EACCES, "Permission denied", str(target))
        return real_open(target, *rest)

    real_open, resolved = os.open, cache(os.path.realpath)
    monkeypatch.setattr(os, "open", deny)
    for path in kept(board):
        forbidden = resolved(board.root / path)
        found = {known.channel.key: known for known in probed(board) if known.channel.key in board.keys}
        refused = {key: known for key, known in found.items() if known.reason is not None}
        assert refused.keys() == board.facts[path].feeds, path
        assert {known.reason for known in refused.values()} == {Reason.NO_PERMISSION}, path
        assert all(Path(path).name in known.detail for known in refused.values()), path


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (errno.EAGAIN, Reason.OFFLINE),
        (errno.ENODEV, Reason.LOST),
        (errno.EPERM, Reason.NO_PERMISSION),
    ],
)
def test_a_file_that_fails_mid_run_silences_exactly_its_channels(board, code, reason, monkeypatch):
    """Whatever the kernel answers during a run, only the channels of that file turn into the matching reason."""

    def fail(fd, size, offset):
        if os.path.samestat(os.fstat(fd), broken):
            raise OSError(code, os.strerror(code))
        return real_pread(fd, size, offset)

    real_pread = os.pread
    opened = JetsonSampler(board.root, PID)
    keys = [known.channel.key for known in opened.probe()]
    monkeypatch.setattr(os, "pread", fail)
    for path in kept(board):
        broken = (board.root / path).stat()
        readings = {keys[reading.channel]: reading.reason for reading in opened.read(Tier.EDGE)}
        failed = {key: why for key, why in readings.items() if why is not None and key in board.keys}
        assert failed == dict.fromkeys(board.facts[path].feeds, reason), path
    monkeypatch.undo()
    opened.close()


@settings(max_examples=100, deadline=None)  # five boards have some twenty kinds of files: each kind several times
@given(file=st.sampled_from(FILES), content=st.binary(max_size=80))
def test_no_content_of_any_file_makes_it_raise_or_lie(built, file, content):
    """Any bytes in any one file: nothing raises, all numbers are finite, no other channel is touched."""
    board, path = built[file[0]], file[1]
    original = (board.root / path).read_bytes()
    (board.root / path).write_bytes(content)
    try:
        opened = JetsonSampler(board.root, PID)
        capabilities = opened.probe()
        readings = opened.read(Tier.EDGE)
        opened.close()
    finally:
        (board.root / path).write_bytes(original)
    keys = [known.channel.key for known in capabilities]
    assert len(keys) == len(set(keys))
    assert all(math.isfinite(reading.value) for reading in readings if reading.value is not None)
    fact = board.facts[path]
    assert fact.is_name or board.keys - answering(capabilities) <= fact.feeds


def test_an_empty_root_has_only_reasons(tmp_path):
    """Under a root without /sys nothing is read, nothing raises, and nothing is guessed."""
    opened = JetsonSampler(tmp_path, PID)
    capabilities = opened.probe()
    opened.close()
    assert {known.reason for known in capabilities} == {Reason.ABSENT}
