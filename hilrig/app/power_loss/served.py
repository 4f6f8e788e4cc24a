"""hilrig's own node on a rig, asked over HTTP after each cut which model answers.

Its service is started for that.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from securesystemslib.signer import Signer

from hilrig.app.power_loss import node_service_asker
from hilrig.app.power_loss.model import SHAPE, mean_model
from hilrig.app.power_loss.subject import (
    TestReleases,
    make_releases,
    node_subject,
    passing_decision,
)
from hilrig.attest.envelope import sign
from hilrig.attest.gate_decision import build_gate_decision
from hilrig.attest.keys import load_signer
from hilrig.config.noun_json import from_json, to_json
from hilrig.core.canonical import sha256_hex
from hilrig.core.power_loss import UpdateSubject
from hilrig.core.profile import BackendSpec
from hilrig.core.release import FILES_FOLDER, GATE_DECISION_FILE, RELEASE_FILE, ReleaseFile, ReleaseManifest
from hilrig.target.model_files import bundle_sha256

SCALES: Final = {"A": 1.0, "B": 2.0}
"""What each release's model makes of ones: the score tells which of them answered."""
MODEL: Final = "model.onnx"
NOTE_CHARACTERS: Final = 96 << 10
"""Two dozen blocks of a model: enough to be torn."""


def served_node(folder: Path) -> UpdateSubject:
    """Return the node with two releases that its service can serve, made in `folder`."""
    releases = _with_models(make_releases(folder))
    scores = {releases.sha256[name]: scale for name, scale in SCALES.items()}
    asker = str(Path(node_service_asker.__file__))
    return replace(
        node_subject(releases),
        ask=(sys.executable, asker, "{store}", json.dumps(scores)),
        ask_many=(),
    )


def _with_models(releases: TestReleases) -> TestReleases:
    """Put a real model into each release and have the gate decide anew."""
    signer = load_signer(releases.gate_key.with_suffix(".pem"), passphrase=None)
    sha256 = {name: _with_model(folder, name, signer) for name, folder in releases.folders.items()}
    return replace(releases, sha256=sha256)


def _with_model(folder: Path, name: str, signer: Signer) -> str:
    manifest = from_json(ReleaseManifest, (folder / RELEASE_FILE).read_bytes(), what=RELEASE_FILE)
    model = mean_model(scale=SCALES[name], note=_noise(name))
    digest, bundle = sha256_hex(model), bundle_sha256({MODEL: sha256_hex(model)})
    manifest = replace(
        manifest,
        files=(ReleaseFile(path=MODEL, sha256=digest, size_bytes=len(model)),),
        bundle_sha256=bundle,
        model=replace(manifest.model, files=(MODEL,), bundle_sha256=bundle, input_shape=SHAPE),
        pipeline=replace(manifest.pipeline, backend=BackendSpec(name="onnx", options={})),
    )
    data = to_json(manifest)
    (folder / FILES_FOLDER / digest).write_bytes(model)
    (folder / RELEASE_FILE).write_bytes(data)
    decision = build_gate_decision(passing_decision(sha256_hex(data), {MODEL: digest}, sequence=manifest.sequence))
    (folder / GATE_DECISION_FILE).write_bytes(sign(decision, signer))
    return sha256_hex(data)


def _noise(name: str) -> str:
    """Return text of which no block is like another, the same every time."""
    return "".join(sha256_hex(f"{name} {index}".encode()) for index in range(NOTE_CHARACTERS // 64))
