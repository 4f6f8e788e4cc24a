"""hilrig.run.full_disk, hilrig.run.child_log: a process that can write no file, and whose words still arrive."""

import errno
import subprocess
import sys
import time

import pytest

from hilrig.run.child_log import log_file, piped_log
from hilrig.run.full_disk import fill_disk

WRITER = """
import sys
for line in sys.stdin:
    try:
        with open(sys.argv[1], "ab", buffering=0) as file:
            file.write(b"x")
        print("written", flush=True)
    except OSError as error:
        print(error.errno, flush=True)
"""
PATIENCE_S = 60


@pytest.fixture
def writer(tmp_path):
    """Give a process that tries to write a byte to a file whenever it is told to, and says how that went."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "file")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.stdin.close()


def tried(process):
    process.stdin.write("now\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def test_no_byte_can_be_written_until_there_is_room_again(writer, tmp_path):
    """A real process, the kernel's own refusal; what it prints through a pipe is not touched."""
    assert tried(writer) == "written"
    make_room = fill_disk(writer.pid)
    assert [tried(writer), tried(writer)] == [str(errno.EFBIG)] * 2
    make_room()
    assert tried(writer) == "written"
    assert (tmp_path / "file").read_bytes() == b"xx"


def test_only_that_process_has_a_full_disk(writer, tmp_path):
    """The run's own record is written by another one."""
    fill_disk(writer.pid)
    (tmp_path / "other").write_bytes(b"whole")
    assert (tmp_path / "other").read_bytes() == b"whole"


def test_a_process_that_is_gone_is_said_and_room_for_it_is_no_error(writer):
    """It may have died of the fault."""
    make_room = fill_disk(writer.pid)
    writer.kill()
    writer.wait()
    make_room()
    with pytest.raises(ProcessLookupError):
        fill_disk(writer.pid)


def test_words_of_a_process_with_a_full_disk_arrive_in_the_log(tmp_path):
    """Through the pipe they do, written by us; straight to the file they would not."""
    log = tmp_path / "run.log"
    for kind, is_there in ((log_file, False), (piped_log, True)):
        with kind(log) as log_fd:
            code = "import sys; sys.stdin.read(); print('last words', flush=True)"
            process = subprocess.Popen(
                [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=log_fd, stderr=subprocess.DEVNULL
            )
        fill_disk(process.pid)
        process.communicate(timeout=PATIENCE_S)
        until_s = time.monotonic() + PATIENCE_S
        while is_there and not log.read_text() and time.monotonic() < until_s:
            time.sleep(0.01)
        assert ("last words" in log.read_text()) == is_there
