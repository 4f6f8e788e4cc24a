"""hilrig.run.relay: what an external process does with its frames, well or badly, is counted for what it is."""

import os
import select
import shutil
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ring_client
from builders import make_plan
from hilrig.core.errors import PreconditionError
from hilrig.core.frame import FLAG_FRESH, Outcome, OutcomeReason
from hilrig.core.profile import FeedSpec, OnFull, PipelineSpec, QueueSpec
from hilrig.run import relay as subject
from hilrig.run.relay import Relay
from hilrig.run.ring_block import RingBlock
from hilrig.run.ring_process import ring_process
from hilrig.run.shared_block import Layout, SharedBlock, Word
from hilrig.target.ring_target import RingOptions

N_SLOTS = 3
LAYOUT = Layout(n_slots=N_SLOTS, height_px=4, width_px=6, n_records=4096, n_readings=8, n_stalls=8)
CLIENT = Path(ring_client.__file__)
RING_FOLDER = Path(subject.__file__).parents[1] / "target" / "ring"


class Bench:
    """A run's block with all its frames released, and the relay over an external process."""

    def __init__(self, folder, command, *, n_frames=20, on_full=OnFull.DROP_NEWEST, fresh_every=0, **options):
        self.options = RingOptions(command=tuple(map(str, command)), **options)
        plan = make_plan(n_warmup=0, n_measured=n_frames)
        self.plan = replace(
            plan,
            queue=QueueSpec(depth=4, on_full=on_full),
            feed=FeedSpec(source="synthetic", pool_frames=N_SLOTS - bool(fresh_every), fresh_every=fresh_every),
            pipeline=PipelineSpec(
                target="ring",
                target_options={"command": self.options.command, **options},
                preprocess=None,
                backend=None,
                decide=plan.pipeline.decide,
            ),
        )
        self.folder = folder
        self.block = SharedBlock.create(LAYOUT)
        for index in range(N_SLOTS):
            self.block.slot(index)[...] = 40 * index + 100
        self.frames_fd, self.space_fd = os.eventfd(0), os.eventfd(0)

    def release(self, *, fresh=()):
        """Release every frame now and end the offer."""
        rows = self.block.records[: self.plan.n_frames]
        rows["frame_id"] = np.arange(self.plan.n_frames)
        rows["t_intended_ns"] = rows["t_release_ns"] = time.monotonic_ns()
        for frame_id in fresh:
            rows["flags"][frame_id] = FLAG_FRESH
        self.block[Word.FRAMES_RELEASED] = self.plan.n_frames
        self.block[Word.FEEDER_DONE] = 1
        os.eventfd_write(self.frames_fd, self.plan.n_frames)
        return rows

    @contextmanager
    def relay(self):
        """Start the process and give the relay over it."""
        ring = RingBlock(frames=LAYOUT, labels=self.plan.model.labels, max_in_flight=self.options.max_in_flight)
        with ring_process(self.options, self.folder, block=ring, frames=self.block) as process:
            process.await_ready(self.options.ready_timeout_s)
            self.pid = process.pid
            yield Relay(self.plan, self.block, ring, process, frames_fd=self.frames_fd, space_fd=self.space_fd)
        ring.close()


def serve(tmp_path, mode, **changes):
    """Serve the frames with the Python client in `mode`; return the records and the relay's facts."""
    bench = Bench(tmp_path, [sys.executable, CLIENT, mode], **changes)
    with bench.relay() as relay:
        records = bench.release()
        relay.serve()
        assert bench.block[Word.FRAMES_DONE] == bench.block[Word.FRAMES_TAKEN] == len(records)
        assert (records["outcome"] != Outcome.PENDING).all()
        return records, relay.facts()


def odd(facts):
    """Return the counts that are not 0."""
    return {name: value for name, value in facts.items() if value}


def failed(records):
    """Return each failed frame's reason by its id."""
    rows = records[records["outcome"] == Outcome.FAILED]
    return {int(row["frame_id"]): OutcomeReason(row["reason"]) for row in rows}


