"""hilrig.target.open_inference: the protocol's requests, answers with and without binary tensors, metadata."""

from dataclasses import replace

import numpy as np
import pytest

from foreign_services import after, nobody, serving
from hilrig.core.errors import PreconditionError, UsageError
from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.core.profile import BackendSpec, DecideSpec, PipelineSpec
from hilrig.target.open_inference import OpenInferenceOptions, OpenInferenceTarget
from small_models import PREPROCESS, spec_for

WHITE = np.full((8, 8, 3), 255, np.uint8)
BLACK = np.zeros((8, 8, 3), np.uint8)


def make(url, *, model=None, preprocess=PREPROCESS, backend=None, **options):
    pipeline = PipelineSpec(
        target="open_inference",
        target_options={"url": url, "model_name": "weld"} | options,
        preprocess=preprocess,
        backend=backend,
        decide=DecideSpec(thresholds={"a": 0.5, "b": 1.5}),
    )
    return OpenInferenceTarget(pipeline, model or spec_for(), None)


def two_frames(misdeed, *, binary=True, **options):
    with serving(after(1, misdeed), binary=binary) as service:
        target = make(service.url, **options)
        target.prepare()
        done = [target.process(WHITE), target.process(BLACK)]
        target.close()
    return done


@pytest.mark.parametrize("binary", [True, False])
def test_a_frame_is_decided_by_the_servers_scores(binary):
    """White scores 1 and 2, black 0 and 0, whether the numbers come as bytes or as JSON; stages are stamped."""
    white, black = two_frames("", binary=binary)
    assert (white.outcome, white.defects, white.score) == (Outcome.DECIDED, 0b11, 2.0)
    assert (black.outcome, black.defects, black.score) == (Outcome.DECIDED, 0, 0.0)
    assert 0 < white.t_preprocessed_ns < white.t_inferred_ns <= white.t_decided_ns < black.t_preprocessed_ns


@pytest.mark.parametrize(
    ("misdeed", "reason"),
    [
        ("die", OutcomeReason.TARGET_LOST),
        ("die_midway", OutcomeReason.TARGET_LOST),
        ("status_400", OutcomeReason.INFERENCE_ERROR),
        ("nan", OutcomeReason.NON_FINITE_SCORE),
        ("wrong_id", OutcomeReason.BAD_ANSWER),
        ("other_model", OutcomeReason.BAD_ANSWER),
        ("two_scores", OutcomeReason.BAD_ANSWER),
        ("wrong_size", OutcomeReason.BAD_ANSWER),
        ("long_json", OutcomeReason.BAD_ANSWER),
        ("short_json", OutcomeReason.BAD_ANSWER),
        ("minus_json", OutcomeReason.BAD_ANSWER),
        ("short_length", OutcomeReason.BAD_ANSWER),
        ("gzip", OutcomeReason.BAD_ANSWER),
        ("html", OutcomeReason.BAD_ANSWER),
    ],
)
def test_what_is_no_decision_is_a_failed_frame(misdeed, reason):
    """Never "ok", never an exception; the next frame is judged by its own answer."""
    first, second = two_frames(misdeed)
    assert (first.outcome, first.reason, first.t_decided_ns) == (Outcome.FAILED, reason, 0)
    assert (second.outcome, second.defects) == (Outcome.DECIDED, 0)


@pytest.mark.parametrize("misdeed", ["nan", "two_scores", "text_score"])
def test_json_answers_are_read_as_strictly(misdeed):
    """Text where numbers belong, too few of them, NaN: failed frames too."""
    first, second = two_frames(misdeed, binary=False)
    assert (first.outcome, second.outcome) == (Outcome.FAILED, Outcome.DECIDED)


@pytest.mark.parametrize("misdeed", ["no_id", "chunked", "close_after"])
def test_what_the_protocol_allows_is_an_answer(misdeed):
    """The id need not come back; chunks and closed connections are HTTP."""
    first, second = two_frames(misdeed)
    assert (first.outcome, second.outcome) == (Outcome.DECIDED, Outcome.DECIDED)


