import errno
import io
import os
import subprocess
import threading
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_files import asked, header, missing, names, sha256_of, upload, work_folder
from hilrig.core.errors import PreconditionError, RecordError, RigLostError, UsageError
from hilrig.rig.agent import blobs
from hilrig.rig.agent.blobs import have, receive
from small_disks import mounted

pytestmark = pytest.mark.waiting

MODEL = bytes(range(256)) * 10_000  # 2.5 MB: three reads
HALF = 1_500_000


@pytest.fixture
def work(tmp_path):
    return work_folder(tmp_path / "work")


class Staged(io.BytesIO):
    """A stream that does something when its reader comes past a byte."""

    def __init__(self, data, *, at, then):
        super().__init__(data)
        self._at, self._then = at, then

    def read(self, size=-1):
        data = super().read(size)
        if self._then is not None and self.tell() > self._at:
            then, self._then = self._then, None
            then()
        return data


def received(work, stream):
    return asked(receive, work, stream=stream if isinstance(stream, io.BytesIO) else io.BytesIO(stream))


def test_what_was_uploaded_is_here_until_it_changes(work):
    """A blob is read-only and lies under its digest; each is answered for as it is in place."""
    answers = received(work, header(MODEL) + MODEL + header(b"") + header(b"x") + b"x")
    assert answers == [{"received": sha256_of(data)} for data in (MODEL, b"", b"x")] + [{"n_received": 3}]
    assert missing(work, MODEL, b"", b"x") == []
    assert work.blob(sha256_of(MODEL)).read_bytes() == MODEL
    assert work.blob(sha256_of(MODEL)).stat().st_mode & 0o777 == 0o444
    assert names(work.blobs) == sorted(sha256_of(data) for data in (MODEL, b"", b"x"))


def test_an_empty_rig_has_nothing(work):
    """A work folder without blobs/ misses all of it, from the first byte on."""
    assert missing(work, MODEL) == [{"sha256": sha256_of(MODEL), "at": 0}]
    assert asked(have, work, files=[]) == [{"missing": []}]
    assert received(work, b"") == [{"n_received": 0}]


@pytest.mark.parametrize("altered", [MODEL[:-1] + b"!", MODEL[:-1], MODEL + b"!", b""])
def test_a_blob_that_was_altered_on_disk_is_removed_and_sent_anew(work, altered):
    """Its name says what it was; only its bytes say what it is."""
    upload(work, MODEL)
    blob = work.blob(sha256_of(MODEL))
    blob.chmod(0o644)
    blob.write_bytes(altered)
    assert missing(work, MODEL) == [{"sha256": sha256_of(MODEL), "at": 0}]
    assert not blob.exists()
    upload(work, MODEL)
    assert missing(work, MODEL) == []


def test_a_link_planted_as_a_blob_is_not_followed(work, tmp_path):
    """Even when the file behind it has the right bytes: they may change when nobody looks."""
    (tmp_path / "elsewhere").write_bytes(MODEL)
    work.blobs.mkdir()
    work.blob(sha256_of(MODEL)).symlink_to(tmp_path / "elsewhere")
    assert missing(work, MODEL) == [{"sha256": sha256_of(MODEL), "at": 0}]
    assert names(work.blobs) == []
    assert (tmp_path / "elsewhere").read_bytes() == MODEL


def test_a_link_planted_as_a_half_upload_is_not_written_through(work, tmp_path):
    """The upload is refused, the link is taken away, what it names is as it was; the next upload goes through."""
    (tmp_path / "victim").write_bytes(b"precious")
    work.blobs.mkdir()
    work.part(sha256_of(MODEL)).symlink_to(tmp_path / "victim")
    assert missing(work, MODEL)[0]["at"] == 0
    with pytest.raises(PreconditionError, match="symbolic links"):
        upload(work, MODEL)
    assert (tmp_path / "victim").read_bytes() == b"precious"
    upload(work, MODEL)
    assert missing(work, MODEL) == []


