import json
import re

import pytest
import typer
from typer.testing import CliRunner

from gate_decisions import CLASS, GatedFolder, utc
from hilrig.cli.gate.revoke_command import revoke
from hilrig.cli.gate.status_command import status
from hilrig.core.errors import HilrigError
from signed_runs import Signer

LINE = re.compile(
    r"(?P<word>[A-Z]+) (?P<model>[0-9a-f]{12}) (?P<device_class>\S+) (?P<sequence>\d+|-) (?P<sentence>.+)"
)


@pytest.fixture
def gated(tmp_path) -> GatedFolder:
    return GatedFolder(tmp_path / "release", Signer(tmp_path / "keys", "gate"))


@pytest.fixture
def call(gated):
    """Return what calls a verb over the release folder as the command line does."""
    app = typer.Typer()
    app.command()(status)
    app.command()(revoke)

    def run(verb: str, *words: str):
        return CliRunner().invoke(app, [verb, *words], catch_exceptions=True)

    return run


def asked(gated: GatedFolder) -> list[str]:
    return [
        "--model", gated.release.bundle_sha256, "--device-class", CLASS,
        "--decisions", str(gated.folder), "--gate-key", str(gated.gate.public_key),
    ]  # fmt: skip


def test_one_line_says_it_all(gated, call):
    """Five words on stdout and the exit code: what a script reads; the next step goes to stderr."""
    for changes, code, word in (
        ({"expires_at_utc": utc(4000)}, 0, "PASSED"),
        ({"passed": False}, 10, "FAILED"),
        ({"decided_at_utc": utc(-9), "expires_at_utc": utc(-8)}, 32, "EXPIRED"),
        ({"device_class": "jetson-orin-nx-8gb"}, 33, "OTHER"),
        ({"bundle_sha256": "1" * 64}, 31, "NONE"),
    ):
        gated.decide(**changes)
        found = call("status", *asked(gated))
        (line,) = found.stdout.splitlines()
        said = LINE.fullmatch(line)
        assert said is not None, line
        assert (found.exit_code, said["word"], said["device_class"]) == (code, word, CLASS)
    gated.decide(signer=Signer(gated.folder.parent / "strange"))
    found = call("status", *asked(gated))
    assert (found.exit_code, found.stdout.split()[0]) == (30, "UNTRUSTED")


def test_the_same_as_one_object(gated, call):
    """`--json`: status, exit code the decision that counts with its file and key; null without one."""
    path = gated.decide(expires_at_utc=utc(4000))
    said = json.loads(call("status", *asked(gated), "--json").stdout)
    assert (said["status"], said["exit_code"], said["decision"]["sequence"]) == ("PASSED", 0, 100)
    assert said["decision"]["file"] == str(path)
    path.unlink()
    said = json.loads(call("status", *asked(gated), "--json").stdout)
    assert (said["status"], said["exit_code"], said["decision"]) == ("NONE", 31, None)


def test_a_stack_is_a_digest(gated, call):
    """In capitals it is the same; what is no digest is asked for again, not taken for another stack."""
    gated.decide(expires_at_utc=utc(4000), stack_sha256="ab" * 32)
    assert call("status", *asked(gated), "--stack", "AB" * 32).exit_code == 0
    assert call("status", *asked(gated), "--stack", "cd" * 32).exit_code == 33
    assert call("status", *asked(gated), "--stack", "ab").exit_code == 2


def test_revoke_then_status(gated, call):
    """Taken back on the command line, the model is FAILED at once, and the way to the nodes is shown."""
    path = gated.decide(expires_at_utc=utc(4000), decided_at_utc=utc(-400))
    key = gated.gate.folder / "gate.pem"
    done = call("revoke", str(path), "--reason", "cracks were missed", "--key", str(key))
    assert done.exit_code == 0, done.output
    assert f"releases/{gated.sha256}/gate.dsse.json" in done.stdout
    found = call("status", *asked(gated))
    assert (found.exit_code, " revoked for x86-cpu at " in found.stdout) == (10, True)


def test_a_rigs_key_revokes_nothing(gated, call, tmp_path):
    """The decision was signed by the gate: with another key at hand it is a stranger's."""
    path, rig = gated.decide(), Signer(tmp_path / "rig")
    done = call("revoke", str(path), "--reason", "because", "--key", str(rig.folder / "rig.pem"))
    assert isinstance(done.exception, HilrigError)
    assert done.exception.exit_code == 30
    assert len(list(path.parent.iterdir())) == 1
