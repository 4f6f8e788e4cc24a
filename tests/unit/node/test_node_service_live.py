"""hilrig.node.service as a process: what clients get, what is refused.

The 19 defects of the seed's service, and the test that holds each: M is test_node_service_models.py, R is
test_node_service_requests.py, S is test_node_service_stalls.py, the others are here.

1   a tensor as a JSON list only: test_raw_bytes_and_camera_frames_are_decided
2   one NaN pixel passes a defective part: test_a_pixel_that_is_no_number_is_refused,
    test_a_score_that_is_no_number_is_never_ok
3   a 422 repeats the input: R test_json_that_is_no_request_is_refused_without_an_echo,
    test_a_mistake_is_not_repeated_to_its_maker
4   a thread for each request, never ended: S test_a_stalled_model_costs_neither_threads_nor_memory
5   late results run on: S test_a_late_answer_is_nobodys, S test_a_stuck_model_is_killed_and_loaded_again
6   a model's name walks out of the folder: M test_no_name_leads_out_of_the_store
7   nothing is verified at reload: M test_a_release_without_the_gates_word_is_not_loaded,
    M test_a_damaged_release_is_not_loaded
8   no warm-up, reloads race: M test_the_golden_sample_is_scored_before_a_model_serves,
    M test_of_two_reloads_the_last_one_asked_for_wins
9   a corrupt model is a bare 500: M test_a_model_that_does_not_load_leaves_the_old_one_serving
10  silent CPU fallback: M test_a_provider_that_is_not_there_is_no_fallback
11  liveness and readiness are one: S test_without_a_model_it_lives_and_is_not_ready
12  no authentication, all interfaces: S test_on_other_addresses_a_token_is_needed
13  the threshold is the client's: test_the_threshold_is_the_releases
14  shapes in code, [0][0] of any output: test_shapes_and_labels_are_the_releases,
    test_a_tensor_one_element_off_is_refused
15  side effects at import: S test_importing_the_service_does_nothing
16  the model's name without its hash: test_an_answer_names_the_model_by_its_digest
17  no limit of body or queue: test_ten_gigabytes_are_refused_unread, S test_a_full_queue_is_refused_at_once
18  exception text goes to the client: M test_what_the_runtime_says_stays_in_the_log
19  "in-flight requests complete against the old session" is untrue: M test_a_model_is_replaced_without_a_gap
"""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from hilrig.core.frame import Outcome
from hilrig.core.profile import DecideSpec, PipelineSpec
from hilrig.target.infer_service import InferServiceTarget
from hilrig.target.open_inference import OpenInferenceTarget
from node_services import NodeService
from small_models import PREPROCESS, SHAPE, spec_for
from staged_services import JSON, as_json, even, serving_a, staged_node

pytestmark = pytest.mark.waiting
SECRET = "part-4711-of-the-client"


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Iterator[SimpleNamespace]:
    with staged_node(tmp_path_factory.mktemp("node")) as found:
        yield found


@pytest.fixture
def service(node) -> NodeService:
    return serving_a(node)


def test_the_seeds_request_gets_the_seeds_answer(service):
    """A client written for the seed's service finds its keys, its types and its paths."""
    answer = service.ask("POST", "/infer", as_json(0.3, correlation_id="part-1"), **JSON)
    assert answer.status == 200
    found = answer.json
    assert found["defective"] is True
    assert found["score"] == pytest.approx(0.6, abs=1e-5)
    assert isinstance(found["latency_ms"], float)
    assert (found["model_version"], found["correlation_id"]) == ("a", "part-1")
    assert service.get("/healthz") == {"status": "ok", "active_model": "weld", "model_version": "a"}


def test_raw_bytes_and_camera_frames_are_decided(service):
    """A float32 tensor, and a BGR frame that the service preprocesses, give the decision of the JSON."""
    by_json = service.ask("POST", "/infer", as_json(0.2), **JSON).json
    raw = service.infer(even(0.2), X_Tensor_Dtype="float32", X_Tensor_Shape="1,3,8,8", X_Correlation_Id="9").json
    frame = np.full((8, 8, 3), 51, np.uint8)  # 51/255 is 0.2
    seen = service.infer(frame, X_Tensor_Dtype="uint8", X_Tensor_Shape="8,8,3").json
    for found in (raw, seen):
        assert found["score"] == pytest.approx(by_json["score"], abs=1e-6)
        assert found["defects"] == by_json["defects"] == []
    assert raw["correlation_id"] == "9"


def test_an_answer_names_the_model_by_its_digest(service, node):
    """The digest of the model's files and of the release stand in every answer, with what it took where."""
    found = service.infer(even(0.4)).json
    assert found["release_sha256"] == node.a
    assert found["model_sha256"] == node.store.open_release(node.a).manifest.bundle_sha256
    parts = found["parse_ms"] + found["queue_ms"] + found["infer_ms"]
    assert 0 < parts <= found["total_ms"] == found["latency_ms"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -0.01, 1.01, 255.0])
