"""hilrig.app.finished.thumbnails: small pictures of true frames only, never a reason for a run to fail."""

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finished_soaks import HOURS
from hilrig.app.finished.thumbnails import CHANGED, EDGE_PX_MAX, NOT_HERE, read_thumbnails, write_thumbnails
from hilrig.core import files
from hilrig.core.frame import FeedInfo
from hilrig.core.profile import FeedSpec
from hilrig.verdict.judge import judge
from soaks import STATION, throttled_soak, write_soak

FOLDER = STATION.parent


@pytest.fixture(scope="module")
def soak(tmp_path_factory):
    """Return a run directory that is not judged yet, its feed, its worst frames."""
    record = throttled_soak(hours=HOURS)
    return write_soak(record, tmp_path_factory.mktemp("soak")), record.plan.feed, judge(record).worst_frames


@pytest.fixture
def run(soak, tmp_path):
    """Return the same with a folder of its own that has nothing but feed.json."""
    run_dir, spec, worst = soak
    (tmp_path / files.FEED).write_bytes((run_dir / files.FEED).read_bytes())
    return tmp_path, spec, worst


def reasons(run_dir, worst):
    return {thumbnail.reason for thumbnail in read_thumbnails(run_dir, worst)}


def test_every_worst_frame_has_a_small_picture(run):
    """JPEG of at most 160 px, one for each frame in their order, all together below 120 kB in the file."""
    run_dir, spec, worst = run
    write_thumbnails(run_dir, spec, worst, folder=FOLDER)
    found = read_thumbnails(run_dir, worst)
    assert [thumbnail.frame_id for thumbnail in found] == [frame.frame_id for frame in worst]
    for thumbnail in found:
        image = Image.open(io.BytesIO(thumbnail.jpeg))
        assert image.format == "JPEG"
        assert image.size == (thumbnail.width_px, thumbnail.height_px)
        assert max(image.size) <= EDGE_PX_MAX
    assert (run_dir / files.THUMBNAILS).stat().st_size < 120_000


def test_a_pool_frame_is_kept_once(run):
    """Two frames of the run that showed the same pool frame share its picture."""
    run_dir, spec, worst = run
    twice = (worst[0], replace(worst[0], frame_id=worst[0].frame_id + spec.pool_frames))
    write_thumbnails(run_dir, spec, twice, folder=FOLDER)
    assert len(json.loads((run_dir / files.THUMBNAILS).read_bytes())["pictures"]) == 1
    first, second = read_thumbnails(run_dir, twice)
    assert first.jpeg == second.jpeg != b""


def test_red_is_red(run, monkeypatch):
    """Frames are BGR, a JPEG is RGB: swapped colours would show another part."""
    run_dir, spec, worst = run

    class Red:
        def describe(self):
            return FeedInfo(n_frames=1, height_px=8, width_px=8)

        def fill(self, index, pixels):
            pixels[:] = (0, 0, 255)

        def close(self):
            pass

    digest = hashlib.sha256(np.full((8, 8, 3), (0, 0, 255), np.uint8).data).hexdigest()
    (run_dir / files.FEED).write_text(json.dumps([{"sha256": digest, "labels": None}]))
    monkeypatch.setattr("hilrig.app.finished.thumbnails.open_feed", lambda spec, folder: Red())
    write_thumbnails(run_dir, spec, worst[:1], folder=FOLDER)
    (thumbnail,) = read_thumbnails(run_dir, worst[:1])
    red, green, blue = Image.open(io.BytesIO(thumbnail.jpeg)).getpixel((4, 4))
    assert red > 200
    assert max(green, blue) < 60


def test_a_frame_that_has_changed_is_not_shown(run):
    """Its sha256 is another than the run's: the picture would be of a part that was never judged."""
    run_dir, spec, worst = run
    other = replace(spec, options={**spec.options, "seed": 8})
    write_thumbnails(run_dir, other, worst, folder=FOLDER)
    assert reasons(run_dir, worst) == {CHANGED}


@pytest.mark.parametrize(
    "spec",
    [
        FeedSpec(source="folder", pool_frames=30, options={"path": "no-such-folder"}),
        FeedSpec(source="no-such-feed", pool_frames=30),
        FeedSpec(source="synthetic", pool_frames=30, options={"no_such_option": 1}),
        FeedSpec(source="synthetic", pool_frames=30, options={"n_frames": 1}),
    ],
)
def test_a_feed_that_cannot_be_had_is_a_reason(run, spec):
    """Missing files, a missing plug-in, options of another version, too few frames: nothing is raised."""
    run_dir, _, worst = run
    write_thumbnails(run_dir, spec, worst, folder=Path("/nowhere"))
    found = read_thumbnails(run_dir, worst)
    assert len(found) == len(worst)
    assert all(thumbnail.reason for thumbnail in found if not thumbnail.jpeg)
    assert any(NOT_HERE in thumbnail.reason for thumbnail in found)


def test_pictures_that_are_there_are_kept(run):
    """A run judged again, perhaps far from its feed, shows what was kept when it was measured."""
    run_dir, spec, worst = run
    write_thumbnails(run_dir, spec, worst, folder=FOLDER)
    before = (run_dir / files.THUMBNAILS).read_bytes()
    write_thumbnails(run_dir, replace(spec, source="gone"), worst, folder=Path("/nowhere"))
    assert (run_dir / files.THUMBNAILS).read_bytes() == before


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b'{"frames":[],"pictures":[{"pool_frame":0,"width_px":1,"height_px":1,"jpeg_base64":"!","reason":""}]}',
        b'{"frames":[{"frame_id":1,"pool_frame":1}]}',
        b"{" * 100_000,
    ],
)
def test_a_damaged_file_is_a_reason(run, data):
    """Every frame says that the file cannot be read; nothing is raised."""
    run_dir, _, worst = run
    (run_dir / files.THUMBNAILS).write_bytes(data)
    found = read_thumbnails(run_dir, worst)
    assert len(found) == len(worst)
    assert all("cannot be read" in thumbnail.reason and not thumbnail.jpeg for thumbnail in found)


def test_without_the_file_there_are_no_pictures(run):
    """Runs of before have none: the page then has no such column."""
    run_dir, _, worst = run
    assert read_thumbnails(run_dir, worst) == ()


def test_a_frame_that_was_not_among_the_worst_then_has_none_now(run):
    """Other limits never change which frames are slow, but another version might: no other picture stands in."""
    run_dir, spec, worst = run
    write_thumbnails(run_dir, spec, worst[:1], folder=FOLDER)
    assert reasons(run_dir, worst[1:2]) == {"no picture was kept of it"}
