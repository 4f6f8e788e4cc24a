import errno
import os
import shutil
import stat
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
from hilrig.attest.keys import create_key, list_keys, load_public_keys, load_signer, read_passphrase
from hilrig.attest.result_statement import build_views_statement
from hilrig.core.errors import PreconditionError, TrustError, UsageError

P256 = ec.generate_private_key(ec.SECP256R1())
ED25519 = ed25519.Ed25519PrivateKey.generate()


def pkcs8(key, passphrase: bytes | None = None) -> bytes:
    encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def public_pem(key) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def put(tmp_path):
    """Return a writer of one file with a mode, private by default."""

    def write(data: bytes, name: str = "a.pem", mode: int = 0o600) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        path.chmod(mode)
        return path

    return write


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_a_new_key_signs_what_its_public_half_verifies(folder, passphrase):
    """A key made in a folder that was not there signs, and its .pub file alone verifies."""
    info = create_key(folder, "rig", passphrase=passphrase)
    assert info.private_path == folder / "rig.pem"
    assert info.public_path == folder / "rig.pub"
    assert info.algorithm == "ecdsa-p256"
    signer = load_signer(info.private_path, passphrase=passphrase)
    envelope = sign(build_views_statement({"a": "0" * 64}, "run-1"), signer)
    verified = verify_envelope(envelope, load_public_keys([info.public_path]))
    assert verified.key_fingerprint == info.fingerprint == signer.public_key.keyid


def test_modes_hold_whatever_the_umask(folder):
    """With the most open umask the folder is 0700 and the private key 0600."""
    before = os.umask(0)
    try:
        info = create_key(folder, "rig", passphrase=None)
    finally:
        os.umask(before)
    assert (mode_of(folder), mode_of(info.private_path), mode_of(info.public_path)) == (0o700, 0o600, 0o644)


def test_the_private_key_is_private_before_its_first_byte(folder, monkeypatch):
    """The file has mode 0600 while it is still empty: there is no moment in which others could open it."""
    seen = []
    fdopen = os.fdopen

    def looking(fd, *args, **kwargs):
        found = os.fstat(fd)
        seen.append((stat.S_IMODE(found.st_mode), found.st_size))
        return fdopen(fd, *args, **kwargs)

    monkeypatch.setattr(os, "fdopen", looking)
    before = os.umask(0)
    try:
        create_key(folder, "rig", passphrase=None)
    finally:
        os.umask(before)
    assert seen == [(0o600, 0), (0o644, 0)]


@pytest.mark.parametrize("existing", ["rig.pem", "rig.pub"])
def test_a_key_is_never_replaced(folder, existing):
    """When either half exists nothing is written, nothing is lost, and no half is left behind."""
    folder.mkdir(mode=0o700)
    (folder / existing).write_bytes(b"precious")
    with pytest.raises(UsageError, match=rf"{existing} exists"):
        create_key(folder, "rig", passphrase=None)
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [(existing, b"precious")]


def test_a_planted_link_is_not_followed(folder, tmp_path):
    """A dangling link under the key's name does not make the key appear somewhere else."""
    folder.mkdir(mode=0o700)
    (folder / "rig.pem").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="exists"):
        create_key(folder, "rig", passphrase=None)
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_leaves_no_half_key(folder, monkeypatch):
    """When the disk is full no file stays behind and the error says so."""

    def full(_fd):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PreconditionError, match="No space left"):
        create_key(folder, "rig", passphrase=None)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_a_folder_open_to_others_is_refused(folder, mode):
    """A folder that others can enter gets no key; the message has its mode and the command that closes it."""
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(TrustError, match=f"mode {mode:04o}; expected 0700") as caught:
        create_key(folder, "rig", passphrase=None)
    assert caught.value.hint == f"chmod 700 {folder}"
    assert list(folder.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_refused(folder):
    """A file where the folder should be is an error that names it."""
    folder.write_bytes(b"")
    with pytest.raises(PreconditionError, match="keys cannot be made"):
        create_key(folder, "rig", passphrase=None)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../rig", "a/b", "/rig", "-rig", ".rig", "rig\n", "rig\0", "r" * 65, "ä"]
)
def test_a_name_is_a_plain_file_name(folder, name):
    """A name that could leave the folder, hide, look like an option or break a line is refused."""
    with pytest.raises(UsageError, match="cannot name a key"):
        create_key(folder, name, passphrase=None)
    assert not folder.exists()


@pytest.mark.parametrize(("passphrase", "words"), [(b"", "is empty"), (b"x" * 1024, "longer than 1023 bytes")])
def test_an_impossible_passphrase_makes_no_key(folder, passphrase, words):
    """An empty passphrase is not "no passphrase", and one that OpenSSL cannot take is refused before any file."""
    with pytest.raises(UsageError, match=words):
        create_key(folder, "rig", passphrase=passphrase)
    assert not folder.exists()


def test_the_longest_passphrase_works(folder):
    """1,023 bytes with a NUL among them encrypt and open."""
    passphrase = b"\0" + b"x" * 1022
    info = create_key(folder, "rig", passphrase=passphrase)
    assert load_signer(info.private_path, passphrase=passphrase).public_key.keyid == info.fingerprint


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


def test_keys_are_listed_by_name(folder):
    """The list has every key with its fingerprint, and says where the private half is not there."""
    b, a = (create_key(folder, name, passphrase=None) for name in ("b", "a.1"))
    b.private_path.unlink()
    (folder / "note.txt").write_text("not a key")
    listed = list_keys(folder)
    assert [(key.name, key.fingerprint) for key in listed] == [("a.1", a.fingerprint), ("b", b.fingerprint)]
    assert [key.private_path for key in listed] == [a.private_path, None]


def test_no_folder_is_no_keys(folder):
    """Before the first key there is no folder, and the list is empty; a file in its place is an error."""
    assert list_keys(folder) == ()
    folder.write_bytes(b"")
    with pytest.raises(TrustError, match="cannot be read"):
        list_keys(folder)


def test_a_broken_key_is_not_left_out_of_the_list(folder):
    """A damaged public key among good ones is an error with its name: a short list would look complete."""
    create_key(folder, "a", passphrase=None)
    (folder / "b.pub").write_bytes(b"")
    with pytest.raises(TrustError, match=r"b\.pub is empty"):
        list_keys(folder)


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


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_reads_the_key_files(folder):
    """OpenSSL opens the encrypted private half with its passphrase and derives the very .pub file from it."""
    info = create_key(folder, "rig", passphrase=b"correct horse")
    command = ["openssl", "pkey", "-in", info.private_path, "-passin", "pass:correct horse", "-pubout"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == info.public_path.read_bytes()
