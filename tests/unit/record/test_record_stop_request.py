"""hilrig.record.stop_request: stop.json."""

import json

import pytest

from hilrig.core.errors import RecordError
from hilrig.core.run import Ended
from hilrig.record.stop_request import StopRequest, read_stop_request, withdraw_late_request, write_stop_request

REQUEST = StopRequest(by="Ada", reason="the belt stands", at_utc="2026-11-21T05:33:12.000000Z")


def test_a_request_is_read_as_it_was_written(tmp_path):
    """Name, reason and time come through, and nothing else is left in the folder."""
    write_stop_request(tmp_path, REQUEST)
    assert read_stop_request(tmp_path) == REQUEST
    assert [path.name for path in tmp_path.iterdir()] == ["stop.json"]


def test_without_a_request_there_is_none(tmp_path):
    """The usual answer of every poll."""
    assert read_stop_request(tmp_path) is None


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (REQUEST, "stopped by Ada: the belt stands"),
        (StopRequest(by="Ada", reason="", at_utc=""), "stopped by Ada"),
        (StopRequest(by="", reason="", at_utc=""), "stopped by somebody"),
        (
            StopRequest(by="", reason="released by force", at_utc="", ended=Ended.LEASE_LOST),
            "the lease of the rig was lost: released by force",
        ),
    ],
)
def test_a_request_reads_as_the_reason_of_an_end(request_, words):
    """Who and why, as far as they were said."""
    assert request_.words == words


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"by": 3}', b"\xff" * 10, b"x" * 20_000])
def test_a_request_that_cannot_be_read_is_a_request(tmp_path, data):
    """Somebody wanted the run to end: a damaged file must neither be ignored nor crash the run."""
    (tmp_path / "stop.json").write_bytes(data)
    request = read_stop_request(tmp_path)
    assert request is not None
    assert request.words == "stopped by somebody: stop.json cannot be read"


def test_a_request_says_what_the_end_is_to_be_called(tmp_path):
    """The keeper of a rig writes it without this package; a person's request has no such word."""
    request = {"by": "", "reason": "kicked", "at_utc": ""}
    (tmp_path / "stop.json").write_text(json.dumps({**request, "ended": "lease_lost"}))
    assert read_stop_request(tmp_path).ended is Ended.LEASE_LOST
    (tmp_path / "stop.json").write_text(json.dumps(request))
    assert read_stop_request(tmp_path).ended is Ended.ABORTED


@pytest.mark.parametrize("ended", [ended for ended in Ended if ended not in {Ended.ABORTED, Ended.LEASE_LOST}])
def test_nobody_can_ask_for_an_end_that_could_pass(tmp_path, ended):
    """A file that calls a stopped run completed is damage: the run is stopped, and called stopped."""
    (tmp_path / "stop.json").write_text(json.dumps({"by": "", "reason": "", "at_utc": "", "ended": ended.value}))
    assert read_stop_request(tmp_path).ended is Ended.ABORTED
    assert "cannot be read" in read_stop_request(tmp_path).words


def test_a_link_is_not_followed(tmp_path):
    """The run never reads another user's file because of a name in its folder."""
    (tmp_path / "secret").write_text(json.dumps({"by": "s", "reason": "s", "at_utc": "s"}))
    (tmp_path / "stop.json").symlink_to(tmp_path / "secret")
    request = read_stop_request(tmp_path)
    assert request is not None
    assert "cannot be read" in request.words


def test_a_folder_that_is_gone_is_refused(tmp_path):
    """The message says what failed and who may do it."""
    with pytest.raises(RecordError, match="cannot be written") as caught:
        write_stop_request(tmp_path / "gone", REQUEST)
    assert "as the user who started it" in caught.value.hint


def test_a_request_after_the_hashes_is_withdrawn(tmp_path):
    """An unsigned file in a finished run would make `verify` fail for ever."""
    write_stop_request(tmp_path, REQUEST)
    withdraw_late_request(tmp_path)
    assert (tmp_path / "stop.json").exists()  # no result yet: the run is still to see it
    (tmp_path / "result.json").write_text(json.dumps({"files": {"stop.json": "ab"}}))
    withdraw_late_request(tmp_path)
    assert (tmp_path / "stop.json").exists()
    (tmp_path / "result.json").write_text(json.dumps({"files": {}}))
    withdraw_late_request(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
