"""The host keys of rigs: what a rig shows, what was accepted."""

import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from hilrig.core.errors import PreconditionError, RigLostError, TrustError
from hilrig.rig.ssh.host_keys import HostKey, accept, accepted_keys, known_name, offered_keys
from hilrig.rig.ssh.options import SshOptions
from sshd import make_key, running_sshd, silent_port

pytestmark = pytest.mark.waiting


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    """Give a real sshd that no test of this file changes."""
    with running_sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


def options_of(sshd, **changed):
    """Return options that reach it; known hosts are beside the rig file of the test."""
    return SshOptions(**sshd.options(**{"known_hosts": "known_hosts", **changed}))


def a_key(folder: Path, name="other", kind="ed25519", host="192.0.2.7"):
    """Make a host key, and return it as one that `host` has shown."""
    make_key(folder / name, kind)
    words = (folder / f"{name}.pub").read_text().split()
    return HostKey(key_type=words[0], fingerprint=fingerprint(folder / name), line=f"{host} {words[0]} {words[1]}")


def fingerprint(path: Path) -> str:
    """Return what ssh-keygen says of a key."""
    done = subprocess.run(["ssh-keygen", "-lf", f"{path}.pub"], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def test_the_rig_shows_its_key(sshd, tmp_path):
    """The fingerprint is the one that a person reads on the rig itself; nothing is written."""
    keys = offered_keys(options_of(sshd), "bench", tmp_path)
    assert [(key.key_type, key.fingerprint) for key in keys] == [("ssh-ed25519", fingerprint(sshd.host_key))]
    assert list(tmp_path.iterdir()) == []


def test_nobody_logs_in_to_see_a_key(sshd, tmp_path):
    """A key can be looked at before the rig knows this user."""
    offered_keys(options_of(sshd, user="nobody-here", key_file=""), "bench", tmp_path)
    assert "Accepted" not in sshd.log.read_text()


def test_a_key_that_was_accepted_is_found_again(sshd, tmp_path):
    """What was shown and accepted is what the rig is known by, under the name that ssh looks for."""
    options = options_of(sshd)
    (key,) = offered_keys(options, "bench", tmp_path)
    assert accepted_keys(options, tmp_path) == ()
    accept(options, tmp_path, key)
    assert accepted_keys(options, tmp_path) == (key,)
    assert key.line.split()[0] == known_name(options, tmp_path) == f"[{sshd.host}]:{sshd.port}"


def test_the_file_is_its_owners_alone(sshd, tmp_path):
    """Nobody else can put a key of his own there; nothing else is left in the folder."""
    options = options_of(sshd)
    accept(options, tmp_path, a_key(tmp_path, host=known_name(options, tmp_path)))
    assert stat.S_IMODE((tmp_path / "known_hosts").stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"known_hosts", "other", "other.pub"}


def test_the_alias_is_the_name_of_a_rig_that_moves(sshd, tmp_path):
    """With an alias the key is looked for under it, wherever the rig is."""
    options = options_of(sshd, host_key_alias="line3-orin")
    (key,) = offered_keys(options, "bench", tmp_path)
    assert key.line.split()[0] == known_name(options, tmp_path) == "line3-orin"
    accept(options, tmp_path, key)
    assert accepted_keys(replace(options, host="192.0.2.99", port=2222), tmp_path) == (key,)


def test_the_same_key_twice_is_one_line(tmp_path):
    """Enrolling again changes nothing."""
    options = SshOptions(host="192.0.2.7")
    key = a_key(tmp_path)
    accept(options, tmp_path, key)
    accept(options, tmp_path, key)
    assert (tmp_path / "known_hosts").read_text() == f"{key.line}\n"


def test_another_key_needs_a_word(tmp_path):
    """A second key is refused while nobody says that it takes the first one's place."""
    options = SshOptions(host="192.0.2.7")
    first, second = a_key(tmp_path, "first"), a_key(tmp_path, "second")
    accept(options, tmp_path, first)
    with pytest.raises(TrustError, match=first.fingerprint.replace("+", r"\+")):
        accept(options, tmp_path, second)
    assert accepted_keys(options, tmp_path) == (first,)


def test_a_key_of_another_kind_needs_a_word_too(tmp_path):
    """It is no way round: a stranger could show a kind that the rig has never shown."""
    options = SshOptions(host="192.0.2.7")
    accept(options, tmp_path, a_key(tmp_path, "first"))
    with pytest.raises(TrustError):
        accept(options, tmp_path, a_key(tmp_path, "second", "ecdsa"))


def test_replacing_takes_all_older_keys_away(tmp_path):
    """Also those of other kinds: ssh would ask for them first and call the rig changed."""
    options = SshOptions(host="192.0.2.7")
    old, other_kind, new = (
        a_key(tmp_path, name, kind) for name, kind in (("a", "ed25519"), ("b", "ecdsa"), ("c", "ed25519"))
    )
    (tmp_path / "known_hosts").write_text(f"{old.line}\n{other_kind.line}\n")
    accept(options, tmp_path, new, replace=True)
    assert accepted_keys(options, tmp_path) == (new,)


def test_other_rigs_keep_their_lines(tmp_path):
    """Comments, other hosts, the same host on another port, a last line without its end: all as they were."""
    others = a_key(tmp_path, "x", host="[192.0.2.7]:2222").line
    kept = f"# our lab\n\n{others}\nline3 {others.split(' ', 1)[1]}"
    (tmp_path / "known_hosts").write_text(kept)
    key = a_key(tmp_path)
    accept(SshOptions(host="192.0.2.7"), tmp_path, key, replace=True)
    assert (tmp_path / "known_hosts").read_text() == f"{kept}\n{key.line}\n"


def test_hashed_names_are_found(tmp_path):
    """A file that ssh has made unreadable for thieves is read all the same."""
    key = a_key(tmp_path)
    (tmp_path / "known_hosts").write_text(f"{key.line}\n")
    subprocess.run(["ssh-keygen", "-H", "-f", str(tmp_path / "known_hosts")], check=True, capture_output=True)
    assert "192.0.2.7" not in (tmp_path / "known_hosts").read_text()
    found = accepted_keys(SshOptions(host="192.0.2.7"), tmp_path)
    assert [one.fingerprint for one in found] == [key.fingerprint]


def test_revoked_and_broken_lines_are_no_accepted_keys(tmp_path):
    """A key that somebody has revoked, or a line that was cut off, does not count."""
    line = a_key(tmp_path).line
    (tmp_path / "known_hosts").write_text(f"@revoked {line}\n192.0.2.7 ssh-ed25519\n192.0.2.7 ssh-ed25519 ###\n")
    assert accepted_keys(SshOptions(host="192.0.2.7"), tmp_path) == ()


def test_a_link_to_the_labs_file_stays_one(tmp_path):
    """The file that the link leads to is changed, not the link."""
    (tmp_path / "shared").mkdir()
    (tmp_path / "known_hosts").symlink_to("shared/known_hosts")
    accept(SshOptions(host="192.0.2.7"), tmp_path, a_key(tmp_path))
    assert (tmp_path / "known_hosts").is_symlink()
    assert (tmp_path / "shared" / "known_hosts").read_text().startswith("192.0.2.7 ")


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    """The message says which one, the hint what to do."""
    (tmp_path / "file").write_text("")
    options = SshOptions(host="192.0.2.7", known_hosts="file/known_hosts")
    with pytest.raises(PreconditionError, match="file/known_hosts") as caught:
        accept(options, tmp_path, a_key(tmp_path))
    assert "let your user write" in caught.value.hint


def test_a_rig_that_is_off_shows_nothing(sshd, tmp_path):
    """It is the same clear error as for a run."""
    with silent_port() as port:
        closed = port
    with pytest.raises(RigLostError, match="no ssh server listens"):
        offered_keys(options_of(sshd, port=closed), "bench", tmp_path)


def test_a_rig_that_hangs_is_given_up(sshd, tmp_path):
    """A port that takes connections and says nothing does not keep anybody waiting."""
    with silent_port() as port, pytest.raises(RigLostError, match="says nothing for 1 s"):
        offered_keys(options_of(sshd, port=port, connect_timeout_s=2.0), "bench", tmp_path)
