"""Copies of images that are nearly all holes."""

from pathlib import Path

import pytest

from hilrig.faults.sparse_image import copy_image, data_bytes, is_same

MIB = 1 << 20


def image(path: Path, pieces: dict[int, bytes], *, size: int = 64 * MIB) -> Path:
    """Write a sparse file with some data in it."""
    with path.open("wb") as file:
        file.truncate(size)
        for at, data in pieces.items():
            file.seek(at)
            file.write(data)
    return path


@pytest.mark.parametrize("pieces", [{}, {0: b"a" * 5000}, {3 * MIB: b"b", 64 * MIB - 1: b"c"}])
def test_a_copy_is_the_same_and_takes_no_more_room(tmp_path, pieces):
    """Holes stay holes, data stays data, whatever was in the target before."""
    source = image(tmp_path / "source", pieces)
    target = image(tmp_path / "target", {MIB: b"old"}, size=MIB * 2)
    copy_image(source, target)
    assert target.read_bytes() == source.read_bytes()
    assert is_same(source, target)
    assert data_bytes(target) <= 3 * 8192


@pytest.mark.parametrize(
    ("one", "other"),
    [({0: b"a"}, {0: b"b"}), ({}, {63 * MIB: b"x"}), ({5 * MIB: b"x"}, {}), ({7: b"ab"}, {7: b"ac"})],
)
def test_one_other_byte_is_seen(tmp_path, one, other):
    """Data against a hole counts too, from either side."""
    assert not is_same(image(tmp_path / "one", one), image(tmp_path / "other", other))


def test_another_size_is_another_image(tmp_path):
    """Even if all of it is zeros."""
    assert not is_same(image(tmp_path / "one", {}), image(tmp_path / "other", {}, size=MIB))


def test_zeros_that_were_written_equal_a_hole(tmp_path):
    """A disk does not know holes."""
    assert is_same(image(tmp_path / "one", {MIB: bytes(4096)}), image(tmp_path / "other", {}))
