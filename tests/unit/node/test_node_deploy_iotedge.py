"""hilrig.node.deploy: manifests for Azure IoT Edge, made of one signed desired state."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from deployments import DIGEST, create_options, edge_manifest, pod_of
from hilrig.node.deploy.deployment import Deployment
from hilrig.node.deploy.iotedge import chunked


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
