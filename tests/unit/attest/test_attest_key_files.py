"""Files of keys and passphrases: which are believed, and what is said of the others."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from hilrig.attest.envelope import sign, verify_envelope
from hilrig.attest.keys import load_public_keys, load_signer, read_passphrase
from hilrig.attest.result_statement import build_views_statement
from hilrig.core.errors import TrustError, UsageError

P256 = ec.generate_private_key(ec.SECP256R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()


def pkcs8(key, passphrase: bytes | None = None) -> bytes:
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def public_pem(key) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def put(tmp_path):
    """Return a writer of one file with a mode, private by default."""

    def write(data: bytes, name: str = "a.pem", mode: int = 0o600) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        path.chmod(mode)
        return path

    return write


@pytest.mark.parametrize("bit", [0o040, 0o020, 0o010, 0o004, 0o002, 0o001])
def test_a_key_that_others_can_reach_is_refused(put, bit):
    """Any single bit for group or others is enough to refuse, with file, mode and the command to type."""
    path = put(pkcs8(P256), mode=0o600 | bit)
    with pytest.raises(TrustError, match=f"mode {0o600 | bit:04o}") as caught:
        load_signer(path, passphrase=None)
    assert str(path) in caught.value.message
    assert caught.value.hint == f"chmod 600 {path}"


@pytest.mark.parametrize("mode", [0o600, 0o700, 0o400])
def test_a_private_mode_is_enough(put, mode):
    """A key that only its owner can read is loaded, read-only or not."""
    assert load_signer(put(pkcs8(P256), mode=mode), passphrase=None)


def test_a_link_is_judged_by_what_it_leads_to(put, tmp_path):
    """A link to a private key is followed; a link to a key that others can read is refused."""
    link = tmp_path / "link.pem"
    link.symlink_to(put(pkcs8(P256)))
    assert load_signer(link, passphrase=None)
    put(pkcs8(P256), mode=0o644)
    with pytest.raises(TrustError, match="mode 0644"):
        load_signer(link, passphrase=None)


def test_a_key_of_somebody_else_is_refused(put, monkeypatch):
    """A key that belongs to another user is refused with both user ids."""
    path = put(pkcs8(P256))
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(TrustError, match=f"belongs to user {owner}; expected the user that reads it, {owner + 1}"):
        load_signer(path, passphrase=None)


def test_what_is_no_file_is_refused_at_once(tmp_path):
    """A missing path, a folder, a pipe without a writer and a device are refused; none of them hangs."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path, words in (
        (tmp_path / "missing.pem", "cannot be read: No such file"),
        (tmp_path, "is not a regular file"),
        (tmp_path / "pipe", "is not a regular file"),
        (Path("/dev/zero"), "is not a regular file"),
    ):
        with pytest.raises(TrustError, match=words):
            load_signer(path, passphrase=None)


def test_the_passphrase_must_fit(put):
    """Missing, wrong, or given for a key that has none: each is refused, and the message says which."""
    encrypted = put(pkcs8(P256, b"right"), "encrypted.pem")
    plain = put(pkcs8(P256), "plain.pem")
    with pytest.raises(TrustError, match=r"encrypted\.pem is encrypted; expected a passphrase, found none"):
        load_signer(encrypted, passphrase=None)
    with pytest.raises(TrustError, match=r"encrypted\.pem does not open: wrong passphrase"):
        load_signer(encrypted, passphrase=b"wrong")
    with pytest.raises(TrustError, match=r"plain\.pem is not encrypted, yet a passphrase was given"):
        load_signer(plain, passphrase=b"right")


def test_the_passphrase_is_in_no_message(put):
    """What was typed as a passphrase never shows up in an error."""
    with pytest.raises(TrustError) as caught:
        load_signer(put(pkcs8(P256, b"right")), passphrase=b"hunter2")
    assert "hunter2" not in caught.value.message + caught.value.hint


OPENSSH = P256.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
SEC1 = P256.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"not a key", "holds 0 PEM blocks"),
        (os.urandom(200).replace(b"-", b"_"), "holds 0 PEM blocks"),
        (pkcs8(P256) + pkcs8(ED25519), "holds 2 PEM blocks"),
        (pkcs8(P256) + public_pem(P256), "holds 2 PEM blocks"),
        (public_pem(P256), "is a public key; expected a private key"),
        (OPENSSH, "holds 'OPENSSH PRIVATE KEY'; expected 'PRIVATE KEY'"),
        (SEC1, "holds 'EC PRIVATE KEY'; expected 'PRIVATE KEY'"),
        (pkcs8(P256)[:60], "is damaged"),
        (pkcs8(P256).replace(b"-----END PRIVATE KEY-----\n", b""), "is damaged"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "is damaged"),
        (pkcs8(P256) + b"x" * 20_000, "is longer than 16384 bytes"),
        (pkcs8(rsa.generate_private_key(65537, 1024)), "kind RSA, 1024 bits; expected ECDSA on P-256 or Ed25519"),
        (pkcs8(ec.generate_private_key(ec.SECP384R1())), "kind ECDSA on secp384r1; expected"),
        (pkcs8(x25519.X25519PrivateKey.generate()), "kind X25519; expected"),
    ],
)
def test_what_is_no_signing_key_is_refused(put, data, words):
    """Each wrong content of a key file gets its own sentence with the file and what was found."""
    path = put(data)
    with pytest.raises(TrustError) as caught:
        load_signer(path, passphrase=None)
    assert caught.value.message.startswith(str(path))
    assert words in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA rig", "holds 0 PEM blocks"),
        (pkcs8(P256), "is a private key; expected a public key"),
        (OPENSSH, "is a private key; expected a public key"),
        (public_pem(P256) + public_pem(ED25519), "holds 2 PEM blocks"),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "holds 'CERTIFICATE'; expected 'PUBLIC KEY'",
        ),
        (public_pem(P256).replace(b"M", b"!", 1), "is damaged"),
        (public_pem(P256) * 100, "is longer than 16384 bytes"),
        (public_pem(rsa.generate_private_key(65537, 2048)), "kind RSA, 2048 bits"),
        (public_pem(dsa.generate_private_key(2048)), "kind DSA, 2048 bits"),
        (public_pem(ec.generate_private_key(ec.SECP521R1())), "kind ECDSA on secp521r1"),
    ],
)
def test_what_is_no_public_key_is_refused(put, data, words):
    """A trusted key file with anything but one accepted public key is refused by name."""
    path = put(data, "a.pub", 0o644)
    with pytest.raises(TrustError) as caught:
        load_public_keys([path])
    assert str(path) in caught.value.message
    assert words in caught.value.message
    assert caught.value.hint


