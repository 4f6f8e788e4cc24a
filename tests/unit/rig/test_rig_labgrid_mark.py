"""The mark of a process on a place: read back as written, believed only as far as it can be checked."""

import os
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.rig.labgrid.mark import Holding, Mark, holding, own_mark, read_mark
from hilrig.rig.labgrid.mark import _started as started

pytestmark = pytest.mark.waiting

NUMBERS = st.integers(min_value=0, max_value=2**63)
HOSTS = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), max_size=40)


@given(host=HOSTS, pid=NUMBERS, started=NUMBERS, boot=st.uuids(), pid_space=NUMBERS)
def test_read_back_as_written(host, pid, started, boot, pid_space):
    """Whatever the host is called, the mark says the same afterwards."""
    mark = Mark(pid=pid, started=started, boot_id=str(boot), pid_space=pid_space)
    if "\n" not in host:
        assert read_mark(mark.text(host)) == mark


@given(st.text())
def test_any_text_is_a_mark_or_none(text):
    """Names that people gave are no marks, and nothing that anybody wrote is an error."""
    mark = read_mark(text)
    assert mark is None or mark.text(text.partition("/")[0]) is not None


@pytest.mark.parametrize(
    "name", ["build7/alice", "vm/root", "", "vm/hilrig", "vm/hilrig-1-2", "vm/hilrig-1-2-x-4"]
)
def test_a_person_is_no_mark(name):
    """A name that only looks alike is a person's."""
    assert read_mark(name) is None


def test_this_process_runs():
    """The own mark is that of a running process."""
    assert holding(own_mark()) is Holding.RUNS


def test_a_process_that_ended():
    """Nobody runs under its number any more."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert holding(replace(own_mark(), pid=ended.pid)) is Holding.GONE


def test_a_zombie():
    """A process that has ended is gone, although its parent has not asked for its exit status yet."""
    ended = subprocess.Popen(["sleep", "60"])
    mark = replace(own_mark(), pid=ended.pid, started=started(ended.pid))
    assert holding(mark) is Holding.RUNS
    ended.kill()
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert holding(mark) is Holding.GONE
    ended.wait()


def test_a_number_given_again():
    """Another process under the same number is not the one that acquired the place."""
    assert holding(replace(own_mark(), started=1)) is Holding.GONE


def test_before_a_restart():
    """No process survives a restart of its machine."""
    assert holding(replace(own_mark(), boot_id="00000000-0000-0000-0000-000000000000")) is Holding.GONE


def test_in_another_container():
    """A process that cannot be seen from here is not taken for dead."""
    assert holding(replace(own_mark(), pid_space=1)) is Holding.HIDDEN
