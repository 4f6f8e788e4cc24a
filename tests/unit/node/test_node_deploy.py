"""hilrig.node.deploy: manifests for k3s and IoT Edge, made of one signed desired state."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import typer
import yaml
from typer.testing import CliRunner

from hilrig.attest.desired_state import (
    DesiredState,
    Guardrail,
    GuardrailMetric,
    Rollout,
    RolloutMode,
    build_desired_state,
)
from hilrig.attest.envelope import sign
from hilrig.cli.node import agent_command as node_agent_command
from hilrig.cli.node import commands as node_commands
from hilrig.cli.node import deploy_command as node_deploy_command
from hilrig.cli.node import serve_command as node_serve_command
from hilrig.config.noun_json import from_json
from hilrig.core.errors import TrustError, UsageError
from hilrig.core.release import ReleaseManifest
from hilrig.node.deploy.deployment import Deployment, read_manifest
from hilrig.node.deploy.iotedge import chunked, iotedge_files
from hilrig.node.deploy.k3s import k3s_files
from node_services import gate, write_tiny_release

DIGEST = "registry.example/hilrig-node:1.2.0@sha256:" + "5" * 64
KUBERNETES = "1.30"
UTC = "%Y-%m-%dT%H:%M:%SZ"


def desired_for(release_sha256: str, **changes: Any) -> DesiredState:
    now = datetime.now(timezone.utc)
    rail = Guardrail(
        metric=GuardrailMetric.ERROR_PCT,
        success_max=0.1,
        failure_min=1,
        min_samples=300,
        max_missing=5,
        consecutive_errors=4,
    )
    desired = DesiredState(
        release_sha256=release_sha256,
        nodes=("*",),
        device_class="x86-cpu",
        sequence=12,
        issued_at_utc=(now - timedelta(minutes=1)).strftime(UTC),
        expires_at_utc=(now + timedelta(days=1)).strftime(UTC),
        release_url="release",
        rollout=Rollout(mode=RolloutMode.BLUE_GREEN, canary_nodes=(), window_s=600, guardrails=(rail,)),
    )
    return replace(desired, **changes)


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


def documents(deployment: Deployment) -> dict[str, dict[str, Any]]:
    (data,) = k3s_files(deployment).values()
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in yaml.safe_load_all(data)}


def pod_of(deployment: Deployment) -> dict[str, Any]:
    pod: dict[str, Any] = documents(deployment)["DaemonSet/hilrig-node"]["spec"]["template"]
    return pod


@pytest.mark.parametrize("device_class", ["x86-cpu", "jetson-orin-nx-16gb"])
@pytest.mark.parametrize("nodes", [("*",), ("line-4", "line-5")])
def test_every_manifest_is_valid_for_kubernetes(
    deployment: Deployment, device_class: str, nodes: tuple[str, ...]
) -> None:
    """Kubernetes' own schema, strictly: no key that it does not know."""
    changed = replace(deployment, desired=replace(deployment.desired, device_class=device_class, nodes=nodes))
    for document in documents(changed).values():
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_a_key_that_kubernetes_does_not_know_is_found(deployment: Deployment) -> None:
    """The check above can fail."""
    document = documents(deployment)["DaemonSet/hilrig-node"]
    document["spec"]["template"]["spec"]["containers"][0]["livenessprobe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_no_container_may_do_more_than_it_needs(deployment: Deployment) -> None:
    """Not root, nothing gained, nothing written but the store and /tmp, bounded memory and CPU."""
    pod = pod_of(deployment)["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    for container in (*pod["initContainers"], *pod["containers"]):
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"]
        assert not context["allowPrivilegeEscalation"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys()
        writable = [mount["name"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
        assert writable == ["store", "tmp"]


def test_the_service_is_probed_where_it_answers(deployment: Deployment) -> None:
    """Alive on /livez, in service on /readyz, metrics on their port; the PLC in its command."""
    service, agent = pod_of(deployment)["spec"]["containers"]
    assert service["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert service["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert pod_of(deployment)["metadata"]["annotations"]["prometheus.io/port"] == "9100"
    assert service["args"][-2:] == ["--plc", "modbus://10.0.0.7:502?unit=1"]
    assert "modbus://10.0.0.7:502?unit=1" not in agent["args"]


def test_a_new_model_changes_nothing_that_restarts_a_pod(deployment: Deployment) -> None:
    """Code and model are tagged apart: only the image's version is in the pod, only annotations know the model."""
    other = replace(
        deployment,
        desired=replace(deployment.desired, release_sha256="9" * 64, sequence=13),
        manifest=replace(deployment.manifest, version="8"),
    )
    assert pod_of(deployment) == pod_of(other)
    before, after = (documents(one)["DaemonSet/hilrig-node"]["metadata"] for one in (deployment, other))
    assert before["labels"] == after["labels"]
    assert after["annotations"]["hilrig/release-sha256"] == "9" * 64
    assert after["annotations"]["hilrig/code-version"] == "1.2.0"
    newer = replace(deployment, code_version="1.3.0", image="registry.example/hilrig-node:1.3.0")
    assert pod_of(newer) != pod_of(deployment)


def test_named_nodes_and_gpus_are_asked_for(deployment: Deployment) -> None:
    """A desired state for two nodes runs on those two only; an accelerator is a resource of the service alone."""
    desired = replace(deployment.desired, nodes=("line-4", "line-5"), device_class="x86-rtx4000-ada")
    pod = pod_of(replace(deployment, desired=desired))["spec"]
    terms = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms[0]["matchExpressions"][0]["values"] == ["line-4", "line-5"]
    assert [one["resources"]["limits"].get("nvidia.com/gpu") for one in pod["containers"]] == [1, None]


def test_the_signed_bytes_reach_the_node_unchanged(deployment: Deployment) -> None:
    """The desired state and the keys in the cluster are those that were given, to the byte."""
    found = documents(deployment)
    assert found["ConfigMap/hilrig-desired"]["data"]["desired.dsse.json"].encode() == deployment.desired_file
    assert found["ConfigMap/hilrig-keys"]["data"]["gate.gate.pub"].encode() == gate()[1]
    init = pod_of(deployment)["spec"]["initContainers"][0]["args"]
    assert init[-4:] == [
        "--desired-key",
        "/etc/hilrig/keys/desired.line.pub",
        "--gate-key",
        "/etc/hilrig/keys/gate.gate.pub",
    ]


def module_schema(*required: str) -> dict[str, Any]:
    """Return the schema of a module; see EDGE_SCHEMA."""
    options = {"^createOptions([0-9]{2})?$": {"type": "string", "maxLength": 512}}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["type", "settings", *required],
        "properties": {
            "version": {"type": "string"},
            "type": {"const": "docker"},
            "status": {"enum": ["running", "stopped"]},
            "restartPolicy": {"enum": ["never", "on-failure", "on-unhealthy", "always"]},
            "imagePullPolicy": {"enum": ["never", "on-create"]},
            "startupOrder": {"type": "integer", "minimum": 0, "maximum": 4294967295},
            "settings": {
                "type": "object",
                "additionalProperties": False,
                "required": ["image"],
                "properties": {"image": {"type": "string", "minLength": 1}},
                "patternProperties": options,
            },
        },
    }


def closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": dict(properties),
    }


EDGE_SCHEMA = closed(
    {
        "modulesContent": {
            "type": "object",
            "required": ["$edgeAgent", "$edgeHub"],
            "properties": {
                "$edgeAgent": closed(
                    {
                        "properties.desired": closed(
                            {
                                "schemaVersion": {"const": "1.1"},
                                "runtime": closed(
                                    {
                                        "type": {"const": "docker"},
                                        "settings": closed({"minDockerVersion": {"type": "string"}}),
                                    }
                                ),
                                "systemModules": closed(
                                    {
                                        "edgeAgent": module_schema(),
                                        "edgeHub": module_schema("status", "restartPolicy"),
                                    }
                                ),
                                "modules": {
                                    "type": "object",
                                    "additionalProperties": False,
                                    "patternProperties": {
                                        "^[a-zA-Z0-9_-]+$": module_schema("status", "restartPolicy")
                                    },
                                },
                            }
                        )
                    }
                ),
                "$edgeHub": closed(
                    {
                        "properties.desired": closed(
                            {
                                "schemaVersion": {"const": "1.1"},
                                "routes": {
                                    "type": "object",
                                    "additionalProperties": False,
                                    "patternProperties": {"^[^.$# ]+$": {"type": "string", "minLength": 1}},
                                },
                                "storeAndForwardConfiguration": closed(
                                    {"timeToLiveSecs": {"type": "integer", "minimum": 0}}
                                ),
                            }
                        )
                    }
                ),
            },
            "patternProperties": {
                "^[a-zA-Z0-9_-]+$": closed({"properties.desired": {"type": "object"}}),
            },
            "additionalProperties": False,
        }
    }
)
"""A deployment manifest for IoT Edge, stricter than what is published: written after Microsoft's description
("Learn how to deploy modules and establish routes in IoT Edge") and the schema azure-iot-edge-deployment-2.0 of
json.schemastore.org; a package that carries it was looked for and not found."""


def edge_manifest(deployment: Deployment) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(iotedge_files(deployment)["deployment.json"])
    return manifest


def create_options(module: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a module, its parts put together in the order of their numbers."""
    settings = module["settings"]
    parts = [settings[name] for name in sorted(settings) if name.startswith("createOptions")]
    options: dict[str, Any] = json.loads("".join(parts))
    return options


@pytest.mark.parametrize("device_class", ["x86-cpu", "jetson-orin-nx-16gb"])
def test_the_manifest_is_valid_for_iot_edge(deployment: Deployment, device_class: str) -> None:
    """Both runtime modules, ours, every key known, every property short enough for a twin."""
    changed = replace(deployment, desired=replace(deployment.desired, device_class=device_class))
    jsonschema.validate(edge_manifest(changed), EDGE_SCHEMA)


def test_the_modules_may_do_no_more_than_the_pods(deployment: Deployment) -> None:
    """The same commands and the same bounds as on k3s."""
    content = edge_manifest(deployment)["modulesContent"]
    modules = content["$edgeAgent"]["properties.desired"]["modules"]
    assert list(modules) == ["store", "inference", "agent"]
    for module in modules.values():
        options = create_options(module)
        assert options["User"] == "65532:65532"
        assert options["HostConfig"]["ReadonlyRootfs"]
        assert options["HostConfig"]["CapDrop"] == ["ALL"]
        assert options["HostConfig"]["Memory"] > 0
        assert module["settings"]["image"] == DIGEST
    service = pod_of(deployment)["spec"]["containers"][0]
    assert create_options(modules["inference"])["Cmd"] == service["args"]
    (made,) = create_options(modules["store"])["Cmd"]
    assert '--node-id "$IOTEDGE_DEVICEID"' in made


def test_a_new_model_is_no_new_module(deployment: Deployment) -> None:
    """It stands in the twin of the inference module, beside the code's version and not in it."""
    other = replace(deployment, desired=replace(deployment.desired, release_sha256="9" * 64))
    before, after = (edge_manifest(one)["modulesContent"] for one in (deployment, other))
    assert before["$edgeAgent"] == after["$edgeAgent"]
    assert after["inference"]["properties.desired"]["model"]["release_sha256"] == "9" * 64


def test_long_options_are_cut_into_parts_that_a_twin_holds() -> None:
    """512 characters each, numbered, nothing lost."""
    parts = chunked("x" * 512 + "y" * 512 + "z")
    assert {name: len(part) for name, part in parts.items()} == {
        "createOptions": 512,
        "createOptions01": 512,
        "createOptions02": 1,
    }


def test_a_release_that_a_container_cannot_reach_is_refused(deployment: Deployment) -> None:
    """A path beside the desired state means nothing in a cluster, unless agents look where it is served."""
    desired = replace(deployment.desired, release_url="release")
    with pytest.raises(UsageError) as caught:
        replace(deployment, desired=desired)
    assert "--desired-url" in caught.value.hint
    replace(deployment, desired=desired, desired_url="https://models.example/desired.dsse.json")


@pytest.mark.parametrize("image", ["", "UPPER", "a b", "name@sha256:12", "name;rm"])
def test_an_image_that_is_none_is_refused(deployment: Deployment, image: str) -> None:
    """Nothing is written that no runtime could pull."""
    with pytest.raises(UsageError):
        replace(deployment, image=image)


def test_another_manifest_than_the_signed_one_is_refused(published: Path) -> None:
    """The release folder was changed after the desired state was signed."""
    with pytest.raises(TrustError):
        read_manifest(desired_for("8" * 64), found_at=published)


@pytest.fixture
def cli() -> Any:
    app = typer.Typer()
    node_deploy_command.register(app)
    app.command("other")(lambda: None)  # with one command alone typer makes no group
    return app


@pytest.mark.parametrize(("platform", "file"), [("k3s", "hilrig-node.yaml"), ("iotedge", "deployment.json")])
def test_the_command_writes_what_the_signature_covers(cli: Any, published: Path, platform: str, file: str) -> None:
    """From a signed desired state to files, with the recipe of the image."""
    out = published.parent / "out"
    arguments = ["deploy", "--desired", str(published), "--for", platform, "--out", str(out), "--image", DIGEST]
    key = published.parent / "desired.pub"
    url = "https://models.example/desired.dsse.json"
    done = CliRunner().invoke(cli, [*arguments, "--desired-key", str(key), "--desired-url", url])
    assert done.exit_code == 0, done.output
    assert {file, "Containerfile"} <= {path.name for path in out.iterdir()}
    assert url in (out / file).read_text().replace('\\"', '"')
    assert "1.2.0" in done.output


def test_the_commands_in_the_containers_are_commands_of_hilrig(deployment: Deployment) -> None:
    """Every option that a manifest writes is one that `hilrig node` knows."""
    app = typer.Typer()
    app.command("init")(node_commands.init)
    node_serve_command.register(app)
    node_agent_command.register(app)
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    pod = pod_of(deployment)["spec"]
    for container in (*pod["initContainers"], *pod["containers"]):
        word, name, *arguments = container["args"]
        assert word == "node"
        group.commands[name].make_context(name, arguments)


def test_an_unsigned_desired_state_gives_no_files(cli: Any, published: Path) -> None:
    """One changed byte: nothing is written."""
    data = bytearray(published.read_bytes())
    at = data.index(b'"payload"') + 40
    data[at] = data[at] ^ 1
    published.write_bytes(bytes(data))
    out = published.parent / "out"
    key = published.parent / "desired.pub"
    arguments = ["--desired", str(published), "--for", "k3s", "--out", str(out), "--desired-key", str(key)]
    done = CliRunner().invoke(cli, ["deploy", *arguments])
    assert isinstance(done.exception, TrustError)
    assert not out.exists()


def recipe() -> list[str]:
    """Return the instructions of the Containerfile, continued lines joined, comments left out."""
    text = files("hilrig.node.deploy").joinpath("Containerfile").read_text()
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    return [line.strip() for line in joined.splitlines() if line.strip()]


def test_the_recipe_tags_code_and_model_apart() -> None:
    """Code in org.opencontainers labels, model in hilrig.model labels of a stage of its own; never root."""
    text = "\n".join(recipe())
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)
    node, with_model, last = stages[2:]
    assert "org.opencontainers.image.version=" in node
    assert "hilrig.model" not in node
    assert "USER 65532:65532" in node
    assert "hilrig.model.version=" in with_model
    assert last.strip() == "node"  # what is built by default


def test_the_recipe_uses_only_what_it_declares() -> None:
    """Every variable is an ARG of its stage, every stage that is copied from is there or given as a context."""
    for stage in re.split(r"^FROM .*$", "\n".join(recipe()), flags=re.MULTILINE)[1:]:
        declared = set(re.findall(r"^ARG (\w+)", stage, flags=re.MULTILINE))
        assert set(re.findall(r"\$\{(\w+)\}", stage)) <= declared
    assert set(re.findall(r"--from=(\w+)", "\n".join(recipe()))) == {"build", "release"}