def test_a_broken_upload_goes_on_where_it_broke(work):
    """The half stays, is reported, and only the rest is sent."""
    with pytest.raises(RigLostError, match=f"ended at byte {HALF} of {len(MODEL)}"):
        received(work, header(MODEL) + MODEL[:HALF])
    assert missing(work, MODEL) == [{"sha256": sha256_of(MODEL), "at": HALF}]
    received(work, header(MODEL, at=HALF) + MODEL[HALF:])
    assert missing(work, MODEL) == []


def test_a_half_upload_with_wrong_bytes_is_dropped_as_a_whole(work):
    """The digest is over all of it, not over what came now; after that it is sent from the start."""
    with pytest.raises(RigLostError):
        received(work, header(MODEL) + b"?" * HALF)
    with pytest.raises(RecordError, match="changed on its way"):
        received(work, header(MODEL, at=HALF) + MODEL[HALF:])
    assert missing(work, MODEL) == [{"sha256": sha256_of(MODEL), "at": 0}]
    assert names(work.blobs) == []


def test_a_half_upload_that_is_longer_than_the_blob_does_no_harm(work):
    """Left by something else: it is not gone on with, and what is too long of it is cut."""
    work.blobs.mkdir()
    work.part(sha256_of(b"short")).write_bytes(b"x" * 100)
    assert missing(work, b"short")[0]["at"] == 0
    upload(work, b"short")
    assert work.blob(sha256_of(b"short")).read_bytes() == b"short"


@pytest.mark.parametrize("at", [1, HALF + 1, len(MODEL), len(MODEL) + 1])
def test_an_upload_never_leaves_a_hole(work, at):
    """Going on behind what is here would put zeros between: it is refused."""
    with pytest.raises(RecordError, match="0 bytes of it are on the rig"):
        received(work, header(MODEL, at=at) + MODEL[at:])
    assert missing(work, MODEL)[0]["at"] == 0


def test_a_changed_bit_is_found(work):
    """Whatever the link did: what is not the file does not become it."""
    changed = bytearray(MODEL)
    changed[HALF] ^= 1
    with pytest.raises(RecordError, match="changed on its way"):
        received(work, header(MODEL) + bytes(changed))
    assert names(work.blobs) == []


@pytest.mark.parametrize(
    "line",
    [
        b"{}\n",
        b"[]\n",
        b"x\n",
        b'{"sha256": "../../etc/passwd", "size": 1, "at": 0}\n',
        b'{"sha256": "' + b"a" * 64 + b'", "size": -1, "at": 0}\n',
        b'{"sha256": "' + b"a" * 64 + b'", "size": 1e9, "at": 0}\n',
        b'{"sha256": "' + b"a" * 64 + b'", "size": 1}\n',
    ],
)
def test_a_header_that_cannot_be_meant_is_refused(work, line):
    """Nothing is written for it."""
    with pytest.raises((UsageError, RecordError)):
        received(work, line + b"data")
    assert names(work.blobs) == []


def test_a_claim_of_more_than_the_disk_has_is_refused_before_a_byte_is_written(tmp_path):
    """2 GB for a disk of 4 MiB: the sender learns it at once, with folder, free and needed MiB."""
    with mounted(tmp_path / "disk", "size=4m") as folder:
        work = work_folder(folder / "work")
        with pytest.raises(PreconditionError, match=r"work/blobs has [34]\.\d MiB free, 1907\.3 MiB are needed"):
            received(work, header(MODEL, size=2_000_000_000) + MODEL)
        assert names(work.blobs) == []


def test_a_disk_that_fills_up_meanwhile_gets_its_room_back(tmp_path):
    """Somebody else takes the room during the upload: the half upload is removed, and the answer says why."""
    with mounted(tmp_path / "disk", "size=4m") as folder:
        work = work_folder(folder / "work")
        other = folder / "other"
        stream = Staged(header(MODEL) + MODEL, at=1_100_000, then=lambda: other.write_bytes(b"x" * (2 << 20)))
        with pytest.raises(PreconditionError, match="no room on the rig"):
            received(work, stream)
        assert names(work.blobs) == []
        other.unlink()
        upload(work, MODEL)
        assert missing(work, MODEL) == []


