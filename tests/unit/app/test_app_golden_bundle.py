import json
import os
import re
import zipfile
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from golden_stations import write_color_station
from hilrig.app.golden import making as golden_making
from hilrig.app.golden import run as golden_run
from hilrig.app.golden.bundle import bundle_facts, read_bundle
from hilrig.app.golden.check import check_bundle
from hilrig.app.golden.making import BundleRequest, make_bundle
from hilrig.attest.keys import create_key
from hilrig.core.clock import ManualClock
from hilrig.core.errors import PreconditionError, RecordError, UsageError
from hilrig.core.verdict import CheckStatus
from hilrig.feed.image_file import read_image
from hilrig.feed.png import decode_png
from hilrig.gate.bundle_zip import BUNDLE_BYTES_MAX, pack

TOKEN = "ghp_R4nd0mT0kenThatMustNotLeave1234567"  # made up


@pytest.fixture(scope="module", autouse=True)
def inspected_once():
    """Look at this machine once: what is installed does not change between the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(golden_run, "inspect_local", cache(golden_run.inspect_local))
        patch.setattr(golden_making, "package_versions", cache(golden_making.package_versions))
        yield


def made(station, out, *, n=12, log=None):
    request = BundleRequest(profile=station, out=out, n_frames=n, log=log)
    return make_bundle(request, clock=ManualClock(), shown=lambda *_: None)


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    return write_color_station(tmp_path_factory.mktemp("golden") / "s")


@pytest.fixture(scope="module")
def bundle_bytes(station):
    made(station, station.parent / "b.zip")
    return (station.parent / "b.zip").read_bytes()


@pytest.fixture
def bundle(bundle_bytes, tmp_path):
    """A copy of one bundle, since making it takes a whole golden run."""
    (tmp_path / "b.zip").write_bytes(bundle_bytes)
    return tmp_path / "b.zip"


def test_its_pictures_are_the_frames_of_the_set(station, bundle):
    """Each picture gives the very pixels of its golden frame, losslessly."""
    found = read_bundle(bundle)
    assert len(found.expected) == 12
    for frame in found.expected:
        pixels = decode_png(found.inputs[frame.name], width_px=frame.width_px, height_px=frame.height_px)
        assert np.array_equal(pixels, read_image(station / "golden" / f"{frame.index:03d}.png"))


def test_it_covers_every_label_and_a_good_part(bundle):
    """The first frames stand for something that support asks about, with the answer that is right."""
    frames = {reason: frame for frame in read_bundle(bundle).expected for reason in frame.why}
    for label in ("red", "green", "blue"):
        assert frames[label].truth == frames[label].answer.found == (label,)
        assert set(frames[label].answer.scores) == {"red", "green", "blue"}
    assert frames["no defect"].truth == frames["no defect"].answer.found == ()
    assert frames.keys() >= {"darkest", "brightest", "most blurred", "nearest to its threshold"}


def test_made_twice_it_is_the_same_file(station, bundle, tmp_path):
    """Byte for byte: no time, no path, no order of chance."""
    made(station, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == bundle.read_bytes()


def test_it_passes_where_it_was_made(station, bundle):
    """Nothing differs, in no frame and in no version."""
    check = check_bundle(bundle, station)
    assert (check.status, check.differences) == (CheckStatus.PASS, ())
    assert [frame.difference for frame in check.frames] == [0] * 12


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (("color_order: rgb", "color_order: bgr"), "pipeline: "),
        (("labels: [red, green, blue]", "labels: [green, red, blue]"), "pipeline: "),
        (("thresholds: {red: 0.5", "thresholds: {red: 0.95"), "pipeline: "),
        (("scale: 0.00392156862745098", "scale: 0.0039"), "pipeline: "),
    ],
)
def test_another_pipeline_fails_and_is_named(bundle, tmp_path, change, differs):
    """The frames that come out differently fail, and the list says that the pipeline is another one."""
    check = check_bundle(bundle, write_color_station(tmp_path / "other", change))
    assert check.status is CheckStatus.FAIL
    assert any(frame.status is CheckStatus.FAIL for frame in check.frames)
    assert [text.partition(" ")[0] + " " for text in check.differences][:2] == [differs, "profile.yaml: "]


def test_another_version_is_named_also_where_all_frames_agree(station, bundle, tmp_path):
    """Support sees at once that the rig has another runtime."""
    found = read_bundle(bundle)
    versions = {**found.info.versions, "numpy": "1.26.4"}
    bundle.write_bytes(pack(found._replace(info=replace(found.info, versions=versions))))
    check = check_bundle(bundle, station)
    assert check.status is CheckStatus.PASS
    (difference,) = check.differences
    assert re.fullmatch(r"numpy: 1\.26\.4 in the bundle, \S+ here", difference)


def test_a_picture_that_decodes_to_other_pixels_fails(station, bundle):
    """A decoder that gives other pixels is not the model's fault, and the sentence says so."""
    found = read_bundle(bundle)
    first, *rest = found.expected
    changed = (replace(first, pixels_sha256="0" * 64), *rest)
    bundle.write_bytes(pack(found._replace(expected=changed)))
    check = check_bundle(bundle, station)
    assert (check.status, check.frames[0].sentence) == (
        CheckStatus.FAIL,
        "the picture decodes to other pixels here",
    )
    assert all(frame.status is CheckStatus.PASS for frame in check.frames[1:])


