"""hilrig.run.no_permission: a file without permissions is refused, also to root; an opening is seen."""

import os
import threading

import pytest

from hilrig.run.no_permission import made_unreadable, obey_permissions


@pytest.fixture
def model(tmp_path):
    """Give a readable file."""
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights")
    return path


def in_a_thread(action):
    """Return what an action returns or raises in a thread of its own, which ends with it."""
    found = []

    def run():
        try:
            found.append(action())
        except OSError as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def obeying(action):
    def run():
        obey_permissions()
        return action()

    return run


def test_a_thread_that_obeys_is_refused_and_nobody_has_opened_the_file(model):
    """The kernel says no, whoever runs the tests."""
    with made_unreadable(model) as was_opened:
        assert isinstance(in_a_thread(obeying(model.read_bytes)), PermissionError)
        assert not was_opened()


def test_what_the_thread_starts_obeys_as_well(model):
    """A pipeline that loads with threads of its own."""
    with made_unreadable(model):
        assert isinstance(in_a_thread(obeying(lambda: in_a_thread(model.read_bytes))), PermissionError)


def test_other_files_are_read_as_ever(model, tmp_path):
    """Only the permissions of the one file were taken away."""
    (tmp_path / "other").write_bytes(b"whole")
    with made_unreadable(model):
        assert in_a_thread(obeying((tmp_path / "other").read_bytes)) == b"whole"


@pytest.mark.skipif(os.geteuid() != 0, reason="hardware: root, which reads every file")
def test_a_thread_that_does_not_obey_reads_it_and_is_seen(model):
    """The thread that decides frames keeps its rights; if it opens the file, the fault did not happen."""
    with made_unreadable(model) as was_opened:
        in_a_thread(obey_permissions)
        assert model.read_bytes() == b"weights"
        assert was_opened()
