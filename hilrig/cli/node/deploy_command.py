"""`hilrig node deploy`: the files that bring a node's software to k3s or Azure IoT Edge."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hilrig.cli import options
from hilrig.cli.output import next_steps, print_json, say
from hilrig.core.errors import RecordError, UsageError

if TYPE_CHECKING:
    from hilrig.node.deploy.deployment import Deployment

PLATFORMS = ("k3s", "iotedge")


def register(app: typer.Typer) -> None:
    """Add the command to the group `node`."""
    app.command()(deploy)


def deploy(  # noqa: PLR0913 - the command's options
    *,
    desired: Annotated[Path, typer.Option(metavar="FILE", help="The signed desired state.", show_default=False)],
    platform: Annotated[
        str, typer.Option("--for", metavar="k3s|iotedge", help="What the files are for.", show_default=False)
    ],
    image: Annotated[
        str, typer.Option(metavar="REF", help="The image of the code. [default: hilrig-node:VERSION]")
    ] = "",
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the files go.")] = Path("deploy"),
    desired_url: Annotated[
        str, typer.Option(metavar="URL", help="Where agents look for newer desired states.", show_default=False)
    ] = "",
    desired_key: Annotated[
        list[Path] | None,
        typer.Option(help="A public key whose desired states count. [default: this user's own keys]"),
    ] = None,
    gate_key: Annotated[
        list[Path] | None,
        typer.Option(help="A public key whose gate decisions count. [default: those of --desired-key]"),
    ] = None,
    plc: Annotated[
        str, typer.Option(metavar="URL", help="The PLC that gets every decision.", show_default=False)
    ] = "",
    json: options.Json = False,
) -> None:
    """Write the manifests of a node for a desired state: its signature is checked first, its release read.

    Code and model have versions of their own: the image is the code, the release is brought in by the agent.
    """
    deployment = _deployment(desired, image, desired_url, desired_key, gate_key, plc)
    files = _files(platform, deployment)
    written = _write(out, files)
    if json:
        print_json({"files": [str(path) for path in written], "image": deployment.image})
        return
    release = (
        f"{deployment.manifest.name} {deployment.manifest.version} ({deployment.desired.release_sha256[:12]})"
    )
    say(f"{len(written)} files in {out}: code {deployment.code_version} as {deployment.image}, model {release}")
    if "@sha256:" not in deployment.image:
        say("the image has a tag and no digest: what it names may change (--image NAME@sha256:…)")
    next_steps(*_next(platform, out, deployment))


def _deployment(
    desired: Path,
    image: str,
    desired_url: str,
    desired_key: list[Path] | None,
    gate_key: list[Path] | None,
    plc: str,
) -> "Deployment":
    from hilrig import __version__
    from hilrig.app.folders import keys_folder
    from hilrig.attest.desired_state import verify_desired_state
    from hilrig.attest.keys import load_public_keys
    from hilrig.node.deploy.deployment import Deployment, read_manifest
    from hilrig.node.plc.url import read_plc_url

    if plc:
        read_plc_url(plc)
    reference = image or f"hilrig-node:{__version__}"
    trusted = desired_key or sorted(keys_folder().glob("*.pub"))
    envelope = _read(desired)
    state = verify_desired_state(envelope, load_public_keys(trusted), name=str(desired))
    return Deployment(
        code_version=_version_of(reference),
        image=reference,
        desired=state,
        desired_file=envelope,
        desired_url=desired_url,
        manifest=read_manifest(state, found_at=desired),
        keys={**_keys("gate", gate_key or trusted), **_keys("desired", trusted)},
        plc_url=plc,
    )


def _version_of(image: str) -> str:
    """Return the tag of an image; without one the start of its digest, else what a runtime takes: latest."""
    name, _, digest = image.partition("@sha256:")
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or (f"sha256-{digest[:12]}" if digest else "latest")


def _keys(kind: str, files: list[Path]) -> dict[str, bytes]:
    return {f"keys/{kind}/{file.stem}.pub": _read(file) for file in files}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint="hilrig node publish --help") from error


def _files(platform: str, deployment: "Deployment") -> dict[str, bytes]:
    if platform not in PLATFORMS:
        raise typer.BadParameter(f"'{platform}' is none of {', '.join(PLATFORMS)}", param_hint="--for")
    if platform == "k3s":
        from hilrig.node.deploy.k3s import k3s_files

        return k3s_files(deployment)
    from hilrig.node.deploy.iotedge import iotedge_files

    return iotedge_files(deployment)


def _write(out: Path, files: dict[str, bytes]) -> list[Path]:
    from importlib.resources import files as package_files

    recipe = package_files("hilrig.node.deploy").joinpath("Containerfile").read_bytes()
    written = []
    try:
        for name, data in {**files, "Containerfile": recipe}.items():
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            written.append(path)
    except OSError as error:
        raise RecordError(f"{out} cannot be written: {error.strerror}", hint="another folder: --out") from error
    return written


def _next(platform: str, out: Path, deployment: "Deployment") -> list[str]:
    if platform == "k3s":
        return [
            f"kubectl label node NAME hilrig/device-class={deployment.desired.device_class}",
            "kubectl -n hilrig create secret generic hilrig-token --from-file=token",
            f"kubectl apply -f {out}/hilrig-node.yaml",
        ]
    nodes = ", ".join(f"'{node}'" for node in deployment.desired.nodes)
    target = f"tags.hilrigClass='{deployment.desired.device_class}'"
    condition = target if "*" in deployment.desired.nodes else f"deviceId IN [{nodes}]"
    return [
        f"copy {out}/etc/hilrig to /etc/hilrig of each device, with a file token/token beside keys",
        f'az iot edge deployment create -d hilrig-node -n HUB --content {out}/deployment.json --tc "{condition}"',
    ]