def test_every_frame_is_decided_from_its_own_pixels(tmp_path):
    """The process sees each frame in its slot; thresholds make the decision; stamps are in order."""
    records, facts = serve(tmp_path, "good")
    assert (records["outcome"] == Outcome.DECIDED).all()
    assert odd(facts) == {}
    brightness = (100 + 40 * (np.arange(20) % N_SLOTS)) / 255
    assert records["score"] == pytest.approx(brightness)
    assert (records["defects"] == np.where(brightness >= 0.5, 0b11, 0)).all()
    assert (records["t_release_ns"] <= records["t_dequeue_ns"]).all()
    assert (records["t_dequeue_ns"] < records["t_decided_ns"]).all()
    assert (np.diff(records["t_decided_ns"]) > 0).all()


def test_a_fresh_frame_is_shown_from_its_own_slot(tmp_path):
    """A frame flagged as never shown before has its own place, a frame that could not get one shows the pool's."""
    bench = Bench(tmp_path, [sys.executable, CLIENT, "good"], n_frames=4, fresh_every=2)
    with bench.relay() as relay:
        records = bench.release(fresh=[1])
        relay.serve()
    assert (records["score"] * 255).round().tolist() == [100, 180, 100, 140]


def test_frames_may_be_answered_out_of_order(tmp_path):
    """With four frames in flight, answers in reverse order complete their own frames, and are counted."""
    records, facts = serve(tmp_path, "reversed", max_in_flight=4)
    assert (records["outcome"] == Outcome.DECIDED).all()
    assert records["score"] == pytest.approx((100 + 40 * (np.arange(20) % N_SLOTS)) / 255)
    assert odd(facts) == {"out_of_order": 15}


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("nan", OutcomeReason.NON_FINITE_SCORE),
        ("failed", OutcomeReason.INFERENCE_ERROR),
        ("odd-status", OutcomeReason.BAD_ANSWER),
        ("few-scores", OutcomeReason.BAD_ANSWER),
        ("many-scores", OutcomeReason.BAD_ANSWER),
    ],
)
def test_an_answer_that_is_no_decision_is_a_failed_frame(tmp_path, mode, reason):
    """Frames 5 and 15 are answered wrongly: these two fail with their reason, no other is touched."""
    records, _ = serve(tmp_path, mode)
    assert failed(records) == {5: reason, 15: reason}
    assert not records["t_decided_ns"][[5, 15]].any()


def test_stamps_from_outside_the_frame_are_not_shown(tmp_path):
    """A process may claim any time: what does not lie between our own stamps stays 0, the decision counts."""
    records, _ = serve(tmp_path, "future-stamps")
    assert (records["outcome"] == Outcome.DECIDED).all()
    assert not records["t_preprocessed_ns"].any()
    assert not records["t_inferred_ns"].any()


def test_the_second_answer_to_a_frame_changes_nothing(tmp_path):
    """The first answer counts; the second is counted as such."""
    records, facts = serve(tmp_path, "twice")
    assert (records["outcome"] == Outcome.DECIDED).all()
    assert records["score"] == pytest.approx((100 + 40 * (np.arange(20) % N_SLOTS)) / 255)
    assert odd(facts) == {"twice": 2}


def test_answers_to_frames_that_were_not_asked_are_counted(tmp_path):
    """Wrong ids, also those of frames that will come, decide nothing."""
    records, facts = serve(tmp_path, "unknown")
    assert (records["outcome"] == Outcome.DECIDED).all()
    assert odd(facts) == {"unknown": 6}


def test_a_frame_without_an_answer_fails_after_the_timeout(tmp_path):
    """Frames 5 and 15 get no answer in 100 ms: NO_ANSWER; with 1 in flight they hold up the others, not more."""
    records, facts = serve(tmp_path, "never", answer_timeout_ms=100)
    assert failed(records) == {5: OutcomeReason.NO_ANSWER, 15: OutcomeReason.NO_ANSWER}
    assert odd(facts) == {"missing": 2}
    assert records["t_dequeue_ns"][6] - records["t_dequeue_ns"][5] >= 100_000_000


def test_a_late_answer_is_not_taken_for_the_next_frame(tmp_path):
    """The answer to frame 5 comes 300 ms late, while frame 6 waits: frame 5 failed, frame 6 has its own score."""
    records, facts = serve(tmp_path, "late", answer_timeout_ms=200, n_frames=12)
    assert failed(records) == {5: OutcomeReason.NO_ANSWER}
    assert records["score"][6] == pytest.approx(100 / 255)
    assert odd(facts) == {"missing": 1, "late": 1}


