"""The deployment of a node to Azure IoT Edge.

It is a manifest, and the files that its modules find on the host. The modules are the code; the model stands in
the twin of the inference module, which restarts nothing.
"""

import json
import shlex
from typing import Any, Final

from hilrig.core.canonical import canonical_json
from hilrig.core.units import NS_PER_S
from hilrig.node.deploy import commands
from hilrig.node.deploy.deployment import Deployment

FILE: Final = "deployment.json"
RUNTIME: Final = "mcr.microsoft.com/azureiotedge-{}:1.5"
SCHEMA_VERSION: Final = "1.1"
CHUNK_CHARS: Final = 512
"""A property of a twin holds no longer text in every version of IoT Hub; longer options go into numbered parts."""

DEVICE_ID: Final = "DEVICE-ID"
HEALTH: Final = (
    f"import urllib.request as r; r.urlopen('http://127.0.0.1:{commands.SERVICE_PORT}/livez', timeout=1)"
)


def iotedge_files(deployment: Deployment) -> dict[str, bytes]:
    """Return the files of a deployment by name: the manifest, and what goes to /etc/hilrig on each device."""
    content = {
        "$edgeAgent": {"properties.desired": _edge_agent(deployment)},
        "$edgeHub": {
            "properties.desired": {
                "schemaVersion": SCHEMA_VERSION,
                "routes": {"inference": "FROM /messages/modules/inference/* INTO $upstream"},
                "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
            }
        },
        "inference": {"properties.desired": {"model": _twin(deployment.model_facts())}},
    }
    manifest = json.dumps({"modulesContent": content}, indent=2).encode() + b"\n"
    keys = {f"etc/hilrig/keys/{commands.key_file(path)}": pem for path, pem in sorted(deployment.keys.items())}
    return {FILE: manifest, "etc/hilrig/desired/desired.dsse.json": deployment.desired_file, **keys}


def _edge_agent(deployment: Deployment) -> dict[str, Any]:
    return {
        "schemaVersion": SCHEMA_VERSION,
        "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25"}},
        "systemModules": {
            "edgeAgent": {"type": "docker", "settings": {"image": RUNTIME.format("agent")}},
            "edgeHub": {
                "type": "docker",
                "status": "running",
                "restartPolicy": "always",
                "startupOrder": 0,
                "settings": {"image": RUNTIME.format("hub")},
            },
        },
        "modules": {
            "store": _module(deployment, [], order=1, restart="on-failure", more=_store_made(deployment)),
            "inference": _module(
                deployment,
                commands.serve_command(deployment),
                order=2,
                restart="always",
                mib=commands.SERVICE_MIB,
                cpus=commands.SERVICE_CPUS,
                more=_served(deployment),
            ),
            "agent": _module(
                deployment,
                commands.agent_command(deployment, service_host="inference"),
                order=3,
                restart="always",
            ),
        },
    }


def _module(
    deployment: Deployment,
    command: list[str],
    *,
    order: int,
    restart: str,
    mib: int = commands.AGENT_MIB,
    cpus: int = commands.AGENT_CPUS,
    more: dict[str, Any] | None = None,
) -> dict[str, Any]:
    extra = dict(more or {})
    host = {
        "Binds": [f"{commands.STORE}:{commands.STORE}", "/etc/hilrig:/etc/hilrig:ro"],
        "ReadonlyRootfs": True,
        "Tmpfs": {"/tmp": "size=512m"},  # noqa: S108 - of the container, its own
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Memory": mib * commands.MIB,
        "NanoCpus": cpus * NS_PER_S,
        **extra.pop("HostConfig", {}),
    }
    options = {"Cmd": command, "User": f"{commands.USER_ID}:{commands.USER_ID}", "HostConfig": host, **extra}
    return {
        "version": deployment.code_version,
        "type": "docker",
        "status": "running",
        "restartPolicy": restart,
        "startupOrder": order,
        "imagePullPolicy": "on-create",
        "settings": {"image": deployment.image, **chunked(canonical_json(options).decode())},
    }


def _store_made(deployment: Deployment) -> dict[str, Any]:
    """Return what makes the store. One manifest is for many devices, so a shell puts in the device's own id."""
    command = shlex.join(["hilrig", *commands.init_command(deployment, node_id=DEVICE_ID)])
    return {"Entrypoint": ["sh", "-c"], "Cmd": ["exec " + command.replace(DEVICE_ID, '"$IOTEDGE_DEVICEID"')]}


def _served(deployment: Deployment) -> dict[str, Any]:
    health = {
        "Test": ["CMD", "python3", "-c", HEALTH],
        "Interval": 5 * NS_PER_S,
        "Timeout": 2 * NS_PER_S,
        "Retries": 3,
        "StartPeriod": 60 * NS_PER_S,
    }
    ports: dict[str, dict[str, str]] = {
        f"{port}/tcp": {} for port in (commands.SERVICE_PORT, commands.METRICS_PORT)
    }
    served: dict[str, Any] = {"Healthcheck": health, "ExposedPorts": ports}
    return {**served, "HostConfig": {"Runtime": "nvidia"}} if deployment.needs_gpu else served


def chunked(options: str) -> dict[str, str]:
    """Return `createOptions`, with `createOptions01` and so on where it is too long for one property."""
    parts = [options[start : start + CHUNK_CHARS] for start in range(0, len(options), CHUNK_CHARS)]
    return {f"createOptions{number:02d}" if number else "createOptions": part for number, part in enumerate(parts)}


def _twin(facts: dict[str, str]) -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in facts.items()}
