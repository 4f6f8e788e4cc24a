import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from gated_releases import Publisher
from hilrig.core.canonical import sha256_hex
from hilrig.core.profile import BackendSpec, DecideSpec, PipelineSpec
from hilrig.core.release import FILES_FOLDER, GoldenSample, ReleaseFile
from hilrig.node.agent.errors import SmokeTestError
from hilrig.node.agent.smoke import SmokeLimits, smoke_test
from hilrig.node.trust import gate_accept
from small_models import PREPROCESS, SHAPE, build_model

pytestmark = pytest.mark.waiting

LIMITS = SmokeLimits(time_s=60, memory_mib=2048)


@pytest.fixture(scope="module")
def publisher(tmp_path_factory) -> Publisher:
    return Publisher(tmp_path_factory.mktemp("smoke"))


@pytest.fixture(scope="module")
def tested(publisher):
    """Return what stages a release and puts it to the test."""
    store = publisher.store()

    def test(sha256: str, limits: SmokeLimits = LIMITS):
        store.stage(publisher.out / "releases" / sha256, accept=gate_accept(store.folder))
        return smoke_test(store.folder / "releases" / sha256, sha256, limits)

    return test


def with_golden(publisher: Publisher, sequence: int, scores: tuple[float, ...]) -> str:
    """Publish a release with a golden sample of half-white input."""
    tensor = np.full(SHAPE, 0.5, "<f4").tobytes()
    digest = sha256_hex(tensor)
    (file,) = publisher.manifest(publisher.release(sequence)).files
    sample = ReleaseFile(path="golden/input.bin", sha256=digest, size_bytes=len(tensor))
    golden = GoldenSample(input_sha256=digest, scores=scores, tolerance=1e-3)
    decide = {"model_files_sha256": {file.path: file.sha256}}
    sha256 = publisher.release(sequence, files=(file, sample), golden=golden, decide=decide)
    (publisher.out / "releases" / sha256 / FILES_FOLDER / digest).write_bytes(tensor)
    return sha256


def broken_model(operator: str) -> bytes:
    """Return a model that loads and scores what is not finite: the mean of the image, then `operator`."""
    model = build_model()
    model.graph.node[2].output[0] = "before"
    model.graph.node.append(helper.make_node(operator, ["before"], ["scores"]))
    onnx.checker.check_model(model)
    return model.SerializeToString()


def pipeline_on(provider: str) -> PipelineSpec:
    backend = BackendSpec(name="onnx", options={"providers": [provider]})
    return PipelineSpec(
        target="in_process", preprocess=PREPROCESS, backend=backend, decide=DecideSpec(thresholds={"a": 0.5})
    )


def test_a_sound_release_tells_what_runs_it(publisher, tested):
    """It loads on the declared provider, gives the golden scores, and says which runtime that was."""
    facts = tested(with_golden(publisher, 1, (0.5, 1.0)))
    assert facts["delegate_active"] == "CPUExecutionProvider"
    assert facts["runtime_version"].startswith("onnxruntime ")


def test_other_golden_scores_fail_it(publisher, tested):
    """A model that scores its known input otherwise on this node does not go near the line."""
    with pytest.raises(SmokeTestError, match="scores differently"):
        tested(with_golden(publisher, 2, (0.5, 1.1)))


def test_scores_that_are_not_finite_fail_it(publisher, tested):
    """A model whose score is no number passes every comparison: it fails here, by the logarithm of zero."""
    with pytest.raises(SmokeTestError, match="not finite"):
        tested(publisher.release(3, model=broken_model("Log")))


def test_a_file_that_is_no_model_fails_it(publisher, tested):
    """The digests are right, the content is no model: said in words, not as a crash."""
    with pytest.raises(SmokeTestError, match="smoke test"):
        tested(publisher.release(4, model=b"not a model" * 100))


def test_a_provider_that_is_not_there_fails_it(publisher, tested):
    """Falling back to the CPU in silence is what the declared provider forbids."""
    with pytest.raises(SmokeTestError, match="CUDAExecutionProvider"):
        tested(publisher.release(5, pipeline=pipeline_on("CUDAExecutionProvider")))


def test_a_release_that_takes_too_long_is_ended(publisher, tested):
    """The process is killed at its limit, and the message has the number."""
    with pytest.raises(SmokeTestError, match="not done within 0.05 s"):
        tested(publisher.release(6), SmokeLimits(time_s=0.05, memory_mib=2048))


def test_a_release_that_takes_too_much_memory_is_ended(publisher, tested):
    """A model with more than its memory does not take the node's: the test fails, this process lives on."""
    size = 40_000_000  # 160 MB of weights
    model = build_model()
    model.graph.node.insert(
        0, helper.make_node("ConstantOfShape", ["size"], ["filled"], value=helper.make_tensor("v", 1, [1], [1.0]))
    )
    model.graph.initializer.append(helper.make_tensor("size", TensorProto.INT64, [1], [size * 20]))
    model.graph.node.insert(1, helper.make_node("ReduceMax", ["filled"], ["one"], keepdims=0))
    model.graph.node[-1].output[0] = "before"
    model.graph.node.append(helper.make_node("Mul", ["before", "one"], ["scores"]))
    with pytest.raises(SmokeTestError, match="smoke test"):
        tested(publisher.release(7, model=model.SerializeToString()), SmokeLimits(time_s=60, memory_mib=1024))
