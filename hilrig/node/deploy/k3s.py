"""Manifests for k3s: one pod for each node of the device class.

Service and agent are beside each other in it. A new model changes annotations of the DaemonSet and the deployed
desired state, never the pod: the agent brings it in while the old one serves. Only new code changes the pod.
"""

from typing import Any, Final

import yaml

from hilrig.node.deploy import commands
from hilrig.node.deploy.deployment import Deployment

NAMESPACE: Final = "hilrig"
NAME: Final = "hilrig-node"
PREFIX: Final = "hilrig/"
"""Of labels and annotations; a single word is a valid prefix and claims nobody's domain."""

FILE: Final = "hilrig-node.yaml"


def k3s_files(deployment: Deployment) -> dict[str, bytes]:
    """Return the files of a deployment by name: one of YAML documents, in the order in which they are applied."""
    documents = [
        _named("v1", "Namespace", NAMESPACE, deployment, {}),
        _config(
            deployment, "hilrig-keys", {commands.key_file(path): pem for path, pem in deployment.keys.items()}
        ),
        _config(deployment, "hilrig-desired", {"desired.dsse.json": deployment.desired_file}),
        _daemon_set(deployment),
    ]
    return {FILE: yaml.safe_dump_all(documents, sort_keys=False, width=200).encode()}


def _named(version: str, kind: str, name: str, deployment: Deployment, rest: dict[str, Any]) -> dict[str, Any]:
    facts = {**deployment.code_facts(), **deployment.model_facts()}
    metadata: dict[str, Any] = {"name": name, "labels": _labels(deployment)}
    if kind != "Namespace":
        metadata["namespace"] = NAMESPACE
    metadata["annotations"] = {PREFIX + key: value for key, value in facts.items()}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **rest}


def _labels(deployment: Deployment) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": NAME,
        "app.kubernetes.io/version": deployment.code_version,
        "app.kubernetes.io/managed-by": "hilrig",
    }


def _config(deployment: Deployment, name: str, files: dict[str, bytes]) -> dict[str, Any]:
    data = {key: value.decode() for key, value in sorted(files.items())}
    return _named("v1", "ConfigMap", name, deployment, {"data": data})


def _daemon_set(deployment: Deployment) -> dict[str, Any]:
    selector = {"app.kubernetes.io/name": NAME}
    annotations = {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(commands.METRICS_PORT),
        "prometheus.io/path": "/metrics",
        **{PREFIX + key: value for key, value in deployment.code_facts().items()},
    }
    spec = {
        "selector": {"matchLabels": selector},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
        "template": {
            "metadata": {"labels": _labels(deployment), "annotations": annotations},
            "spec": _pod(deployment),
        },
    }
    return _named("apps/v1", "DaemonSet", NAME, deployment, {"spec": spec})


def _pod(deployment: Deployment) -> dict[str, Any]:
    pod: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 30,
        "nodeSelector": {PREFIX + "device-class": deployment.desired.device_class},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": commands.USER_ID,
            "runAsGroup": commands.USER_ID,
            "fsGroup": commands.USER_ID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": [
            _container(deployment, "store", commands.init_command(deployment, node_id="$(NODE_NAME)"))
        ],
        "containers": [_service(deployment), _agent(deployment)],
        "volumes": _volumes(),
    }
    if deployment.needs_gpu:
        pod["runtimeClassName"] = "nvidia"
    if "*" not in deployment.desired.nodes:
        pod["affinity"] = _only(deployment.desired.nodes)
    return pod


def _only(nodes: tuple[str, ...]) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": list(nodes)}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def _service(deployment: Deployment) -> dict[str, Any]:
    container = _container(deployment, "inference", commands.serve_command(deployment))
    limits = _resources(commands.SERVICE_CPUS, commands.SERVICE_MIB)
    if deployment.needs_gpu:
        limits["limits"]["nvidia.com/gpu"] = 1
    return {
        **container,
        "ports": [
            {"name": "infer", "containerPort": commands.SERVICE_PORT},
            {"name": "metrics", "containerPort": commands.METRICS_PORT},
        ],
        "startupProbe": _probe("/livez", period_s=2, failures=60),
        "livenessProbe": _probe("/livez", period_s=5, failures=3),
        "readinessProbe": _probe("/readyz", period_s=2, failures=1),
        "resources": limits,
    }


def _agent(deployment: Deployment) -> dict[str, Any]:
    container = _container(deployment, "agent", commands.agent_command(deployment, service_host="127.0.0.1"))
    return {**container, "resources": _resources(commands.AGENT_CPUS, commands.AGENT_MIB)}


def _container(deployment: Deployment, name: str, command: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "image": deployment.image,
        "imagePullPolicy": "IfNotPresent",
        "args": command,
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": _resources(commands.AGENT_CPUS, commands.AGENT_MIB),
        "volumeMounts": [
            {"name": "store", "mountPath": commands.STORE},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - of the container, its own
            {"name": "keys", "mountPath": commands.KEYS, "readOnly": True},
            {"name": "desired", "mountPath": commands.DESIRED.rpartition("/")[0], "readOnly": True},
            {"name": "token", "mountPath": commands.TOKEN.rpartition("/")[0], "readOnly": True},
        ],
    }


def _volumes() -> list[dict[str, Any]]:
    """Return the pod's volumes. The store's folder must be there: made by whoever owns the disk, for USER_ID."""
    return [
        {"name": "store", "hostPath": {"path": commands.STORE, "type": "Directory"}},
        {"name": "tmp", "emptyDir": {"sizeLimit": "512Mi"}},
        {"name": "keys", "configMap": {"name": "hilrig-keys"}},
        {"name": "desired", "configMap": {"name": "hilrig-desired"}},
        {"name": "token", "secret": {"secretName": "hilrig-token", "defaultMode": 0o400}},
    ]


def _probe(path: str, *, period_s: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "infer"},
        "periodSeconds": period_s,
        "timeoutSeconds": 1,
        "failureThreshold": failures,
    }


def _resources(cpus: int, mib: int) -> dict[str, Any]:
    size = {"memory": f"{mib}Mi"}
    return {"requests": {"cpu": f"{cpus * 250}m", **size}, "limits": {"cpu": str(cpus), **size}}
