"""hilrig.target.infer_service: what is asked, what counts as an answer."""

import json

import numpy as np
import pytest

from foreign_services import after, nobody, serving
from hilrig.core.errors import PreconditionError, UsageError
from hilrig.core.frame import Outcome, OutcomeReason
from hilrig.core.profile import DecideSpec, ModelSpec, PipelineSpec
from hilrig.target.http_connection import N_PROBES
from hilrig.target.infer_request import BinaryRequest, _number_texts
from hilrig.target.infer_service import InferServiceOptions, InferServiceTarget

WHITE = np.full((8, 8, 3), 255, np.uint8)
BLACK = np.zeros((8, 8, 3), np.uint8)


def make(url, *, labels=("defect",), thresholds=None, **options):
    model = ModelSpec(files=(), bundle_sha256=None, input_name="", input_shape=(), output_name="", labels=labels)
    pipeline = PipelineSpec(
        target="infer_service",
        target_options={"url": url, "width_px": 8, "height_px": 8} | options,
        preprocess=None,
        backend=None,
        decide=DecideSpec(thresholds={labels[0]: 0.5} if thresholds is None else thresholds),
    )
    return InferServiceTarget(pipeline, model, None)


@pytest.fixture
def ask():
    """Return what becomes of the first frame after `prepare`, and of the one after it."""

    def two_frames(misdeed, **options):
        with serving(after(1, misdeed)) as service:
            target = make(service.url, **options)
            target.prepare()
            done = [target.process(WHITE), target.process(BLACK)]
            target.close()
        return done

    return two_frames


def test_a_frame_is_decided_by_the_services_score(ask):
    """White scores 1, black 0: the label is found in the first; no stage in between is seen."""
    white, black = ask("")
    assert (white.outcome, white.defects, white.score) == (Outcome.DECIDED, 1, 1.0)
    assert (black.outcome, black.defects, black.score) == (Outcome.DECIDED, 0, 0.0)
    assert (white.t_preprocessed_ns, white.t_inferred_ns) == (0, 0)
    assert 0 < white.t_decided_ns < black.t_decided_ns


@pytest.mark.parametrize(
    ("misdeed", "reason"),
    [
        ("die", OutcomeReason.TARGET_LOST),
        ("status_503", OutcomeReason.INFERENCE_ERROR),
        ("nan", OutcomeReason.NON_FINITE_SCORE),
        ("wrong_id", OutcomeReason.BAD_ANSWER),
        ("no_id", OutcomeReason.BAD_ANSWER),
        ("other_model", OutcomeReason.BAD_ANSWER),
        ("contradiction", OutcomeReason.BAD_ANSWER),
        ("text_score", OutcomeReason.BAD_ANSWER),
        ("bool_score", OutcomeReason.BAD_ANSWER),
        ("null_score", OutcomeReason.BAD_ANSWER),
        ("two_scores", OutcomeReason.BAD_ANSWER),
        ("huge_number", OutcomeReason.BAD_ANSWER),
        ("short_length", OutcomeReason.BAD_ANSWER),
        ("html", OutcomeReason.BAD_ANSWER),
        ("empty", OutcomeReason.BAD_ANSWER),
    ],
)
def test_what_is_no_decision_is_a_failed_frame(ask, misdeed, reason):
    """Never "ok", never an exception; the next frame is judged by its own answer."""
    first, second = ask(misdeed)
    assert (first.outcome, first.reason, first.t_decided_ns) == (Outcome.FAILED, reason, 0)
    assert (second.outcome, second.defects) == (Outcome.DECIDED, 0)


def test_a_late_answer_is_not_taken_for_the_next_frames(ask):
    """The white frame's answer comes too late; the black one still gets its own."""
    first, second = ask("late", timeout_ms=400)
    assert (first.reason, second.outcome, second.defects) == (OutcomeReason.NO_ANSWER, Outcome.DECIDED, 0)


def test_a_frame_is_asked_for_once():
    """A second try would hide a failure: two frames, two questions, whatever became of them."""
    with serving(after(1, "die")) as service:
        target = make(service.url)
        target.prepare()
        target.process(WHITE)
        target.process(WHITE)
        target.close()
        assert service.n_asked == 1 + 2


def test_the_tensor_is_planes_of_pixels_over_255():
    """Plane after plane in the order that was asked for, each number the float32 of pixel / 255."""
    pixels = np.random.default_rng(1).integers(0, 256, (6, 4, 3), np.uint8)
    with serving() as service:
        target = make(service.url, width_px=4, height_px=6, color_order="rgb")
        target.process(pixels)
        target.close()
        (asked,) = service.asked
    expected = (pixels[:, :, ::-1].transpose(2, 0, 1).reshape(-1) / 255).astype(np.float32)
    assert np.array_equal(np.array(asked["tensor"], np.float32), expected)
    assert asked["threshold"] == 0.5
    assert asked["correlation_id"] == "000000000001"