def test_a_read_only_work_folder_is_told(tmp_path):
    """Not as a full disk, and with what to do."""
    with mounted(tmp_path / "disk", "size=4m") as folder:
        work = work_folder(folder / "work")
        upload(work, b"before")
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        with pytest.raises(PreconditionError, match="Read-only file system") as told:
            upload(work, MODEL)
        assert "work_folder" in told.value.hint
        assert missing(work, b"before") == []


@pytest.mark.parametrize("cut", [0, 1, HALF])
def test_two_uploads_of_one_file_at_once_both_succeed(work, cut):
    """The second begins while the first is in its middle, and ends before it: one whole blob, no half."""
    staged = Staged(header(MODEL) + MODEL, at=1_000_000 + cut, then=lambda: upload(work, MODEL))
    assert received(work, staged)[0] == {"received": sha256_of(MODEL)}
    assert missing(work, MODEL) == []
    assert names(work.blobs) == [sha256_of(MODEL)]


def test_a_wrong_upload_cannot_change_a_blob_that_stands(work):
    """It began before the right one and goes on after it: its bytes go nowhere."""
    staged = Staged(header(MODEL) + b"?" * len(MODEL), at=1_000_000, then=lambda: upload(work, MODEL))
    received(work, staged)
    assert missing(work, MODEL) == []
    assert work.blob(sha256_of(MODEL)).read_bytes() == MODEL


def test_many_uploads_in_threads_leave_one_blob(work):
    """Eight at once, in real threads: each is answered for, and the blob is whole."""
    errors = []

    def one():
        try:
            upload(work, MODEL)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert missing(work, MODEL) == []
    assert names(work.blobs) == [sha256_of(MODEL)]


def test_an_upload_whose_client_is_gone_does_not_block_the_next(work):
    """The link broke and nobody on the rig has noticed: the resumed upload ends while the old one still waits."""
    reader, writer = os.pipe()
    old = os.fdopen(reader, "rb")
    failed = []

    def wait():
        try:
            asked(receive, work, stream=old)
        except RigLostError as error:
            failed.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    os.write(writer, header(MODEL) + MODEL[:1000])
    upload(work, MODEL)
    assert missing(work, MODEL) == []
    os.close(writer)
    thread.join()
    old.close()
    assert len(failed) == 1
    assert missing(work, MODEL) == []


def test_looking_for_a_blob_marks_it_as_used(work):
    """Tidying removes what nobody asked for longest."""
    upload(work, MODEL)
    blob = work.blob(sha256_of(MODEL))
    os.utime(blob, (1_600_000_000, 1_600_000_000))
    missing(work, MODEL)
    assert blob.stat().st_mtime > 1_600_000_000


def test_a_blob_that_cannot_be_read_is_taken_for_missing(work, monkeypatch):
    """A bad sector: the file is removed and sent again, not trusted and not the end."""
    upload(work, MODEL)

    def broken(file):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(blobs, "digest_of", broken)  # no real disk here can be made to fail in one place
    assert missing(work, MODEL)[0]["at"] == 0
    assert not work.blob(sha256_of(MODEL)).exists()


SIZES = st.integers(min_value=0, max_value=3000)


@given(cuts=st.lists(SIZES, max_size=5), size=SIZES)
def test_any_chain_of_broken_links_ends_with_the_file(tmp_path_factory, cuts, size):
    """However often and wherever the link breaks, going on from what `have` says gives the file."""
    work = work_folder(tmp_path_factory.mktemp("work"))
    data = os.urandom(size)
    for cut in [*cuts, size]:
        for item in missing(work, data):
            at = item["at"]
            with suppress(RigLostError):
                received(work, header(data, at=at) + data[at : at + cut])
    assert missing(work, data) == []
