"""hilrig.target.python_target: the user's own code, and all that it can get wrong."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

from hilrig.core.errors import PreconditionError
from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.core.profile import DecideSpec, PipelineSpec
from hilrig.target.python_target import PythonOptions, PythonTarget
from small_models import spec_for

PIXELS = np.full((4, 6, 3), 255, np.uint8)
SOURCE = """
import numpy as np

class Mean:
    def prepare(self, context):
        self.labels = context.labels
        return {facts}

    def process(self, frame):
        {process}

    def close(self):
        {close}
"""


def source(process: str = "return [frame.mean() / 255, 0.0]", *, facts: str = "None", close: str = "pass") -> str:
    return SOURCE.format(process=process, facts=facts, close=close)


def make(folder: Path, callable_: str = "pipeline:Mean", *files: str) -> PythonTarget:
    pipeline = PipelineSpec(
        target="python",
        target_options={"callable": callable_},
        preprocess=None,
        backend=None,
        decide=DecideSpec(thresholds={"a": 0.5, "b": 1.5}),
    )
    return PythonTarget(pipeline, spec_for(*files), folder)


def write(folder: Path, process: str = "return [frame.mean() / 255, 0.0]") -> None:
    (folder / "pipeline.py").write_text(source(process))


def process(folder: Path, body: str, *, pixels=PIXELS):
    write(folder, body)
    target = make(folder)
    target.prepare()
    done = target.process(pixels)
    target.close()
    return done


@pytest.mark.parametrize(
    "answer",
    [
        "[1.0, 2]",
        "(1, 2.0)",
        "np.array([1, 2])",
        "np.array([[1.0, 2.0]], np.float16)",
        "[np.float32(1), np.int64(2)]",
        "{'b': 2.0, 'a': 1.0}",
    ],
)
def test_scores_come_as_a_sequence_an_array_or_a_mapping(tmp_path, answer):
    """One number per label, in the order of the labels or by name; no stage in between is seen."""
    done = process(tmp_path, f"return {answer}")
    assert (done.outcome, done.defects, done.score) == (Outcome.DECIDED, 0b11, 2.0)
    assert done.t_preprocessed_ns == done.t_inferred_ns == 0 < done.t_decided_ns


@pytest.mark.parametrize(
    "answer",
    [
        "None",
        "0.5",
        "[]",
        "[0.5]",
        "[0.5, 0.5, 0.5]",
        "'ab'",
        "['0.5', '0.5']",
        "[True, False]",
        "np.array([True, False])",
        "[None, 0.5]",
        "[[0.1], [0.2]]",
        "[10**400, 0]",
        "{'a': 1.0}",
        "{'a': 1.0, 'b': 0.0, 'c': 0.0}",
        "(score for score in (0.1, 0.2))",
        "np.array([1j, 2j])",
        "object()",
        "np.array(['0.1', '0.2'])",
    ],
)
def test_what_is_no_score_per_label_is_a_bad_answer(tmp_path, answer):
    """Nothing is guessed from it: not a missing label, not a boolean, not text that looks like a number."""
    done = process(tmp_path, f"return {answer}")
    assert (done.outcome, done.reason, done.t_decided_ns) == (Outcome.FAILED, OutcomeReason.BAD_ANSWER, 0)


@pytest.mark.parametrize("answer", ["[float('nan'), 0.1]", "{'a': float('inf'), 'b': 0.0}", "[1e300, 0]"])
def test_a_score_that_is_not_finite_fails_its_frame(tmp_path, answer):
    """A NaN compares false with every threshold: it must never be "ok"."""
    assert process(tmp_path, f"return {answer}").reason is OutcomeReason.NON_FINITE_SCORE


@pytest.mark.parametrize("fault", ["raise RuntimeError('boom')", "import sys; sys.exit(1)", "return 1 / 0"])
def test_an_exception_is_a_failed_frame_and_its_first_traceback_is_logged(tmp_path, capsys, fault):
    """A hundred frames fail, one traceback with the line of the file is written."""
    write(tmp_path, fault)
    target = make(tmp_path)
    target.prepare()
    assert {target.process(PIXELS).reason for _ in range(100)} == {OutcomeReason.INFERENCE_ERROR}
    logged = capsys.readouterr().err
    assert logged.count("Traceback") == 1
    assert f'{tmp_path / "pipeline.py"}", line' in logged


@pytest.mark.parametrize("spoil", ["frame[:] = 0", "frame.flags.writeable = True", "frame.base[:] = 0"])
def test_the_frame_cannot_be_written(tmp_path, spoil):
    """A pipeline that draws into its frame fails; the pool of frames stays as it was."""
    pixels = PIXELS.copy()
    done = process(tmp_path, f"{spoil}\n        return [0.0, 0.0]", pixels=pixels)
    assert done.reason is OutcomeReason.INFERENCE_ERROR
    assert np.array_equal(pixels, PIXELS)
    assert pixels.flags.writeable


def test_the_pipeline_is_told_folder_files_and_labels(model_folder):
    """Model files come as complete paths; what `prepare` returns is a fact, as are digests."""
    text = source(facts="{'there': all(f.is_file() for f in context.model_files), 'at': str(context.folder)}")
    (model_folder / "pipeline.py").write_text(text)
    facts = make(model_folder, "pipeline:Mean", "model.onnx").prepare()
    assert facts["pipeline"] == {"there": True, "at": str(model_folder)}
    assert facts["callable_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert set(facts["files_sha256"]) == {"model.onnx"}


def test_the_bytes_that_run_are_the_bytes_that_are_hashed(tmp_path):
    """No compiled copy of an older text is run, and none is left in the profile's folder."""
    for score in (
        "0.25",
        "0.75",
    ):  # equal size, perhaps within one tick of the file's time: a cache would be fooled
        write(tmp_path, f"return [{score}, 0.0]")
        target = make(tmp_path)
        target.prepare()
        assert target.process(PIXELS).score == float(score)
    assert [path.name for path in tmp_path.iterdir()] == ["pipeline.py"]