def test_a_late_answer_is_not_taken_for_the_next_frames():
    """The white frame's answer comes too late; the black one still gets its own."""
    first, second = two_frames("late", timeout_ms=400)
    assert (first.reason, second.outcome, second.defects) == (OutcomeReason.NO_ANSWER, Outcome.DECIDED, 0)


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_the_request_is_the_protocols(dtype):
    """Name, shape, datatype and size of the tensor, an id of its own, binary output; any type of preprocess."""
    datatype = {"float32": "FP32", "float16": "FP16", "uint8": "UINT8"}[dtype]
    whole = {"scale": 1.0} if dtype == "uint8" else {}
    with serving(datatype=datatype) as service:
        target = make(service.url, preprocess=replace(PREPROCESS, dtype=dtype, **whole))
        target.prepare()
        done = target.process(WHITE)
        target.close()
        probe, asked = service.asked
    assert done.score == (510.0 if dtype == "uint8" else 2.0)
    assert (probe["id"], asked["id"]) == ("000000000001", "000000000002")
    (tensor,) = asked["inputs"]
    assert (tensor["name"], tensor["shape"], tensor["datatype"]) == ("image", [1, 3, 8, 8], datatype)
    assert asked["outputs"] == [{"name": "scores", "parameters": {"binary_data": True}}]


def test_the_tensor_in_the_request_is_aligned_and_little_endian():
    """Preprocess writes into the body itself, at full speed."""
    target = make("http://rig:1")
    assert target._request.tensor.ctypes.data % 16 == 0
    assert target._request.tensor.dtype == np.dtype("<f4")
    target._preprocess(WHITE)
    assert target._request.body.endswith(np.float32(1).tobytes())


def test_facts_name_server_model_and_version():
    """The record says who answered."""
    with serving() as service:
        target = make(service.url, model_version="7")
        facts = target.prepare()
        target.close()
    assert facts == {
        "runtime": "open_inference",
        "url": service.url,
        "model_name": "weld",
        "model_version": "7",
        "platform": "onnxruntime_onnx",
    }


@pytest.mark.parametrize(
    ("declared", "served", "words"),
    [
        ({"input_name": "x"}, {}, "the profile says input x, the server has image"),
        ({}, {"shape": (1, 3, 9, 8)}, r"input shape \[1, 3, 8, 8\], the server has \[-1, 3, 9, 8\]"),
        ({}, {"datatype": "FP16"}, "input type FP32, the server has FP16"),
        ({"output_name": "y"}, {}, "output y, the server has scores"),
        ({}, {"n_labels": 3}, r"one score per label \[1, 2\], the server has \[-1, 3\]"),
    ],
)
def test_another_model_is_refused_with_what_was_found(declared, served, words):
    """Declared and found stand side by side, before the first frame."""
    with serving(**served) as service, pytest.raises(PreconditionError, match=words):
        make(service.url, model=spec_for(**declared)).prepare()


def test_an_unknown_model_and_an_absent_server_are_told_apart():
    """The technician reads the url, what is wrong there, and what to start."""
    with serving() as service, pytest.raises(PreconditionError, match="/v2/models/other: status 404"):
        make(service.url, model_name="other").prepare()
    url = nobody()
    with pytest.raises(PreconditionError, match=f"GET {url}/v2/health/ready: Connection refused") as caught:
        make(url).prepare()
    assert f"start the server at {url} with model weld" in caught.value.hint


def test_names_are_escaped_in_paths():
    """A model's name cannot reach another path of the server."""
    options = OpenInferenceOptions(url="http://rig", model_name="../a b", model_version="1/2")
    assert options.model_path == "/v2/models/..%2Fa%20b/versions/1%2F2"


def test_blocks_that_nobody_would_read_are_refused():
    """Without preprocess there is no tensor; a backend beside a server would state what nobody runs."""
    with pytest.raises(UsageError, match="needs pipeline.preprocess"):
        make("http://rig:1", preprocess=None)
    with pytest.raises(UsageError, match="has no backend"):
        make("http://rig:1", backend=BackendSpec(name="null"))