def test_a_pixel_that_is_no_number_is_refused(service, bad):
    """One pixel that is NaN, infinite or out of range is 422 with HR-204: it was 200 and "ok" in the seed."""
    tensor = even(0.3)
    tensor[0, 1, 2, 3] = bad
    answer = service.infer(tensor)
    assert (answer.status, answer.json["error_code"]) == (422, "HR-204")
    if np.isfinite(bad):
        values = json.dumps({"tensor": tensor.reshape(-1).tolist()})
        assert service.ask("POST", "/infer", values, **JSON).status == 422


def test_a_score_that_is_no_number_is_never_ok(service, node):
    """A model that scores NaN is a 500 with HR-205, and counted as such."""
    assert service.reload(release_sha256=node.nan).status == 200
    assert service.infer(even(0.1)).json["defective"] is True
    answer = service.infer(even(0.9))
    assert (answer.status, answer.json["error_code"]) == (500, "HR-205")
    window = service.get("/node/window")
    assert (window["release_sha256"], window["n"], window["n_failed"], window["n_non_finite"]) == (
        node.nan,
        2,
        1,
        1,
    )


@pytest.mark.parametrize("n", [191, 193, 0, 1])
def test_a_tensor_one_element_off_is_refused(service, n):
    """191 or 193 elements are no tensor of 192, in JSON and as bytes."""
    assert service.ask("POST", "/infer", json.dumps({"tensor": [0.5] * n}), **JSON).status == 422
    assert service.infer(np.zeros(n, np.float32)).status in (413, 422)


def test_shapes_and_labels_are_the_releases(service, node):
    """Another release with another output and three labels is served as it says, not as code says."""
    assert service.reload(release_sha256=node.three).status == 200
    found = service.infer(even(0.3)).json
    assert found["defects"] == ["y"]
    assert found["score"] == pytest.approx(0.6, abs=1e-5)  # of the one label with a threshold
    assert service.get("/v2/models/weld")["outputs"] == [{"name": "out", "datatype": "FP32", "shape": [1, 3]}]


def test_the_threshold_is_the_releases(service):
    """A threshold other than the signed one is refused; the signed one, or none, is fine."""
    assert service.ask("POST", "/infer", as_json(0.3, threshold=0.99), **JSON).status == 422
    assert service.ask("POST", "/infer", as_json(0.3, threshold=0.5), **JSON).json["defective"] is True


def test_a_mistake_is_not_repeated_to_its_maker(service):
    """3 MB of texts in place of numbers get some hundred bytes back, soon (the seed: 112 MB in 35 s)."""
    wrong = json.dumps({"tensor": [SECRET] * 100}).encode()
    began = time.monotonic()
    answer = service.ask("POST", "/infer", wrong, **JSON)
    assert (answer.status, len(answer.body) < 400) == (422, True)
    assert SECRET.encode() not in answer.body
    assert time.monotonic() - began < 30


