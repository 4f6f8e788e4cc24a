"""The token's file."""

import os

import pytest

from hilrig.app.web.token import fresh_token, kept_token
from hilrig.core.errors import TrustError


def test_fresh_tokens_differ_and_are_long():
    """43 characters are 256 bits."""
    assert fresh_token() != fresh_token()
    assert len(fresh_token()) == 43


def test_a_missing_file_is_made_for_its_user_only(tmp_path):
    """The token stays the same from start to start, and nobody else can read it, whatever the umask."""
    before = os.umask(0)
    try:
        token = kept_token(tmp_path / "token")
    finally:
        os.umask(before)
    assert kept_token(tmp_path / "token") == token
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_reach_is_refused(tmp_path, mode):
    """The message names the mode and the way out."""
    kept_token(tmp_path / "token")
    (tmp_path / "token").chmod(mode)
    with pytest.raises(TrustError, match=f"{mode:04o}") as caught:
        kept_token(tmp_path / "token")
    assert caught.value.hint.startswith("chmod 600")


def test_a_link_is_not_followed(tmp_path):
    """A planted link could give a token that somebody else knows."""
    kept_token(tmp_path / "token")
    (tmp_path / "link").symlink_to(tmp_path / "token")
    with pytest.raises(TrustError, match="cannot be read"):
        kept_token(tmp_path / "link")


@pytest.mark.parametrize("text", ["", "short", "a b" * 20, "x" * 200, "ä" * 40])
def test_a_file_without_a_token_is_refused(tmp_path, text):
    """An empty or short token would be none."""
    (tmp_path / "token").touch(mode=0o600)
    (tmp_path / "token").write_text(text)
    with pytest.raises(TrustError, match="one token"):
        kept_token(tmp_path / "token")


def test_a_folder_that_is_missing_is_told(tmp_path):
    """No crash, a next step."""
    with pytest.raises(TrustError, match="cannot be made"):
        kept_token(tmp_path / "nowhere" / "token")
