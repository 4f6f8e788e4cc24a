"""What git says of a profile's folder."""

from pathlib import Path

import pytest

from gate_folders import git
from hilrig.app.gate.source_state import source_state
from hilrig.core.canonical import sha256_hex
from hilrig.core.errors import PreconditionError, TrustError


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """Return a folder in a tagged repository with a lock file."""
    folder = tmp_path / "source" / "station"
    folder.mkdir(parents=True)
    (folder / "profile.yaml").write_text("x")
    (folder.parent / "uv.lock").write_text("lock")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"], ["tag", "v1"]):
        git(folder.parent, *words)
    return folder


def test_a_tagged_clean_tree(profile: Path) -> None:
    """Commit, tag and the digest of the lock file are told."""
    found = source_state(profile, lock=None)
    assert found is not None
    assert (len(found.commit), found.tag, found.lock_sha256) == (40, "v1", sha256_hex(b"lock"))


def test_a_changed_or_unknown_file_takes_the_tag_away(profile: Path) -> None:
    """The tree is not the tag's any more; an unknown file elsewhere in the repository changes nothing."""
    (profile.parent / "notes.txt").write_text("x")
    assert source_state(profile, lock=None).tag == "v1"
    (profile / "new.txt").write_text("x")
    assert source_state(profile, lock=None).tag == ""
    (profile / "new.txt").unlink()
    (profile.parent / "uv.lock").write_text("other")
    assert source_state(profile, lock=None).tag == ""


def test_a_commit_without_a_tag(profile: Path) -> None:
    """A tag on the commit before says nothing of this one."""
    git(profile, "commit", "-q", "--allow-empty", "-m", "y")
    assert source_state(profile, lock=None).tag == ""


def test_outside_of_a_repository_nobody_can_tell(tmp_path: Path) -> None:
    """No git, no statement; and settings of the caller's environment lead to no other repository."""
    assert source_state(tmp_path, lock=None) is None


def test_the_environment_leads_to_no_other_repository(
    profile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GIT_DIR of a hook or a CI system is not what the profile was built from."""
    monkeypatch.setenv("GIT_DIR", str(profile.parent / ".git"))
    assert source_state(tmp_path, lock=None) is None


def test_a_repository_starts_no_program(profile: Path, tmp_path: Path) -> None:
    """A file system monitor in the repository's own settings is not called."""
    script = tmp_path / "monitor"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path / 'called'}\n")
    script.chmod(0o755)
    git(profile, "config", "core.fsmonitor", str(script))
    assert source_state(profile, lock=None) is not None
    assert not (tmp_path / "called").exists()


def test_a_named_lock_file_must_be_there_and_be_a_file(profile: Path, tmp_path: Path) -> None:
    """A name that leads nowhere is a mistake; a link is never followed."""
    with pytest.raises(PreconditionError, match=r"no\.lock is missing"):
        source_state(profile, lock=tmp_path / "no.lock")
    (tmp_path / "link.lock").symlink_to(profile.parent / "uv.lock")
    with pytest.raises(TrustError, match="symbolic link"):
        source_state(profile, lock=tmp_path / "link.lock")
