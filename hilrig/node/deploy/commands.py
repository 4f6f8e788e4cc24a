"""What runs in the containers of a node, the same on k3s as on IoT Edge.

What it may use is stated here too.
"""

from typing import Final

from hilrig.node.deploy.deployment import Deployment

SERVICE_PORT: Final = 8080
METRICS_PORT: Final = 9100
USER_ID: Final = 65_532
"""The image's user; on the host it owns the store's folder, and nothing else."""

STORE: Final = "/var/lib/hilrig/store"
KEYS: Final = "/etc/hilrig/keys"
DESIRED: Final = "/etc/hilrig/desired/desired.dsse.json"
TOKEN: Final = "/etc/hilrig/token/token"  # noqa: S105 - where it is, not what
SMOKE_MIB: Final = 1024
"""What a release may take in its smoke test: below the agent's limit, so that the test fails and not the agent."""

MIB: Final = 1 << 20
SERVICE_MIB: Final = 2048
AGENT_MIB: Final = 1536
SERVICE_CPUS: Final = 2
AGENT_CPUS: Final = 1


def init_command(deployment: Deployment, *, node_id: str) -> list[str]:
    """Return what makes the store; run again it only adds keys."""
    keys = [
        word for path in sorted(deployment.keys) for word in (f"--{_kind(path)}-key", f"{KEYS}/{key_file(path)}")
    ]
    device_class = deployment.desired.device_class
    return ["node", "init", "--store", STORE, "--node-id", node_id, "--device-class", device_class, *keys]


def serve_command(deployment: Deployment) -> list[str]:
    """Return what serves: on every address of the container, so with a token."""
    command = ["node", "serve", "--store", STORE, "--host", "0.0.0.0", "--port", str(SERVICE_PORT)]  # noqa: S104 - of the container
    command += ["--metrics-port", str(METRICS_PORT), "--token-file", TOKEN]
    return [*command, "--plc", deployment.plc_url] if deployment.plc_url else command


def agent_command(deployment: Deployment, *, service_host: str) -> list[str]:
    """Return what follows the desired state."""
    service = f"http://{service_host}:{SERVICE_PORT}"
    command = ["node", "agent", "--store", STORE, "--desired", deployment.desired_url or DESIRED]
    return [*command, "--service", service, "--token-file", TOKEN, "--smoke-mib", str(SMOKE_MIB)]


def key_file(path: str) -> str:
    """Return the name of a key's file in the folder KEYS: `gate.line-4.pub` for `keys/gate/line-4.pub`."""
    return path.removeprefix("keys/").replace("/", ".")


def _kind(path: str) -> str:
    return path.removeprefix("keys/").partition("/")[0]
