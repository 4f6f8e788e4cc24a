"""hilrig.cli.node.options: the token of the service, as files and secrets of containers bring it."""

import os

import pytest

from hilrig.cli.node.options import read_token
from hilrig.core.errors import UsageError


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text("a-long-secret\n")
    path.chmod(0o600)
    return path


def test_a_token_is_a_private_file(token):
    """Its one line, without the line end; no file is no token."""
    assert read_token(token) == "a-long-secret"
    assert read_token(None) == ""


def test_a_token_that_others_can_read_is_refused(token):
    """The message says what to do."""
    token.chmod(0o644)
    with pytest.raises(UsageError, match="can be read by others") as refused:
        read_token(token)
    assert "chmod 600" in refused.value.hint


def test_a_secret_that_a_container_was_given_is_taken(token, monkeypatch):
    """Kubernetes mounts it as root's, readable by the pod's group: service and agent both start."""
    token.chmod(0o440)
    owner = token.stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    assert read_token(token) == "a-long-secret"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_file_without_a_token_is_refused(token, content):
    """Empty or no text: a service that anybody could use must not start."""
    token.write_bytes(content)
    with pytest.raises(UsageError):
        read_token(token)
    token.unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        read_token(token)
