"""hilrig.node.deploy: manifests for k3s, made of one signed desired state."""

from dataclasses import replace

import kubernetes_validate
import pytest

from deployments import documents, pod_of
from hilrig.node.deploy.deployment import Deployment
from node_services import gate

KUBERNETES = "1.30"


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
