"""hilrig's own node as the subject of a power-loss test: two small releases, passed by a gate of its own."""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from securesystemslib.signer import Signer

from hilrig.attest.envelope import sign
from hilrig.attest.gate_decision import Evidence, GateDecision, build_gate_decision
from hilrig.attest.keys import create_key, load_signer
from hilrig.config.noun_json import to_json
from hilrig.core.canonical import sha256_hex
from hilrig.core.power_loss import UpdateStep, UpdateSubject
from hilrig.core.profile import DecideSpec, ModelSpec, PipelineSpec
from hilrig.core.release import FILES_FOLDER, GATE_DECISION_FILE, RELEASE_FILE, ReleaseFile, ReleaseManifest
from hilrig.target.model_files import bundle_sha256

NAME: Final = "hilrig node"
DEVICE_CLASS: Final = "power-loss-test"
"""Of these releases alone: no real node takes one for its own."""
ISSUED_UTC: Final = "2020-01-01T00:00:00Z"
EXPIRES_UTC: Final = "2100-01-01T00:00:00Z"
"""No clock of a rig that lost its power is outside; the key dies with the test."""
FILE_BYTES: Final = {"model.onnx": 96 << 10, "model.onnx.data": 40 << 10}
"""Several blocks each, and two files: a model is whole only with both."""
_BOOT: Final = (
    "import json, sys; from pathlib import Path; from hilrig.node.store import Store; "
    "Store(Path(sys.argv[1]), tell=lambda point, _: print(json.dumps({'event': point}), flush=True)).boot()"
)
_ASK: Final = """printf '%s\\n' "$1" | "$0" -m hilrig.node.ask"""


_CUT_SHORT: Final = 'HILRIG_CRASH_AT="${HILRIG_CRASH_AT:-$0}" "$@" || test $? -ge 128'


@dataclass(frozen=True, slots=True, kw_only=True)
class TestReleases:
    """Two releases on a disk, and the key of the gate that passed them.

    Args:
        folders: by `A` and `B`.
        sha256: of each: its name in a store.
        gate_key: the public half.
    """

    folders: Mapping[str, Path]
    sha256: Mapping[str, str]
    gate_key: Path


def make_releases(folder: Path) -> TestReleases:
    """Make the two releases in a folder."""
    key = create_key(folder / "keys", "gate", passphrase=None)
    signer = load_signer(key.public_path.with_suffix(".pem"), passphrase=None)
    sha256 = {
        name: _make_release(folder / name, name, sequence=number, signer=signer)
        for number, name in enumerate(("A", "B"), start=1)
    }
    return TestReleases(folders={name: folder / name for name in sha256}, sha256=sha256, gate_key=key.public_path)


