"""hilrig.attest.public_key: the forms in which a public key leaves hilrig."""

import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from hilrig.attest.public_key import accept_public_key, public_key_der


@pytest.mark.parametrize("kind", ["rig_key", "ed25519_key"])
def test_the_der_is_the_key_itself(kind: str, request: pytest.FixtureRequest) -> None:
    """A reader of SubjectPublicKeyInfo gets the key back, under the same fingerprint."""
    signer, key = request.getfixturevalue(kind)
    again = load_der_public_key(public_key_der(signer.public_key))
    assert accept_public_key(again, name="DER").fingerprint == key.fingerprint


@pytest.mark.parametrize(("kind", "n_bytes"), [("rig_key", 91), ("ed25519_key", 44)])
def test_the_der_has_one_length(kind: str, n_bytes: int, request: pytest.FixtureRequest) -> None:
    """A page recognises the kind of key by the fixed bytes in front: an uncompressed point, no parameters."""
    signer, _ = request.getfixturevalue(kind)
    assert len(public_key_der(signer.public_key)) == n_bytes


def test_ssh_keygen_names_the_key_alike(rig_key, tmp_path) -> None:
    """The fingerprint of the DER's key is what `ssh-keygen -l` prints for it."""
    signer, key = rig_key
    public = load_der_public_key(public_key_der(signer.public_key))
    path = tmp_path / "rig.pub"
    path.write_bytes(public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH))
    try:
        printed = subprocess.run(
            ["ssh-keygen", "-l", "-f", path], capture_output=True, text=True, check=True
        ).stdout
    except FileNotFoundError:
        pytest.skip("ssh-keygen is not installed")
    assert key.fingerprint in printed.split()