def test_without_a_profile_that_of_its_name_is_taken(bundle, tmp_path, monkeypatch):
    """From ./profiles; where there is none, it is said."""
    write_color_station(tmp_path / "profiles" / "color-station")
    monkeypatch.chdir(tmp_path)
    assert check_bundle(bundle, None).status is CheckStatus.PASS
    monkeypatch.chdir(tmp_path / "profiles")
    with pytest.raises(PreconditionError, match="color-station, which is not in"):
        check_bundle(bundle, None)


def test_no_secret_goes_into_it(tmp_path, monkeypatch):
    """A private key beside the profile, a token in environment, profile and log lines: none of them is in it.

    The zip is stored, so what it holds could be found as it is; the pictures are the frames, byte for byte.
    """
    station = write_color_station(
        tmp_path / "s", ("name: color-station", f"name: color-station\ndescription: {TOKEN}")
    )
    create_key(tmp_path / "keys", "rig", passphrase=None)
    (station / "rig.pem").write_bytes((tmp_path / "keys" / "rig.pem").read_bytes())
    monkeypatch.setenv("HILRIG_TOKEN", TOKEN)
    log = tmp_path / "node.log"
    lines = [{"event": "service.fault", "seq": 3, "reason": f"Bearer {TOKEN}"}, {"node": TOKEN, "seq": 4}]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines) + f"password={TOKEN}\n")
    made(station, tmp_path / "b.zip", log=log)
    data = (tmp_path / "b.zip").read_bytes()
    key_lines = [line for line in (station / "rig.pem").read_bytes().splitlines() if not line.startswith(b"---")]
    for secret in (
        TOKEN.encode(),
        b"PRIVATE KEY",
        *key_lines,
        str(tmp_path).encode(),
        os.uname().nodename.encode(),
    ):
        assert secret not in data, secret
    assert read_bundle(tmp_path / "b.zip").log == b'{"event": "service.fault", "seq": 3}\n{"seq": 4}\n'
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        names = set(archive.namelist())
    assert names == {
        "bundle.json",
        "expected.json",
        "log.jsonl",
        *(f"inputs/{place:03d}.png" for place in range(12)),
    }


def test_what_is_too_large_is_left_out(station, bundle, tmp_path, monkeypatch):
    """Room for five and a half of the twelve pictures: the five most telling ones are in, seven are not."""
    all_of_them = read_bundle(bundle)
    n_bytes = [len(all_of_them.inputs[frame.name]) for frame in all_of_them.expected]
    room = golden_making._ROOM_FOR_WORDS + sum(n_bytes[:5]) + n_bytes[5] // 2
    monkeypatch.setattr(golden_making, "BUNDLE_BYTES_MAX", room)
    found = made(station, tmp_path / "small.zip")
    assert found.n_left_out == 7
    assert found.bundle.expected == all_of_them.expected[:5]
    assert (tmp_path / "small.zip").stat().st_size == found.n_bytes <= room
    monkeypatch.setattr(golden_making, "BUNDLE_BYTES_MAX", golden_making._ROOM_FOR_WORDS + 1)
    with pytest.raises(PreconditionError, match="nothing can go into the bundle"):
        made(station, tmp_path / "none.zip")


def test_a_file_over_the_limit_is_not_read(tmp_path):
    """8 MiB and a byte: whatever it is, it is no bundle."""
    (tmp_path / "b.zip").write_bytes(bytes(BUNDLE_BYTES_MAX + 1))
    with pytest.raises(RecordError, match="at most 8388608 bytes"):
        read_bundle(tmp_path / "b.zip")


@pytest.mark.parametrize("n", [0, 25])
def test_a_bundle_of_no_or_too_many_frames_is_refused(station, tmp_path, n):
    """1 to 24, before anything is run."""
    with pytest.raises(UsageError, match="1 to 24 frames"):
        made(station, tmp_path / "b.zip", n=n)


def test_a_log_that_is_no_file_is_refused(station, tmp_path):
    """A link could lead to anything; nothing there is a mistake."""
    (tmp_path / "link").symlink_to(station / "profile.yaml")
    for log in (tmp_path / "link", tmp_path / "none"):
        with pytest.raises(RecordError):
            made(station, tmp_path / "b.zip", log=log)
    assert not (tmp_path / "b.zip").exists()


def test_the_gate_s_facts_are_those_of_the_bundle(bundle):
    """Model, pipeline and number of inputs; bytes that are no bundle are refused."""
    info = read_bundle(bundle).info
    facts = bundle_facts(bundle.read_bytes(), path="b.zip")
    assert (facts.path, facts.n_inputs) == ("b.zip", 12)
    assert (facts.bundle_sha256, facts.pipeline_sha256) == (info.bundle_sha256, info.pipeline_sha256)
    with pytest.raises(RecordError):
        bundle_facts(bundle.read_bytes() + b"x", path="b.zip")


def test_no_bundle_and_a_link_to_one_are_refused(bundle, tmp_path):
    """As every foreign file."""
    (tmp_path / "link.zip").symlink_to(bundle)
    for path in (tmp_path / "link.zip", tmp_path / "none.zip"):
        with pytest.raises(RecordError):
            read_bundle(path)
