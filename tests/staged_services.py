"""A node's service with other releases staged beside the one that it serves."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from hilrig.core.profile import BackendSpec, DecideSpec
from hilrig.node.trust import gate_accept
from node_releases import accept_any
from node_services import PIPELINE, NodeService, install, make_store, serving_node, write_tiny_release
from small_models import SHAPE, build_model, spec_for

JSON = {"Content_Type": "application/json"}


def even(value: float) -> np.ndarray:
    """Return a tensor whose mean is this value: the scores are it and twice it."""
    return np.full(SHAPE, value, np.float32)


def as_json(value: float, **more) -> str:
    return json.dumps({"tensor": even(value).reshape(-1).tolist(), **more})


def sometimes_nan_model() -> bytes:
    """Return a model that is fine on the golden sample, and scores NaN where the input's mean is over 0.6."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Sub", ["edge", "mean"], ["left"]),
        helper.make_node("Sqrt", ["left"], ["root"]),
        helper.make_node("Mul", ["root", "weights"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "sometimes",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 2])],
        [
            numpy_helper.from_array(np.float32(0.6), "edge"),
            numpy_helper.from_array(np.ones((1, 2), np.float32), "weights"),
        ],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


@contextmanager
def staged_node(folder: Path) -> Iterator[SimpleNamespace]:
    """Give a running service on release `a`, and the digests of others that lie staged in its store."""
    store = make_store(folder / "store")
    accept = gate_accept(store.folder)

    def stage(name: str, **changes) -> str:
        write_tiny_release(folder / name, **{"version": name, **changes})
        return store.stage(folder / name, accept=accept)

    def undecided(name: str) -> str:
        write_tiny_release(folder / name, version=name)
        (folder / name / "gate.dsse.json").write_bytes(b'{"payload": ""}')
        return store.stage(folder / name, accept=accept_any)

    write_tiny_release(folder / "a", version="a")
    found = SimpleNamespace(
        folder=folder,
        store=store,
        a=install(store, folder / "a"),
        b=stage("b"),
        strict=stage("strict", pipeline=replace(PIPELINE, decide=DecideSpec(thresholds={"a": 0.05, "b": 0.05}))),
        nan=stage("nan", graph=sometimes_nan_model(), golden=False),
        other_scores=stage("other-scores", golden_scores=(0.3, 0.6)),
        no_cuda=stage(
            "no-cuda",
            pipeline=replace(
                PIPELINE, backend=BackendSpec(name="onnx", options={"providers": ["CUDAExecutionProvider"]})
            ),
        ),
        corrupt=stage("corrupt", graph=b"no model at all", golden=False),
        three=stage(
            "three",
            graph=build_model(n_labels=3, output_name="out").SerializeToString(),
            golden=False,
            model=replace(spec_for("model.onnx"), labels=("x", "y", "z"), output_name="out"),
            pipeline=replace(PIPELINE, decide=DecideSpec(thresholds={"y": 0.5})),
        ),
        undecided=undecided("undecided"),
        damaged=stage("damaged", config_version="c2"),
    )
    with serving_node(store.folder, "--shadow-every", "1") as service:
        found.service = service
        yield found


def serving_a(node: SimpleNamespace) -> NodeService:
    """Return the node's service with release `a` in place."""
    if node.service.get("/healthz").get("model_version") != "a":
        assert node.service.reload(release_sha256=node.a).status == 200
    return node.service


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Iterator[SimpleNamespace]:
    with staged_node(tmp_path_factory.mktemp("node")) as found:
        yield found