def test_an_instance_is_taken_as_it_is(tmp_path):
    """The attribute may be an object instead of a class."""
    write(tmp_path)
    (tmp_path / "pipeline.py").write_text((tmp_path / "pipeline.py").read_text() + "\nready = Mean()\n")
    target = make(tmp_path, "pipeline:ready")
    target.prepare()
    assert target.process(PIXELS).outcome is Outcome.DECIDED


def test_a_file_named_like_a_module_shadows_nothing(tmp_path):
    """`json.py` in the folder is the pipeline; everybody else keeps the library, and the search path."""
    import json

    (tmp_path / "json.py").write_text(source("return [1, 1]"))
    before = list(sys.path)
    target = make(tmp_path, "json:Mean")
    target.prepare()
    assert target.process(PIXELS).outcome is Outcome.DECIDED
    assert sys.modules["json"] is json
    assert sys.path == before


def test_other_files_of_the_folder_can_be_imported(tmp_path):
    """A pipeline of several files works; a packages's parts too; the folder is not left on the search path."""
    (tmp_path / "weld_weights.py").write_text("VALUE = 0.75\n")
    write(tmp_path, "return [self.value, 0]")
    text = (tmp_path / "pipeline.py").read_text().replace("import numpy", "import weld_weights\nimport numpy")
    text = text.replace("self.labels =", "self.value = weld_weights.VALUE; self.labels =")
    (tmp_path / "pipeline.py").write_text(text)
    target = make(tmp_path)
    target.prepare()
    assert target.process(PIXELS).score == 0.75
    package = tmp_path / "welding"
    package.mkdir()
    (package / "__init__.py").write_text("from .net import Mean\n")
    (package / "net.py").write_text(source("return [0.5, 0]"))
    target = make(tmp_path, "welding:Mean")
    target.prepare()
    assert target.process(PIXELS).score == 0.5
    assert str(tmp_path) not in sys.path


def test_an_installed_module_is_found_after_the_folder(tmp_path, monkeypatch):
    """What is not in the profile's folder is imported as any module is."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "installed_pipeline.py").write_text(source("return [0, 0]"))
    monkeypatch.syspath_prepend(site)
    facts = make(tmp_path, "installed_pipeline:Mean").prepare()
    assert facts["callable_sha256"] == hashlib.sha256((site / "installed_pipeline.py").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no module 'pipeline': neither pipeline.py in {folder}"),
        ("", "{folder}/pipeline.py has no 'Mean'"),
        ("Mean = 3", "{folder}/pipeline.py: 'Mean' has no method prepare, process, close"),
        ("class Mean:\n  def process(self, f): ...", "'Mean' has no method prepare, close"),
        ("def Mean(): ...", "has no method"),
        ("class Mean(", "{folder}/pipeline.py:1: the module cannot be loaded: SyntaxError"),
        (
            "import weld_no_such",
            "{folder}/pipeline.py:1: the module cannot be loaded: ModuleNotFoundError: No module named",
        ),
        ("raise SystemExit(3)", "{folder}/pipeline.py:1: the module cannot be loaded: SystemExit"),
        ("\0", "{folder}/pipeline.py: the module cannot be loaded: "),
        (source() + "    def __init__(self, size): ...", "{folder}/pipeline.py: Mean() failed: TypeError"),
        (source(facts="1 / 0"), "{folder}/pipeline.py:7: prepare() failed: ZeroDivisionError"),
        (source(facts="{'x': object()}"), "prepare() returned facts that are not JSON"),
        (source(facts="{'x': float('nan')}"), "prepare() returned facts that are not JSON"),
        (source(facts="7"), "prepare() returned facts that are not JSON"),
    ],
)
def test_code_that_cannot_be_had_is_named_before_the_run(tmp_path, text, words):
    """File and attribute, what is wrong, never a bare traceback."""
    if text is not None:
        (tmp_path / "pipeline.py").write_text(text)
    with pytest.raises(PreconditionError) as caught:
        make(tmp_path).prepare()
    assert words.format(folder=tmp_path) in caught.value.message
    assert caught.value.hint


def test_a_fault_in_close_changes_no_frame(tmp_path, capsys):
    """It is written down, nothing more: all frames are decided by then."""
    (tmp_path / "pipeline.py").write_text(source(close="1 / 0"))
    target = make(tmp_path)
    target.prepare()
    target.close()
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "pipeline", ":Mean", "pipeline:", "a b:c", "../x:y", "a.:b", "x:y.z", "x:y()"]
)
def test_a_callable_of_another_form_is_refused(text):
    """It is a name, not a path and not an expression."""
    with pytest.raises(ValueError, match="callable must be module:attribute"):
        PythonOptions(callable=text)