def spoken(service: NodeService, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Return what a raw connection answers until it is closed or silent for 5 s."""
    with socket.create_connection((service.host, service.port), timeout=60) as line:
        try:
            for part in parts:
                line.sendall(part)
                time.sleep(pause_s)
        except OSError:
            pass  # it has had enough
        said = b""
        try:
            while chunk := line.recv(65536):
                said += chunk
        except OSError:
            pass
        return said


def head(path: str, *more: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *more, "", ""]).encode()


OCTETS = "Content-Type: application/octet-stream"
JSON_MEDIA = "Content-Type: application/json"


def test_ten_gigabytes_are_refused_unread(service):
    """A stated length over the cap is a 413 and the end of the connection, before a byte of the body."""
    for path, media in (("/infer", OCTETS), ("/infer", JSON_MEDIA), ("/reload-model", JSON_MEDIA)):
        said = spoken(service, head(path, media, "Content-Length: 10000000000"))
        assert said.startswith(b"HTTP/1.1 413 "), said
        assert b"connection: close" in said.lower()


def test_chunks_are_capped(service):
    """Without a length the cap holds as well."""
    chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
    said = spoken(service, head("/infer", OCTETS, "Transfer-Encoding: chunked"), chunk * 3)
    assert said.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 422 ")), said


def test_a_body_with_no_end_in_sight_is_cut_off(service):
    """A client that drips bytes gets a 503 at the ceiling and a closed connection; no fault of the model's."""
    before, began = service.get("/node/window")["n_timeout"], time.monotonic()
    said = spoken(service, head("/infer", OCTETS, "Content-Length: 768"), *[b"x"] * 30, pause_s=0.1)
    assert said.startswith(b"HTTP/1.1 503 "), said
    assert b"the body did not come" in said
    assert time.monotonic() - began < 30
    assert service.get("/node/window")["n_timeout"] == before
    assert service.infer(even(0.3)).status == 200


def test_headers_with_no_end_in_sight_are_cut_off(service):
    """A connection that never finishes its headers is closed."""
    assert spoken(service, b"POST /infer HTTP/1.1\r\nX-Slow: ", *[b"x"] * 30, pause_s=0.1) == b""


def test_time_is_counted_from_the_first_byte(service):
    """A body that takes 300 ms to come is 300 ms of latency: the seed started its clock after parsing."""
    data = even(0.3).tobytes()
    said = spoken(
        service,
        head("/infer", OCTETS, "Content-Length: 768", "Connection: close"),
        data[:400],
        data[400:],
        pause_s=0.15,
    )
    found = json.loads(said.partition(b"\r\n\r\n")[2])
    assert found["latency_ms"] >= found["parse_ms"] >= 280


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_told_so(service, method):
    """Only POST decides."""
    assert service.ask(method, "/infer").status == 405
    assert service.ask(method, "/reload-model").status == 405


def test_a_body_of_another_kind_is_told_so(service):
    """A form of a web page cannot load a model or ask for a decision."""
    for path in ("/infer", "/reload-model"):
        assert service.ask("POST", path, b"model_name=weld", Content_Type="text/plain").status == 415


def pipeline_for(target: str, **options) -> PipelineSpec:
    return PipelineSpec(
        target=target,
        target_options=options,
        preprocess=PREPROCESS if target == "open_inference" else None,
        backend=None,
        decide=DecideSpec(thresholds={"a": 0.5}),
    )


def test_the_harness_measures_it_through_the_open_inference_protocol(service):
    """Our own client, which knows Triton's and OVMS's ways, takes this service for one of them."""
    pipeline = pipeline_for("open_inference", url=service.url, model_name="weld", model_version="a")
    target = OpenInferenceTarget(pipeline, spec_for("model.onnx"), Path())
    assert target.prepare()["model_version"] == "a"
    done = [target.process(np.full((8, 8, 3), level, np.uint8)) for level in (255, 0)]
    target.close()
    assert [one.outcome for one in done] == [Outcome.DECIDED] * 2
    assert [(one.defects, round(one.score, 4)) for one in done] == [(1, 1.0), (0, 0.0)]


def test_the_harness_measures_it_through_the_seeds_protocol(service, node):
    """The client for the seed's service works against it; one label, one threshold, as the seed has it."""
    assert service.reload(release_sha256=node.three).status == 200  # its one threshold is 0.5
    pipeline = pipeline_for("infer_service", url=service.url, width_px=8, height_px=8)
    target = InferServiceTarget(pipeline, spec_for("model.onnx"), Path())
    assert target.prepare()["model_version"] == "three"
    done = [target.process(np.full((8, 8, 3), level, np.uint8)) for level in (255, 0)]
    target.close()
    assert [(one.outcome, one.defects) for one in done] == [(Outcome.DECIDED, 1), (Outcome.DECIDED, 0)]


def test_v2_speaks_json_as_well(service):
    """Data in the JSON, flat or nested, and an answer in JSON."""
    tensor = {"name": "image", "shape": list(SHAPE), "datatype": "FP32", "data": even(0.25).tolist()}
    answer = service.ask("POST", "/v2/models/weld/infer", json.dumps({"id": "q", "inputs": [tensor]}), **JSON).json
    assert (answer["id"], answer["model_version"]) == ("q", "a")
    assert answer["outputs"][0]["data"] == pytest.approx([0.25, 0.5], abs=1e-5)


@pytest.mark.parametrize("model", ["other", "..%2f..%2fetc", "weld/versions/2", "%00"])
def test_v2_knows_one_model(service, model):
    """Another name or version is a 404."""
    tensor = {"name": "image", "shape": list(SHAPE), "datatype": "FP32", "data": even(0.25).reshape(-1).tolist()}
    body = json.dumps({"inputs": [tensor]})
    assert service.ask("POST", f"/v2/models/{model}/infer", body, **JSON).status == 404
    assert service.ask("GET", f"/v2/models/{model}").status == 404


def test_metrics_carry_the_seeds_labels(service):
    """What Prometheus reads counts decisions by ok, defective, timeout and error."""
    service.infer(even(0.1))
    service.infer(even(0.9))
    metrics = NodeService(service.process, service.metrics_url, "", service.log_path).ask("GET", "/metrics")
    text = metrics.body.decode()
    assert 'hilrig_inference_latency_seconds_count{label="ok",model_version="a"}' in text
    assert 'hilrig_inference_requests_total{error_code="",label="defective",model_version="a"}' in text
    assert "hilrig_service_ready 1.0" in text
