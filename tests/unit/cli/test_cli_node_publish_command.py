import json

import pytest
import typer
from typer.testing import CliRunner

from hilrig.app.gate.publish import Published
from hilrig.attest.desired_state import GuardrailMetric, RolloutMode
from hilrig.attest.keys import create_key
from hilrig.cli.node.publish_command import _guardrail, _rollout, _signer, publish
from hilrig.core.errors import TrustError


def guardrail(text: str):
    return _guardrail(text, min_samples=300, max_missing=5, consecutive_errors=4)


def test_a_guardrail_is_its_metric_with_good_and_bad():
    """`p95_ms:30:45` is proven good at 30 ms or less, bad at 45 ms or more."""
    found = guardrail("p95_ms:30:45")
    assert (found.metric, found.success_max, found.failure_min) == (GuardrailMetric.P95_MS, 30.0, 45.0)


@pytest.mark.parametrize("text", ["", "p95_ms", "p95_ms:30", "p95_ms:30:45:60", "happiness:1:2", "p95_ms:a:b"])
def test_anything_else_is_asked_for_again(text):
    """A metric that no service tells, a limit missing: refused with the form and the known metrics."""
    with pytest.raises(typer.BadParameter, match="error_pct"):
        guardrail(text)


def test_a_rollout_has_a_known_mode():
    """The three modes, and the list of them for any other word."""
    for mode in RolloutMode:
        assert _rollout(mode.value, [], "10m", ()).mode is mode
    with pytest.raises(typer.BadParameter, match="canary, blue_green, shadow"):
        _rollout("at_night", [], "10m", ())


def test_a_key_with_a_passphrase_signs_with_the_file_of_it(tmp_path):
    """The desired states' key may have one; without it, or with another, it is refused."""
    key = create_key(tmp_path / "keys", "desired", passphrase=b"correct horse")
    private = key.public_path.with_suffix(".pem")
    files = {}
    for name, text in (("right", "correct horse\n"), ("wrong", "battery staple\n")):
        files[name] = tmp_path / name
        files[name].write_text(text)
        files[name].chmod(0o600)
    assert _signer(private, files["right"]).public_key.keyid == key.fingerprint
    for passphrase_file in (None, files["wrong"]):
        with pytest.raises(TrustError, match="passphrase"):
            _signer(private, passphrase_file)
    files["right"].chmod(0o644)
    with pytest.raises(TrustError):
        _signer(private, files["right"])


def test_it_needs_no_key_of_the_gate(tmp_path, monkeypatch):
    """The gate's public key is enough; what was decided is read, and one desired state is signed."""
    asked = []

    def keep(request, *, desired, clock):
        asked.append((request, desired.public_key.keyid))
        return Published(
            release_sha256="a" * 64,
            sequence=1,
            release_folder=tmp_path,
            desired=tmp_path / "desired.dsse.json",
            device_class="x86-cpu",
        )

    monkeypatch.setattr("hilrig.app.gate.publish.publish", keep)
    gate, desired = (create_key(tmp_path / "keys", name, passphrase=None) for name in ("gate", "desired"))
    app = typer.Typer()
    app.command()(publish)
    done = CliRunner().invoke(
        app,
        [
            str(tmp_path / "release"), "--device-class", "x86-cpu", "--gate-key", str(gate.public_path),
            "--desired-key", str(desired.private_path), "--out", str(tmp_path / "out"), "--json",
        ],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    ((request, signed_by),) = asked
    assert [key.fingerprint for key in request.gate.keys] == [gate.fingerprint]
    assert (request.device_class, request.sequence, request.nodes) == ("x86-cpu", None, ("*",))
    assert signed_by == desired.fingerprint
    assert json.loads(done.output)["release_sha256"] == "a" * 64