def test_every_pixel_value_has_a_text_that_gives_its_float32():
    """All 256 of them, as a parser of JSON reads them."""
    texts = [bytes(text).decode() for text in _number_texts()]
    read = np.array(json.loads(f"[{''.join(texts).rstrip(',')}]"), np.float32)
    assert np.array_equal(read, (np.arange(256) / 255).astype(np.float32))


def test_a_frame_of_another_size_is_resized_and_a_grey_one_has_failed():
    """The service gets the tensor that it takes; what is no colour image is this frame's failure."""
    with serving() as service:
        target = make(service.url)
        target.prepare()
        assert target.process(np.full((30, 20, 3), 255, np.uint8)).score == 1.0
        assert target.process(np.zeros((8, 8), np.uint8)).reason is OutcomeReason.PREPROCESS_ERROR
        target.close()
        assert [len(asked["tensor"]) for asked in service.asked] == [3 * 8 * 8] * 2


def test_prepare_says_where_nobody_answers():
    """A technician reads the url, what is wrong, what to start."""
    url = nobody()
    with pytest.raises(PreconditionError) as caught:
        make(url).prepare()
    assert caught.value.message == (
        f"the inference service gave no decision: POST {url}/infer: Connection refused"
    )
    assert caught.value.hint == f"start the service at {url}, or correct pipeline.target_options"


def test_a_cold_service_is_asked_again_and_a_broken_one_refused():
    """The service's own deadline may cut its first answers off; after the last try its status is told."""
    with serving(lambda n: "status_503" if n < N_PROBES else "") as service:
        target = make(service.url)
        assert target.prepare()["model_version"] == "weld-v1"
        target.close()
    with serving(lambda _: "status_503") as service, pytest.raises(PreconditionError, match="status 503"):
        make(service.url).prepare()


def test_only_one_threshold_can_be_meant():
    """The service gives one score: a threshold for another label would never be reached."""
    with pytest.raises(UsageError, match="one score, that of the first label 'a'"):
        make("http://rig:1", labels=("a", "b"), thresholds={"a": 0.5, "b": 0.5})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"url": "https://rig"}, "url must"),
        ({"url": "http://rig", "timeout_ms": 0}, "timeout_ms must be above 0"),
        ({"url": "http://rig", "timeout_ms": float("nan")}, "timeout_ms must be above 0"),
        ({"url": "http://rig", "timeout_ms": 60_000}, "at most 10000"),
        ({"url": "http://rig", "width_px": 0}, "width_px"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, words):
    """Before anything is asked."""
    with pytest.raises(ValueError, match=words):
        InferServiceOptions(**options)


def test_a_binary_request_holds_the_same_tensor_as_the_json():
    """float32, plane after plane, pixel / 255; the headers say so, the body is the tensor's bytes."""
    pixels = np.random.default_rng(2).integers(0, 256, (6, 4, 3), np.uint8)
    request = BinaryRequest(width_px=4, height_px=6, color_order="rgb")
    body = bytes(request.filled(pixels, "000000000009"))
    expected = pixels[:, :, ::-1].transpose(2, 0, 1)[np.newaxis] * np.float32(1 / 255)
    assert np.array_equal(np.frombuffer(body, "<f4").reshape(1, 3, 6, 4), expected)
    assert request.headers("000000000009") == {
        "Content-Type": "application/octet-stream",
        "X-Tensor-Dtype": "float32",
        "X-Tensor-Shape": "1,3,6,4",
        "X-Correlation-Id": "000000000009",
    }


def test_every_frame_has_the_next_number_whatever_becomes_of_it():
    """The first frame's number is told; a frame that cannot be sent, and one without an answer, use up theirs."""
    with serving(after(1, "die")) as service:
        target = make(service.url)
        first = target.prepare()["first_request"]
        frames = [WHITE, np.zeros((8, 8), np.uint8), BLACK, WHITE]
        outcomes = [target.process(frame).outcome for frame in frames]
        target.close()
        numbers = [int(asked["correlation_id"]) for asked in service.asked]
    assert [outcome.name for outcome in outcomes] == ["FAILED", "FAILED", "DECIDED", "DECIDED"]
    assert numbers == [first - 1, first, first + 2, first + 3]


def test_the_first_number_counts_the_questions_before_the_run():
    """A cold service is asked more than once before the run: the frames' numbers begin after that."""
    with serving(after(0, "status_503")) as service:
        target = make(service.url)
        assert target.prepare()["first_request"] == 3
        target.close()
