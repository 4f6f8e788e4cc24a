"""A node that follows its desired state, and a desired state that is deployed to clusters."""

import os
from pathlib import Path

import pytest

from deployments import DIGEST, desired_for
from following_nodes import Node, ScriptedService
from gated_releases import Publisher
from hilrig.attest.desired_state import build_desired_state
from hilrig.attest.envelope import sign
from hilrig.config.noun_json import from_json
from hilrig.core.release import ReleaseManifest
from hilrig.node.agent import updates as updates_module
from hilrig.node.deploy.deployment import Deployment
from hilrig.node.trust import gate_accept
from node_services import gate, write_tiny_release


@pytest.fixture(scope="module")
def publisher(tmp_path_factory) -> Publisher:
    return Publisher(tmp_path_factory.mktemp("published"))


@pytest.fixture
def node(publisher, tmp_path, monkeypatch) -> Node:
    """Return a node that runs release 1. The smoke test, a process of its own, is left to its own tests."""
    monkeypatch.setattr(updates_module, "smoke_test", lambda *_: {})
    store = publisher.store(os.fspath(tmp_path / "store"))
    first = publisher.release(1)
    store.stage(publisher.out / "releases" / first, accept=gate_accept(store.folder))
    store.activate(first, accept=gate_accept(store.folder))
    store.confirm(first)
    return Node(publisher, store, ScriptedService(serving=first))


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Return the file of a signed desired state, its release beside it, the public key in `desired.pub`."""
    sha256 = write_tiny_release(tmp_path / "release")
    signer, pem = gate()
    (tmp_path / "desired.pub").write_bytes(pem)
    path = tmp_path / "desired.dsse.json"
    path.write_bytes(sign(build_desired_state(desired_for(sha256)), signer))
    return path


@pytest.fixture
def deployment(published: Path) -> Deployment:
    folder = published.parent
    sha256 = write_tiny_release(folder / "again")
    desired = desired_for(sha256, release_url="https://models.example/weld")
    manifest = from_json(ReleaseManifest, (folder / "again" / "release.json").read_bytes(), what="release.json")
    return Deployment(
        code_version="1.2.0",
        image=DIGEST,
        desired=desired,
        desired_file=published.read_bytes(),
        desired_url="",
        manifest=manifest,
        keys={"keys/gate/gate.pub": gate()[1], "keys/desired/line.pub": gate()[1]},
        plc_url="modbus://10.0.0.7:502?unit=1",
    )