def test_a_process_that_hangs_fails_every_frame_from_there(tmp_path, monkeypatch):
    """Each frame waits its timeout; when the offer is over, a silent process is not asked for ever."""
    monkeypatch.setattr(subject, "PATIENCE_NS", 100_000_000)
    records, facts = serve(tmp_path, "hang", answer_timeout_ms=60, n_frames=400)
    assert failed(records) == dict.fromkeys(range(5, 400), OutcomeReason.NO_ANSWER)
    assert odd(facts) == {"missing": 395}


def test_a_process_that_dies_loses_its_frames_and_all_that_follow(tmp_path, capfd):
    """TARGET_LOST for what it held and for every later frame; the cause of death is kept."""
    records, facts = serve(tmp_path, "die", max_in_flight=4)
    lost = failed(records)
    assert set(lost.values()) == {OutcomeReason.TARGET_LOST}
    assert set(lost) == set(range(5, 20))
    assert odd(facts) == {"death": "killed by signal SIGSEGV"}
    assert "SIGSEGV" in capfd.readouterr().err


def test_what_a_process_answered_before_its_end_is_answered(tmp_path):
    """Frame 5 was answered, then the process ended: frame 5 is decided, the rest is lost."""
    records, facts = serve(tmp_path, "answer-and-die")
    assert set(failed(records)) == set(range(6, 20))
    assert facts["death"] == "exit status 3"


@pytest.mark.parametrize("mode", ["jump", "taken", "block-requests"])
def test_hostile_counters_neither_end_nor_hold_up_the_relay(tmp_path, mode):
    """Counters that jump by 2^40, run backwards or are full: frames fail as unanswered, the relay goes on."""
    begin_s = time.monotonic()
    records, facts = serve(tmp_path, mode, answer_timeout_ms=30, n_frames=60)
    assert set(failed(records).values()) == {OutcomeReason.NO_ANSWER}
    assert facts["missing"] == len(failed(records))
    assert time.monotonic() - begin_s < 20
    if mode == "jump":
        assert facts["broken_counts"] >= 4
        assert (records["outcome"] == Outcome.DECIDED).sum() > 40


def test_a_process_cannot_cut_the_shared_memory(tmp_path):
    """Neither the ring nor the frames can be made smaller, which would end the relay with a bus error."""
    records, facts = serve(tmp_path, "shrink")
    assert (records["outcome"] == Outcome.DECIDED).all()
    assert odd(facts) == {}


def test_drop_oldest_is_decided_when_a_frame_is_taken(tmp_path):
    """20 frames wait for a queue of 4: the 16 oldest are dropped, a camera's ring would have overwritten them."""
    records, _ = serve(tmp_path, "good", on_full=OnFull.DROP_OLDEST)
    assert records["outcome"].tolist() == [Outcome.DROPPED] * 16 + [Outcome.DECIDED] * 4
    assert (records["reason"][:16] == OutcomeReason.QUEUE_FULL).all()


def test_a_frame_that_the_feeder_dropped_is_not_asked_for(tmp_path):
    """With drop_newest the feeder has decided already."""
    bench = Bench(tmp_path, [sys.executable, CLIENT, "good"], n_frames=5)
    with bench.relay() as relay:
        records = bench.release()
        records["outcome"][2] = Outcome.DROPPED
        relay.serve()
    assert records["outcome"].tolist() == [1, 1, 2, 1, 1]
    assert records["t_dequeue_ns"][2] == 0


def test_a_camera_that_waits_is_told_of_the_next_frame_taken(tmp_path):
    """A feeder that asked to be told is told once; one that did not is left alone."""
    bench = Bench(tmp_path, [sys.executable, CLIENT, "good"], on_full=OnFull.BLOCK)
    with bench.relay() as relay:
        bench.block[Word.WAKE_FEEDER_AT] = 1
        bench.release()
        relay.serve()
    assert os.eventfd_read(bench.space_fd) == 1
    assert bench.block[Word.WAKE_FEEDER_AT] == 0


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
        "import sys; from pathlib import Path; from test_run_relay import Bench, CLIENT\n"
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
            env=os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)])},
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
