"""A run directory as a tar."""

import io
import os
import tarfile

import pytest

from hilrig.app.web.download import FILES_MAX, tar_bytes, tar_chunks, tar_parts
from hilrig.core.errors import RecordError


def tar_of(folder) -> bytes:
    return b"".join(tar_chunks(tar_parts(folder)))


def contents(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar}


def test_every_file_is_in_it(tmp_path):
    """Byte for byte, below the folder's name; empty ones and ones that fill their block as well."""
    sizes = {"a": 0, "b": 1, "c": 512, "d": 513, "e": 700_000}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(os.urandom(size))
    found = contents(tar_of(tmp_path))
    assert found == {f"{tmp_path.name}/{name}": (tmp_path / name).read_bytes() for name in sizes}


def test_its_length_is_known_before_its_first_byte(tmp_path):
    """A download that breaks off is noticed."""
    (tmp_path / "a").write_bytes(b"x" * 1000)
    (tmp_path / ("long" * 40)).write_bytes(b"y")
    assert tar_bytes(tar_parts(tmp_path)) == len(tar_of(tmp_path))


def test_links_folders_pipes_and_hidden_files_stay_behind(tmp_path):
    """A link to a key does not carry the key away."""
    (tmp_path / "a").write_text("a")
    (tmp_path / "key").symlink_to("/etc/hostname")
    (tmp_path / "folder").mkdir()
    (tmp_path / ".reserve").write_text("r")
    os.mkfifo(tmp_path / "pipe")
    assert list(contents(tar_of(tmp_path))) == [f"{tmp_path.name}/a"]


def test_a_file_that_grows_is_cut_where_it_was(tmp_path):
    """The journal of a run that goes on grows while it is read."""
    (tmp_path / "a").write_bytes(b"before")
    parts = tar_parts(tmp_path)
    (tmp_path / "a").write_bytes(b"before and after")
    data = b"".join(tar_chunks(parts))
    assert contents(data) == {f"{tmp_path.name}/a": b"before"}
    assert len(data) == tar_bytes(parts)


def test_a_file_that_shrinks_breaks_the_download_off(tmp_path):
    """Nothing is filled up with zeros that nobody measured."""
    (tmp_path / "a").write_bytes(b"before")
    parts = tar_parts(tmp_path)
    (tmp_path / "a").write_bytes(b"be")
    with pytest.raises(RecordError, match="shorter"):
        list(tar_chunks(parts))


def test_a_file_that_became_a_link_breaks_the_download_off(tmp_path):
    """Between listing and reading a link may have been planted."""
    (tmp_path / "a").write_bytes(b"before")
    parts = tar_parts(tmp_path)
    (tmp_path / "a").unlink()
    (tmp_path / "a").symlink_to("/etc/hostname")
    with pytest.raises(RecordError, match="symbolic link"):
        list(tar_chunks(parts))


def test_a_file_that_is_gone_breaks_the_download_off(tmp_path):
    """The tar would lack it without a word."""
    (tmp_path / "a").write_bytes(b"before")
    parts = tar_parts(tmp_path)
    (tmp_path / "a").unlink()
    with pytest.raises(RecordError, match="gone"):
        list(tar_chunks(parts))


def test_it_comes_in_small_pieces(tmp_path):
    """A directory of gigabytes is never whole in memory."""
    (tmp_path / "a").write_bytes(bytes(3_000_000))
    assert max(len(chunk) for chunk in tar_chunks(tar_parts(tmp_path))) <= 256 * 1024


def test_too_many_files_are_refused(tmp_path):
    """That is no run directory."""
    for index in range(FILES_MAX + 1):
        (tmp_path / str(index)).touch()
    with pytest.raises(RecordError, match="expected at most"):
        tar_parts(tmp_path)
