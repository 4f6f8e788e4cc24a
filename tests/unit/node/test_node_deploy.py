"""hilrig.node.deploy: what may be deployed, by which command, from which recipe."""

import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from deployments import DIGEST, desired_for, pod_of
from hilrig.cli.node import agent_command as node_agent_command
from hilrig.cli.node import commands as node_commands
from hilrig.cli.node import deploy_command as node_deploy_command
from hilrig.cli.node import serve_command as node_serve_command
from hilrig.core.errors import TrustError, UsageError
from hilrig.node.deploy.deployment import Deployment, read_manifest


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
