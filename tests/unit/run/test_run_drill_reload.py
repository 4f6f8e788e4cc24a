"""A model that cannot be sound beside the serving one: refused, or loaded and put to work, by real pipelines."""

import concurrent.futures
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from builders import make_plan
from drills import make_fault, with_drill
from hilrig.core.drill import fault_spans
from hilrig.core.fault import FaultKind
from hilrig.core.frame import Outcome
from hilrig.run.drill_reload import DrillReload
from hilrig.target.opening import open_target

PATIENCE_S = 60
PIPELINE = """\
class Pipeline:
    def prepare(self, context):
        self.is_whole = context.model_files[0].read_bytes().endswith(b"end")
        if {minds} and not self.is_whole:
            raise ValueError("the file is torn")

    def process(self, frame):
        return [float(self.is_whole)] * 2

    def close(self):
        pass
"""


READS = """\
class Pipeline:
    def prepare(self, context):
        {prepare}

    def process(self, frame):
        return [0.5] * 2

    def close(self):
        pass
"""
POOLED = """\
import concurrent.futures

POOL = concurrent.futures.hilrig_test_pool

"""
READ = "context.model_files[-1].read_bytes()"


class Bench:
    """A profile's folder with a pipeline of its own, the target that serves, the reload with what it said."""

    def __init__(self, folder, *, minds=True, kind=FaultKind.MODEL_CORRUPT, source=""):
        (folder / "pipeline.py").write_text(source or PIPELINE.format(minds=minds))
        (folder / "model.bin").write_bytes(b"x" * 20 + b"end")
        plan = make_plan(n_measured=5, n_warmup=0)
        pipeline = replace(
            plan.pipeline,
            target="python",
            target_options={"callable": "pipeline:Pipeline"},
            preprocess=None,
            backend=None,
        )
        plan = replace(plan, pipeline=pipeline, model=replace(plan.model, files=("model.bin",)))
        self.plan = with_drill(plan, make_fault(kind, name="torn"))
        (self.span,) = fault_spans(self.plan)
        self.good = open_target(self.plan.pipeline, self.plan.model, folder)
        self.good.prepare()
        self.said = []
        self.reload = DrillReload(
            self.plan, folder, report=lambda kind, **detail: self.said.append((kind, detail))
        )

    def serving(self, frame_id):
        return self.reload.serving(frame_id, instead_of=self.good)

    def await_said(self):
        until = time.monotonic() + PATIENCE_S
        while not self.said and time.monotonic() < until:
            time.sleep(0.01)
        ((kind, detail),) = self.said
        assert kind == "fault"
        return detail


def test_a_pipeline_that_looks_at_its_file_refuses_it_and_goes_on(tmp_path):
    """The good one serves before, meanwhile and afterwards; the words are the pipeline's own."""
    bench = Bench(tmp_path, minds=True)
    assert bench.serving(bench.span.first_id) is bench.good
    told = bench.await_said()
    assert (told["name"], told["state"]) == ("torn", "refused")
    assert "the file is torn" in told["words"]
    assert "hilrig-damaged" not in told["words"]
    assert bench.serving(bench.span.first_id + 1) is bench.good


def test_a_pipeline_that_takes_what_it_gets_serves_the_damaged_model_until_the_fault_ends(tmp_path):
    """It decides by the damaged file, and after the fault the good one is back."""
    bench = Bench(tmp_path, minds=False)
    bench.serving(bench.span.first_id)
    assert bench.await_said()["state"] == "loaded"
    damaged = bench.serving(bench.span.first_id + 1)
    assert damaged is not bench.good
    frame = np.zeros((4, 4, 3), np.uint8)
    assert (damaged.process(frame).score, bench.good.process(frame).score) == (0.0, 1.0)
    assert damaged.process(frame).outcome is Outcome.DECIDED
    assert bench.serving(bench.span.end_id) is bench.good


def test_the_damaged_model_is_tried_once(tmp_path):
    """However many frames the fault has."""
    bench = Bench(tmp_path, minds=True)
    for frame_id in range(bench.span.first_id, bench.span.end_id):
        bench.serving(frame_id)
    bench.await_said()
    assert len(bench.said) == 1


def test_outside_the_fault_nothing_is_loaded(tmp_path):
    """No thread, no word."""
    bench = Bench(tmp_path, minds=True)
    assert bench.serving(bench.span.first_id - 1) is bench.good
    assert bench.said == []


def test_a_model_that_may_not_be_read_is_refused_and_the_good_one_goes_on(tmp_path):
    """The kernel's own refusal, also where the tests run as root; the original stays readable."""
    bench = Bench(tmp_path, kind=FaultKind.NO_PERMISSION, source=READS.format(prepare=READ))
    bench.serving(bench.span.first_id)
    told = bench.await_said()
    assert (told["state"], "Permission denied" in told["words"]) == ("refused", True)
    assert bench.serving(bench.span.first_id + 1) is bench.good
    assert (tmp_path / "model.bin").read_bytes().endswith(b"end")


def test_a_pipeline_that_loads_without_its_model_is_told_apart(tmp_path):
    """It swallows the refusal and decides by nothing: loaded, and its decisions are false ones."""
    swallowing = "import contextlib\n        with contextlib.suppress(OSError): " + READ
    bench = Bench(tmp_path, kind=FaultKind.NO_PERMISSION, source=READS.format(prepare=swallowing))
    bench.serving(bench.span.first_id)
    assert bench.await_said()["state"] == "loaded"
    assert bench.serving(bench.span.first_id + 1) is not bench.good


@pytest.mark.skipif(os.geteuid() != 0, reason="hardware: root, which reads every file")
def test_a_pipeline_whose_older_threads_could_read_it_is_not_blamed(tmp_path, monkeypatch):
    """A thread that was started with root's rights reads the file: the fault did not happen, nothing is judged."""
    pool = ThreadPoolExecutor(1)
    pool.submit(int).result()
    monkeypatch.setattr(concurrent.futures, "hilrig_test_pool", pool, raising=False)
    source = POOLED + READS.format(prepare=f"POOL.submit(lambda: {READ}).result()")
    bench = Bench(tmp_path, kind=FaultKind.NO_PERMISSION, source=source)
    bench.serving(bench.span.first_id)
    told = bench.await_said()
    assert (told["state"], "opened all the same" in told["words"]) == ("not_done", True)
    assert bench.serving(bench.span.first_id + 1) is bench.good
