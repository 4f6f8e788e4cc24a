"""hilrig.node.service as a process: which models it loads, and how one is replaced by another."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from node_services import NodeService
from staged_services import even, serving_a, staged_node

pytestmark = pytest.mark.waiting


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Iterator[SimpleNamespace]:
    with staged_node(tmp_path_factory.mktemp("node")) as found:
        yield found


@pytest.fixture
def service(node) -> NodeService:
    return serving_a(node)


@pytest.mark.parametrize(
    "name", ["/tmp/evil", "../evil", "..", ".", "weld/../weld", "weld\x00", "", "x" * 129, "releases", "%2e%2e"]
)
def test_no_name_leads_out_of_the_store(service, node, name):
    """A model's name is looked up among releases; it is never a part of a path."""
    assert service.reload(model_name=name).status == 404
    assert service.reload(release_sha256=name).status == 422
    assert service.get("/healthz")["model_version"] == "a"


def test_a_release_without_the_gates_word_is_not_loaded(service, node):
    """A release in the store whose gate decision does not hold is 422 with HR-303; the old one serves on."""
    answer = service.reload(release_sha256=node.undecided)
    assert (answer.status, answer.json["error_code"]) == (422, "HR-303")
    assert service.get("/node/status")["active"]["release_sha256"] == node.a


def test_a_damaged_release_is_not_loaded(service, node):
    """One changed byte in a file of the release is found before anything is loaded."""
    path = next((node.store.folder / "releases" / node.damaged / "model").glob("golden.bin"))
    path.chmod(0o644)
    kept = path.read_bytes()
    try:
        path.write_bytes(b"\x01" + kept[1:])
        answer = service.reload(release_sha256=node.damaged)
        assert (answer.status, answer.json["error_code"]) == (422, "HR-101")
    finally:
        path.write_bytes(kept)  # a hard link: the file is that of other releases too


def test_the_golden_sample_is_scored_before_a_model_serves(service, node):
    """A model that scores the golden sample differently on this node does not come to serve."""
    answer = service.reload(release_sha256=node.other_scores)
    assert (answer.status, answer.json["error_code"]) == (422, "HR-202")
    assert service.get("/healthz")["model_version"] == "a"


def test_a_provider_that_is_not_there_is_no_fallback(service, node):
    """A release for CUDA does not come up on the CPU in silence."""
    assert service.reload(release_sha256=node.no_cuda).json["error_code"] == "HR-202"
    assert service.get("/healthz")["model_version"] == "a"


def test_a_model_that_does_not_load_leaves_the_old_one_serving(service, node):
    """A file that is no model: 422, and requests go on being decided by the one before."""
    answer = service.reload(release_sha256=node.corrupt)
    assert (answer.status, answer.json["error_code"]) == (422, "HR-202")
    assert service.infer(even(0.3)).json["release_sha256"] == node.a


def test_what_the_runtime_says_stays_in_the_log(service, node):
    """Neither paths nor exceptions of ours go to a client."""
    for sha256 in (node.corrupt, node.no_cuda, "0" * 64):
        answer = service.reload(release_sha256=sha256)
        assert str(node.folder) not in answer.body.decode()
        assert "Error" not in answer.json["detail"]
        assert len(answer.body) < 400


def test_a_model_is_replaced_without_a_gap(service, node):
    """Under traffic every request is decided, by the release that its answer names; then the new one serves."""
    thresholds = {node.a: [], node.strict: ["a", "b"]}
    answers, ended = [], threading.Event()

    def ask() -> None:
        own = NodeService(service.process, service.url, service.metrics_url, service.log_path)
        while not ended.is_set():
            answers.append(own.infer(even(0.1)))

    with ThreadPoolExecutor(2) as pool:
        asking = [pool.submit(ask) for _ in range(2)]
        assert service.reload(release_sha256=node.strict).status == 200
        assert service.infer(even(0.1)).json["release_sha256"] == node.strict
        ended.set()
        for one in asking:
            one.result()
    assert {answer.status for answer in answers} == {200}
    assert {answer.json["release_sha256"] for answer in answers} >= {node.a}
    assert all(answer.json["defects"] == thresholds[answer.json["release_sha256"]] for answer in answers)
    service.until(lambda: len(service.engines()) == 1)  # the old process is gone


def test_of_two_reloads_the_last_one_asked_for_wins(service, node):
    """The first is told so with a 409; what serves is what was asked for last."""
    first = NodeService(service.process, service.url, service.metrics_url, service.log_path)
    service.until(lambda: len(service.engines()) == 1)  # one that an earlier test replaced is still ending
    with ThreadPoolExecutor(1) as pool:
        early = pool.submit(first.reload, release_sha256=node.strict)
        service.until(lambda: len(service.engines()) == 2)
        late = service.reload(release_sha256=node.b)
        assert (early.result().status, late.status) == (409, 200)
    assert service.get("/healthz")["model_version"] == "b"


def test_a_shadow_is_compared_and_never_answers(service, node):
    """Inputs are shown to it when it is idle, disagreements counted; the answers are the serving model's."""
    assert service.reload(release_sha256=node.strict, mode="shadow").status == 200
    assert service.get("/node/window")["shadow"]["n"] == 0

    def ask() -> bool:
        assert service.infer(even(0.1)).json["release_sha256"] == node.a
        return service.get("/node/window")["shadow"]["n"] >= 3

    service.until(ask)
    shadow = service.get("/node/window")["shadow"]
    assert shadow["release_sha256"] == node.strict
    assert shadow["n_disagreed"] == shadow["n"] - shadow["n_failed"] >= 3
    assert service.infer(even(0.9)).json["defects"] == ["a", "b"]
    assert shadow["p95_ms"] > 0


def test_a_shadow_that_dies_is_nobodys_failure(service, node):
    """The serving model goes on; the window has no shadow any more."""
    assert service.reload(release_sha256=node.strict, mode="shadow").status == 200
    service.engines()[-1].kill()
    service.until(lambda: service.get("/node/window")["shadow"] is None)
    assert service.infer(even(0.3)).status == 200


def test_a_shadow_of_another_shape_is_refused(service, node, tmp_path):
    """What takes another input cannot be shown this one's."""
    answer = service.reload(release_sha256=node.corrupt, mode="shadow")
    assert answer.status == 422
    assert service.reload(release_sha256=node.a, mode="both").status == 422
