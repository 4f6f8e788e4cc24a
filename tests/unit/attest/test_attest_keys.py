"""Keys that are made: no half of one is lost, shown to others or left out of the list."""

import errno
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from hilrig.attest.envelope import sign, verify_envelope
from hilrig.attest.keys import create_key, list_keys, load_public_keys, load_signer
from hilrig.attest.result_statement import build_views_statement
from hilrig.core.errors import PreconditionError, TrustError, UsageError
from hostile_hands import folder as folder_instead
from hostile_hands import pipe


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "keys"


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


@pytest.mark.parametrize("hand", [pipe, folder_instead])
def test_what_is_no_file_is_not_waited_for(folder, hand):
    """A pipe that nobody writes to in the place of a public key would hang whoever lists or loads it."""
    info = create_key(folder, "a", passphrase=None)
    hand(info.public_path)
    for read in (lambda: list_keys(folder), lambda: load_public_keys([info.public_path])):
        with pytest.raises(TrustError, match=r"a\.pub cannot be read: it is not a regular file"):
            read()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_reads_the_key_files(folder):
    """OpenSSL opens the encrypted private half with its passphrase and derives the very .pub file from it."""
    info = create_key(folder, "rig", passphrase=b"correct horse")
    command = ["openssl", "pkey", "-in", info.private_path, "-passin", "pass:correct horse", "-pubout"]
    assert subprocess.run(command, capture_output=True, check=True).stdout == info.public_path.read_bytes()
