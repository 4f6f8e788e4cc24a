import io
import stat
import zipfile
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilrig.core.errors import RecordError
from hilrig.core.golden_bundle import Answer, BundleInfo, ExpectedFrame
from hilrig.gate.bundle_zip import Bundle, pack, unpack

INFO = BundleInfo(
    profile_name="color-station",
    profile_sha256="1" * 64,
    device_class="x86-cpu",
    bundle_sha256="2" * 64,
    pipeline_sha256="3" * 64,
    set_sha256="4" * 64,
    versions={"hilrig": "0.1.0"},
    thresholds={"red": 0.5},
    tolerance=1e-3,
    files_sha256={},
)


def expected(place: int) -> ExpectedFrame:
    return ExpectedFrame(
        name=f"inputs/{place:03d}.png",
        index=place,
        why=("red",),
        width_px=8,
        height_px=8,
        pixels_sha256="5" * 64,
        truth=("red",),
        answer=Answer(found=("red",), scores={"red": 0.75}, score=0.75),
    )


def make_bundle(n=2, log=b"", info=INFO) -> Bundle:
    frames = tuple(expected(place) for place in range(n))
    return Bundle(info=info, expected=frames, inputs={frame.name: b"picture" for frame in frames}, log=log)


GOOD = pack(make_bundle(log=b'{"seq": 1}\n'))


def files_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files, *, method=zipfile.ZIP_STORED, mode=stat.S_IFREG | 0o644) -> bytes:
    """Return a zip as a hostile hand would write it: otherwise in the form that hilrig writes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr, entry.create_system, entry.compress_type = mode << 16, 3, method
            archive.writestr(entry, data)
    return target.getvalue()


def test_what_is_packed_comes_back():
    """Info, frames, pictures and log are the same, with the digests of the files filled in."""
    bundle = unpack(GOOD, what="b.zip")
    assert bundle.expected == make_bundle().expected
    assert bundle.inputs == make_bundle().inputs
    assert bundle.log == b'{"seq": 1}\n'
    assert replace(bundle.info, files_sha256={}) == INFO
    assert set(bundle.info.files_sha256) == {"expected.json", "log.jsonl", "inputs/000.png", "inputs/001.png"}


def test_equal_bundles_have_equal_bytes():
    """No clock, no order of a dict: made twice it is the same file."""
    turned = Bundle(INFO, make_bundle().expected, dict(reversed(make_bundle().inputs.items())), b'{"seq": 1}\n')
    assert pack(turned) == GOOD


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../evil", "does not belong"),
        ("/etc/passwd", "does not belong"),
        ("inputs/../../evil.png", "does not belong"),
        ("inputs\\000.png", "does not belong"),
        ("inputs/0000.png", "does not belong"),
        ("inputs/\u0660\u0660\u0660.png", "does not belong"),
        ("model.onnx", "does not belong"),
        ("key.pem", "does not belong"),
        ("inputs/000.png", "given twice"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_foreign_name_is_refused(name, why):
    """Paths that leave the bundle, files that are none of it, and a name that is there twice."""
    data = zipped([*files_of(GOOD).items(), (name, b"x")])
    with pytest.raises(RecordError, match=why):
        unpack(data, what="b.zip")


def test_a_link_is_refused():
    """A symbolic link has a file's content and another mode."""
    with pytest.raises(RecordError, match="a link or something else"):
        unpack(zipped(files_of(GOOD).items(), mode=stat.S_IFLNK | 0o777), what="b.zip")


def test_a_bomb_is_refused_before_it_is_read():
    """100 MiB of zeros in 100 KiB: compressed files are never opened."""
    data = zipped([("inputs/000.png", bytes(100 << 20))], method=zipfile.ZIP_DEFLATED)
    assert len(data) < 1 << 20
    with pytest.raises(RecordError, match="compressed"):
        unpack(data, what="b.zip")


def test_too_many_files_are_refused():
    """Thirty pictures are more than any bundle has."""
    with pytest.raises(RecordError, match="30 files"):
        unpack(zipped([(f"inputs/{place:03d}.png", b"") for place in range(30)]), what="b.zip")


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"#!/bin/sh\n" + data,
        lambda data: data + b"tail",
        lambda data: data[:-2] + b"\x04\x00more",  # a comment
        lambda data: data[:-30],
        lambda data: b"",
        lambda data: b"PK\x05\x06" + bytes(18),
    ],
)
def test_bytes_that_hilrig_would_not_write_are_refused(change):
    """A script before it, a tail or a comment behind it, a cut: none of that is a bundle."""
    with pytest.raises(RecordError, match="is no golden diagnostic bundle"):
        unpack(change(GOOD), what="b.zip")


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(place, flip):
    """Headers, names, pictures, JSON: there is no byte that may be another one."""
    data = bytearray(GOOD)
    data[place] ^= flip
    with pytest.raises(RecordError):
        unpack(bytes(data), what="b.zip")


def test_a_picture_that_was_exchanged_is_refused():
    """A valid zip around another picture: the digest in bundle.json is not its own."""
    files = files_of(GOOD) | {"inputs/001.png": b"another"}
    with pytest.raises(RecordError, match="not those that bundle.json lists"):
        unpack(zipped(files.items()), what="b.zip")


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "", "A", "x" * 65])
def test_a_profile_s_name_that_is_a_path_is_refused(name):
    """The name chooses whose pipeline runs: a path would run a stranger's code."""
    with pytest.raises(RecordError, match="names no profile"):
        unpack(pack(make_bundle(info=replace(INFO, profile_name=name))), what="b.zip")


def test_frames_and_pictures_must_be_the_same():
    """A picture that nobody speaks of, or one that is missing, or none at all."""
    more = make_bundle()._replace(inputs={**make_bundle().inputs, "inputs/002.png": b"x"})
    for bundle in (more, make_bundle(0), make_bundle()._replace(expected=(expected(0),))):
        with pytest.raises(RecordError, match="each picture once"):
            unpack(pack(bundle), what="b.zip")


def test_an_encrypted_file_is_refused():
    """A flag in both headers that asks for a password, which nobody has."""
    data = bytearray(GOOD)
    for start in (b"PK\x03\x04", b"PK\x01\x02"):
        place = data.find(start)
        while place >= 0:
            data[place + (6 if start[2] == 3 else 8)] |= 1
            place = data.find(start, place + 4)
    with pytest.raises(RecordError, match="encrypted"):
        unpack(bytes(data), what="b.zip")
