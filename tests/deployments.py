"""One signed desired state, as it is deployed to clusters."""

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import yaml

from hilrig.attest.desired_state import DesiredState, Guardrail, GuardrailMetric, Rollout, RolloutMode
from hilrig.node.deploy.deployment import Deployment
from hilrig.node.deploy.iotedge import iotedge_files
from hilrig.node.deploy.k3s import k3s_files

DIGEST = "registry.example/hilrig-node:1.2.0@sha256:" + "5" * 64
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


def documents(deployment: Deployment) -> dict[str, dict[str, Any]]:
    (data,) = k3s_files(deployment).values()
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in yaml.safe_load_all(data)}


def pod_of(deployment: Deployment) -> dict[str, Any]:
    pod: dict[str, Any] = documents(deployment)["DaemonSet/hilrig-node"]["spec"]["template"]
    return pod


def edge_manifest(deployment: Deployment) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads(iotedge_files(deployment)["deployment.json"])
    return manifest


def create_options(module: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a module, its parts put together in the order of their numbers."""
    settings = module["settings"]
    parts = [settings[name] for name in sorted(settings) if name.startswith("createOptions")]
    options: dict[str, Any] = json.loads("".join(parts))
    return options