def test_a_missing_public_key_is_named(tmp_path):
    """A path that is not there, or is a folder, is an error with its name, not an empty set of trusted keys."""
    for path in (tmp_path / "missing.pub", tmp_path):
        with pytest.raises(TrustError, match="cannot be read") as caught:
            load_public_keys([path])
        assert str(path) in caught.value.message


def test_a_public_key_counts_once(put):
    """One key in two files is one trusted key; two keys are two, in the order given."""
    first, copy = put(public_pem(P256), "a.pub"), put(b"\n" + public_pem(P256), "b.pub")
    second = put(public_pem(ED25519), "c.pub")
    assert [key.algorithm for key in load_public_keys([first, copy, second])] == ["ecdsa-p256", "ed25519"]


def test_ed25519_keys_are_loaded(put):
    """An Ed25519 key made elsewhere signs, and verifies under its fingerprint."""
    signer = load_signer(put(pkcs8(ED25519)), passphrase=None)
    envelope = sign(build_views_statement({"a": "0" * 64}, "run-1"), signer)
    keys = load_public_keys([put(public_pem(ED25519), "a.pub")])
    assert verify_envelope(envelope, keys).key_fingerprint == signer.public_key.keyid


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"secret", b"secret"),
        (b"secret\n", b"secret"),
        (b"secret\r\n", b"secret"),
        (b"secret\n\n", b"secret\n"),
        (b" secret \n", b" secret "),
        (b"se\ncret", b"se\ncret"),
        (b"secret\r", b"secret\r"),
        ("größe\n".encode(), "größe".encode()),
        (b"x" * 1023 + b"\r\n", b"x" * 1023),
    ],
)
def test_one_line_end_is_not_part_of_a_passphrase(put, data, expected):
    """From a file and from a descriptor the passphrase is every byte but one line end."""
    assert read_passphrase(put(data), None) == expected
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    assert read_passphrase(None, reading) == expected
    os.close(reading)


@pytest.mark.parametrize(("data", "words"), [(b"", "is empty"), (b"\n", "is empty"), (b"x" * 1024, "longer than")])
def test_a_passphrase_source_must_hold_one(put, data, words):
    """An empty or overlong passphrase is refused, with the place it was read from."""
    path = put(data)
    with pytest.raises(UsageError, match=words) as caught:
        read_passphrase(path, None)
    assert str(path) in caught.value.message


def test_a_passphrase_file_must_be_private(put, tmp_path):
    """A passphrase that others can read protects nothing; a missing or huge file is refused too."""
    with pytest.raises(TrustError, match="mode 0640"):
        read_passphrase(put(b"secret", mode=0o640), None)
    with pytest.raises(TrustError, match="cannot be read"):
        read_passphrase(tmp_path / "missing", None)
    with pytest.raises(TrustError, match="is longer than"):
        read_passphrase(put(b"x" * 100_000), None)


def test_one_source_of_a_passphrase_at_most(put):
    """No source is no passphrase; two are a mistake."""
    assert read_passphrase(None, None) is None
    with pytest.raises(UsageError, match="give one of the two|were given"):
        read_passphrase(put(b"secret"), 0)


@pytest.mark.parametrize("fd", [-1, 987_654])
def test_a_descriptor_that_is_not_open_is_refused(fd):
    """A descriptor that nobody opened is a usage error with its number."""
    with pytest.raises(UsageError, match=f"descriptor {fd} cannot be read"):
        read_passphrase(None, fd)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
@pytest.mark.parametrize("key", [P256, ED25519])
def test_the_fingerprint_is_that_of_ssh_keygen(put, key):
    """A key's fingerprint is what `ssh-keygen -l` prints for it."""
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    command = ["ssh-keygen", "-l", "-E", "sha256", "-f", put(line + b"\n", "ssh.pub")]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    (public,) = load_public_keys([put(public_pem(key), "a.pub")])
    assert public.fingerprint in printed.split()
