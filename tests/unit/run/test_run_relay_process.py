"""hilrig.run.relay: an external process is started, measured in C and C++, and ended with all that it started."""

import os
import select
import shutil
import stat
import subprocess
import sys
import time

import numpy as np
import pytest

from hilrig.core.errors import PreconditionError
from hilrig.core.frame import Outcome
from relay_benches import CLIENT, N_SLOTS, RING_FOLDER, Bench, odd


def test_the_process_lives_until_the_run_is_over_and_no_longer(tmp_path):
    """Telemetry reads the process until the end; after it not even a process that hangs is left."""
    bench = Bench(tmp_path, [sys.executable, CLIENT, "good"])
    with bench.relay() as relay:
        bench.release()
        relay.serve()
        os.kill(bench.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(bench.pid, 0)


def script(folder, text):
    path = folder / "app"
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return "./app"


def test_what_the_process_started_ends_with_it(tmp_path, monkeypatch):
    """A start script that does not exec leaves no pipeline behind on the rig."""
    monkeypatch.setattr("hilrig.run.ring_process.END_GRACE_S", 0.1)
    command = [script(tmp_path, f"#!/bin/sh\n{sys.executable} {CLIENT} hang & echo $! > pid; wait\n")]
    bench = Bench(tmp_path, command, n_frames=6, answer_timeout_ms=50)
    with bench.relay() as relay:
        bench.release()
        relay.serve()
        ended = select.poll()
        ended.register(os.pidfd_open(int((tmp_path / "pid").read_text())), select.POLLIN)
        assert not ended.poll(0)
    assert ended.poll(10_000)


@pytest.mark.parametrize(
    ("mode", "words", "printed"),
    [
        ("exit-while-loading", "ended before it was ready: exit status 7", "cannot open weights.bin"),
        ("never-ready", "was not ready within 0.5 s", "layer 1 of 90"),
    ],
)
def test_a_process_that_does_not_get_ready_is_refused_with_its_last_words(tmp_path, mode, words, printed):
    """The message says what happened and what the process printed last; nothing of it is left."""
    code = (
        "import sys; from pathlib import Path; from relay_benches import Bench, CLIENT\n"
        f"bench = Bench(Path('.'), [sys.executable, CLIENT, '{mode}'], ready_timeout_s=0.5)\n"
        "with bench.relay():\n    pass\n"
    )
    log = tmp_path / "run.log"
    log.write_text("an earlier line\n")
    with log.open("ab") as out:  # as in a run: stdout is a file that others write to as well
        called = subprocess.run(
            [sys.executable, "-c", code],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
    assert "PreconditionError" in called.stderr
    assert words in called.stderr
    assert printed in called.stderr
    assert "an earlier line" not in called.stderr


def test_a_program_for_another_machine_is_refused(tmp_path):
    """What the kernel cannot execute is a precondition, with what to look at."""
    bench = Bench(tmp_path, [script(tmp_path, "\x7fELF no more")])
    with pytest.raises(PreconditionError, match="cannot be started: Exec format error"), bench.relay():
        pass


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """Return a function that builds a C source with the header and returns the program."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("built")

    def build(source, name):
        warnings = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
        program = folder / name
        subprocess.run(["cc", "-std=c11", *warnings, "-O2", f"-I{RING_FOLDER}", "-o", program, source], check=True)
        return program

    return build


def test_the_c_example_is_measured(tmp_path, built):
    """The shipped example, built as its own comment says, decides by brightness and stamps its stages."""
    example = built(RING_FOLDER / "example.c", "example")
    shutil.copy(example, tmp_path / "example")
    bench = Bench(tmp_path, ["./example"], n_frames=300)
    with bench.relay() as relay:
        records = bench.release()
        relay.serve()
        assert odd(relay.facts()) == {}
    assert (records["outcome"] == Outcome.DECIDED).all()
    assert records["score"] == pytest.approx((100 + 40 * (np.arange(300) % N_SLOTS)) / 255)
    stamps = [records[f"t_{stage}_ns"] for stage in ("dequeue", "preprocessed", "inferred", "decided")]
    assert (np.diff(stamps, axis=0) >= 0).all()


def test_the_header_compiles_as_cpp(built, tmp_path):
    """A C++17 application includes the same file, without a warning."""
    if shutil.which("c++") is None:
        pytest.skip("no C++ compiler")
    built(RING_FOLDER / "example.c", "example")
    subprocess.run(
        [
            "c++",
            "-std=c++17",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pedantic",
            "-x",
            "c++",
            "-fsyntax-only",
            "example.c",
        ],
        cwd=RING_FOLDER,
        check=True,
    )


def test_the_example_says_that_it_was_not_started_by_hilrig(built):
    """Started by hand it ends at once, with a sentence instead of a crash."""
    called = subprocess.run(
        [built(RING_FOLDER / "example.c", "example")], capture_output=True, text=True, check=False
    )
    assert called.returncode == 1
    assert "was this process started by hilrig?" in called.stderr


ECHO = """
#include "hilrig_ring.h"
int main(int argc, char **argv) {
    uint64_t count;
    const uint64_t one = 1;
    if (argc != 3) return 1;
    while (read(atoi(argv[1]), &count, sizeof count) == (ssize_t)sizeof count && count < 9)
        if (write(atoi(argv[2]), &one, sizeof one) != (ssize_t)sizeof one) return 1;
    return 0;
}
"""


def bare_round_trip_us(program, n):
    """Return the median of an eventfd written here, read and answered there, read here, in microseconds."""
    there, back = os.eventfd(0), os.eventfd(0)
    process = subprocess.Popen([program, str(there), str(back)], pass_fds=[there, back])
    took_ns = []
    for _ in range(n):
        begin_ns = time.monotonic_ns()
        os.eventfd_write(there, 1)
        os.eventfd_read(back)
        took_ns.append(time.monotonic_ns() - begin_ns)
    os.eventfd_write(there, 9)
    assert process.wait(10) == 0
    return float(np.median(took_ns)) / 1000


def test_the_hop_costs_little_more_than_its_two_wake_ups(tmp_path, built, record_property):
    """From the queue to the decision through the C example, against a bare ping-pong of two processes."""
    example = built(RING_FOLDER / "example.c", "example")
    (tmp_path / "echo.c").write_text(ECHO)
    echo = built(tmp_path / "echo.c", "echo")
    bench = Bench(tmp_path, [example], n_frames=2000)
    bare_us = [bare_round_trip_us(echo, 1000)]
    with bench.relay() as relay:
        records = bench.release()
        relay.serve()
    bare_us.append(bare_round_trip_us(echo, 1000))
    hop_us = float(np.median(records["t_decided_ns"] - records["t_dequeue_ns"])) / 1000
    record_property("hop_us", hop_us)
    record_property("bare_us", bare_us)
    print(f"hop {hop_us:.1f} us, bare ping-pong {bare_us[0]:.1f} and {bare_us[1]:.1f} us")  # noqa: T201 - the figure
    assert hop_us < 5 * max(bare_us) + 100  # a relay that polled by time would need a millisecond and more