def node_subject(releases: TestReleases, *, python: str = sys.executable) -> UpdateSubject:
    """Return the node of this hilrig; `python` and the releases are paths where its commands run."""
    verbs = _Verbs(python=python, releases=releases)
    staged = verbs.step("stage", "B", during="A", after="A")
    tried = (
        staged,
        verbs.step("activate", "B", during="AB", after="B"),
        verbs.boot(runs="B"),
    )
    confirmed = verbs.step("confirm", "B", during="B", after="B")
    back = verbs.step("rollback", "--reason", "power-loss test", during="AB", after="A")
    resumed = (
        verbs.cut_short("stage", "B", at="stage.file:2", allowed=("A",)),
        staged,
        verbs.cut_short("activate", "B", at="state.linked", allowed=("A", "B")),
        *tried[1:],
        verbs.cut_short("confirm", "B", at="state.written", allowed=("B",)),
        confirmed,
    )
    return UpdateSubject(
        name=NAME,
        install=("sh", "-ec", "\n".join(shlex.join(one.argv) for one in verbs.install())),
        episodes={
            "install": verbs.install(),
            "update": (*tried, confirmed, verbs.step("collect", during="B", after="B")),
            "update taken up again": resumed,
            "rollback of a trial": (*tried, back, verbs.step("collect", during="A", after="A")),
            "rollback of an update": (*tried, confirmed, back),
        },
        ask=("sh", "-c", _ASK, python, "{store}"),
        ask_many=(python, "-m", "hilrig.node.ask"),
        releases=releases.sha256,
        writes_trace=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verbs:
    """The node's commands as steps. `during` and `after` are letters of releases, empty for none."""

    python: str
    releases: TestReleases

    def install(self) -> tuple[UpdateStep, ...]:
        """Return what makes a store with A confirmed in it."""
        identity = ("--node-id", "cut", "--device-class", DEVICE_CLASS, "--reserve-mib", "0")
        return (
            self.step("init", *identity, "--gate-key", str(self.releases.gate_key), during="", after=""),
            self.step("stage", "A", during="", after=""),
            UpdateStep(
                name="activate",
                argv=self._argv("activate", self.releases.sha256["A"]),
                may_run_during=("none", "A"),
                may_run_after=("A",),
            ),
            self.boot(runs="A"),
            self.step("confirm", "A", during="A", after="A"),
        )

    def step(self, verb: str, *words: str, during: str, after: str) -> UpdateStep:
        """Return a verb on a release (`A`, `B`) or with words of its own."""
        named = [self._release(verb, word) for word in words]
        return UpdateStep(
            name=verb,
            argv=self._argv(verb, *named),
            may_run_during=tuple(during) or ("none",),
            may_run_after=tuple(after) or ("none",),
        )

    def cut_short(self, verb: str, word: str, *, at: str, allowed: tuple[str, ...]) -> UpdateStep:
        """Return a verb that dies at a point: what is tried then is how the next one gets on with what it left."""
        argv = self._argv(verb, self._release(verb, word))
        return UpdateStep(
            name=f"{verb}, cut short",
            argv=("sh", "-c", _CUT_SHORT, at, *argv),
            may_run_during=allowed,
            may_run_after=allowed,
        )

    def boot(self, *, runs: str) -> UpdateStep:
        """Return a start of the node: it writes, too: a try less."""
        return UpdateStep(
            name="boot",
            argv=(self.python, "-c", _BOOT, "{store}"),
            may_run_during=(runs,),
            may_run_after=(runs,),
        )

    def _argv(self, verb: str, *words: str) -> tuple[str, ...]:
        return (self.python, "-m", "hilrig", "node", verb, *words, "--store", "{store}", "--events")

    def _release(self, verb: str, word: str) -> str:
        if word not in self.releases.sha256:
            return word
        return str(self.releases.folders[word]) if verb == "stage" else self.releases.sha256[word]


def _make_release(folder: Path, name: str, *, sequence: int, signer: Signer) -> str:
    """Write a release as it is published; return its sha256."""
    contents = {path: _noise(f"{name} {path}", size) for path, size in FILE_BYTES.items()}
    digests = {path: sha256_hex(data) for path, data in contents.items()}
    manifest = to_json(_manifest(name, digests, sequence=sequence))
    decision = build_gate_decision(passing_decision(sha256_hex(manifest), digests, sequence=sequence))
    (folder / FILES_FOLDER).mkdir(parents=True)
    for path, data in contents.items():
        (folder / FILES_FOLDER / digests[path]).write_bytes(data)
    (folder / RELEASE_FILE).write_bytes(manifest)
    (folder / GATE_DECISION_FILE).write_bytes(sign(decision, signer))
    return sha256_hex(manifest)


def _noise(seed: str, n_bytes: int) -> bytes:
    """Return bytes of which no block is like another, the same every time."""
    return b"".join(bytes.fromhex(sha256_hex(f"{seed} {index}".encode())) for index in range(n_bytes // 32))


def _manifest(name: str, digests: Mapping[str, str], *, sequence: int) -> ReleaseManifest:
    model = ModelSpec(
        files=tuple(digests),
        bundle_sha256=bundle_sha256(dict(digests)),
        input_name="input",
        input_shape=(1, 3, 8, 8),
        output_name="scores",
        labels=("defect",),
    )
    pipeline = PipelineSpec(
        target="in_process", preprocess=None, backend=None, decide=DecideSpec(thresholds={"defect": 0.5})
    )
    return ReleaseManifest(
        name=DEVICE_CLASS,
        version=name,
        sequence=sequence,
        config_version="1",
        device_classes=(DEVICE_CLASS,),
        stack_sha256="",
        model=model,
        pipeline=pipeline,
        files=tuple(
            ReleaseFile(path=path, sha256=digest, size_bytes=FILE_BYTES[path]) for path, digest in digests.items()
        ),
        bundle_sha256=bundle_sha256(dict(digests)),
    )


def passing_decision(release_sha256: str, digests: Mapping[str, str], *, sequence: int) -> GateDecision:
    """Return a gate's decision that lets a release of the test through; `digests` are its model's files."""
    nothing = Evidence(uri="urn:hilrig:power-loss-test", sha256=sha256_hex(b""))
    return GateDecision(
        release_sha256=release_sha256,
        manifest_sha256=nothing.sha256,
        model_files_sha256=digests,
        bundle_sha256=bundle_sha256(dict(digests)),
        passed=True,
        device_class=DEVICE_CLASS,
        stack_sha256="",
        sequence=sequence,
        decided_at_utc=ISSUED_UTC,
        expires_at_utc=EXPIRES_UTC,
        policy=nothing,
        attestations=(nothing,),
    )
