"""Reading below a folder that others wrote."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.node.safe_files import is_name, is_path, is_sha256, open_below, read_below, sha256_below

OUTSIDE = [
    "",
    ".",
    "..",
    "../x",
    "a/../x",
    "a/..",
    "/etc/passwd",
    "a//b",
    "a/",
    "a\\..\\b",
    "a\0b",
    "a b",
    "ä",
    "a\n",
    "~",
    "%2e%2e",
    "a" * 129,
    "/".join("abcdefghi"),
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_that_could_leave_its_folder_is_none(path):
    """Nothing but names with single slashes between them is a path here."""
    assert not is_path(path)


@given(st.text())
def test_a_path_never_leaves_its_folder(text):
    """Whatever counts as a path stays below the folder that it is joined to."""
    if is_path(text):
        assert os.path.normpath(f"/store/{text}") == f"/store/{text}"


def test_names_of_models_are_plain():
    """A name has letters, digits, dots, dashes and underscores; a sha256 is 64 lower-case hex digits."""
    assert is_name("weld_v1.2-b")
    assert is_path("weights/model.bin")
    assert is_sha256("0" * 64)
    assert not is_sha256("A" * 64)
    assert not is_sha256("0" * 64 + "\n")


@pytest.mark.parametrize("kind", ["link", "link_in_folder", "fifo", "folder", "broken_link"])
def test_only_regular_files_are_opened(tmp_path, kind):
    """A link, a FIFO or a folder in place of a file is refused at once, and nothing hangs on it."""
    inside, secret = tmp_path / "inside", tmp_path / "secret"
    (inside / "sub").mkdir(parents=True)
    secret.mkdir()
    (secret / "key").write_bytes(b"secret")
    path = "sub/key"
    if kind == "link":
        (inside / path).symlink_to(secret / "key")
    elif kind == "link_in_folder":
        (inside / "sub").rmdir()
        (inside / "sub").symlink_to(secret)
    elif kind == "fifo":
        os.mkfifo(inside / path)
    elif kind == "folder":
        (inside / path).mkdir()
    else:
        (inside / path).symlink_to("nowhere")
    with pytest.raises(OSError):  # noqa: PT011 - any refusal of the system
        os.close(open_below(inside, path))


def test_a_device_is_not_opened_as_a_file():
    """A device that gives bytes without end is no file."""
    with pytest.raises(OSError, match="not a regular file"):
        open_below("/dev", "zero")


def test_a_small_file_is_not_read_beyond_its_limit(tmp_path):
    """A file that should be small and is not is refused: it could fill the memory."""
    (tmp_path / "a").write_bytes(b"12345")
    assert read_below(tmp_path, "a", max_bytes=5) == b"12345"
    with pytest.raises(OSError, match="longer than 4 bytes"):
        read_below(tmp_path, "a", max_bytes=4)


def test_a_digest_is_that_of_the_whole_file(tmp_path):
    """A file longer than one chunk is hashed to its last byte."""
    (tmp_path / "a").write_bytes(b"\0" * (1 << 20) + b"1")
    one = sha256_below(tmp_path, "a")
    (tmp_path / "a").write_bytes(b"\0" * (1 << 20) + b"2")
    assert sha256_below(tmp_path, "a") != one


def test_no_descriptor_is_left_open(tmp_path):
    """Refusals leave no descriptors behind: an agent runs for years."""
    (tmp_path / "folder").mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in ("nothing", "folder", "folder/nothing", "nothing/at/all"):
        with pytest.raises(OSError):  # noqa: PT011 - any refusal of the system
            open_below(tmp_path, path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
