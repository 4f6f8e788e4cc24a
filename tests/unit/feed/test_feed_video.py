import cv2
import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from hilrig.core.errors import PreconditionError
from hilrig.feed.video import VideoFeed, VideoOptions


@pytest.fixture
def video(tmp_path):
    """A real motion-JPEG video of 8 even frames, each 20 grey levels brighter."""
    writer = cv2.VideoWriter(str(tmp_path / "line.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 30, (64, 48))
    assert writer.isOpened()
    for index in range(8):
        writer.write(np.full((48, 64, 3), 40 + 20 * index, np.uint8))
    writer.release()
    return tmp_path


def grey(feed, index):
    pixels = np.zeros((48, 64, 3), np.uint8)
    assert feed.fill(index, pixels).labels is None
    return round(float(pixels.mean()) / 20) * 20


def test_frames_come_in_order_and_out_of_order(video):
    """Forward, skipping, back and again: every index is its own frame."""
    feed = VideoFeed(VideoOptions(path="line.avi", n_frames=8), video)
    order = [0, 1, 2, 5, 7, 3, 3, 0, 6]
    assert [grey(feed, index) for index in order] == [40 + 20 * index for index in order]
    feed.close()
    assert grey(feed, 4) == 120


def test_ascending_frames_are_decoded_once(video, monkeypatch):
    """Filling a pool opens the file once after describe, without seeking."""
    feed = VideoFeed(VideoOptions(path="line.avi", n_frames=8), video)
    feed.describe()
    opened = []
    real = VideoFeed._open
    monkeypatch.setattr(VideoFeed, "_open", lambda self: opened.append(1) or real(self))
    for index in range(8):
        grey(feed, index)
    assert len(opened) == 1


def test_a_short_video_is_refused(video):
    """More frames than there are is an error with both numbers, not a repeat of the last."""
    feed = VideoFeed(VideoOptions(path="line.avi", n_frames=9), video)
    assert feed.describe().n_frames == 9
    for index in (8, 8):
        with pytest.raises(PreconditionError, match="expected 9 frames, found 8") as caught:
            grey(feed, index)
    assert "n_frames to 8" in caught.value.hint
    assert grey(feed, 7) == 180


def test_skipping_past_the_end_is_refused(video):
    """A jump beyond the last frame tells how many there are."""
    feed = VideoFeed(VideoOptions(path="line.avi", n_frames=100), video)
    with pytest.raises(PreconditionError, match="expected 100 frames, found 8"):
        grey(feed, 50)


@pytest.mark.parametrize("content", [b"", b"hello", b"RIFF\0\0\0\0AVI LIST"])
def test_what_is_no_video_is_refused(tmp_path, content):
    """An empty, alien or headless file is refused by name."""
    (tmp_path / "fake.avi").write_bytes(content)
    with pytest.raises(PreconditionError, match=r"fake\.avi"):
        VideoFeed(VideoOptions(path="fake.avi", n_frames=1), tmp_path).describe()


@pytest.mark.parametrize("path", ["gone.avi", ".", "rtsp://camera/1", "videotestsrc ! appsink", "0"])
def test_only_a_file_is_a_video(tmp_path, path):
    """Neither a folder nor an address, a pipeline or a camera's number is opened."""
    with pytest.raises(PreconditionError, match="expected a video file, found none"):
        VideoFeed(VideoOptions(path=path, n_frames=1), tmp_path).describe()


@pytest.mark.parametrize(
    "wrong", [{"path": "x"}, {"path": "x", "n_frames": 0}, {"path": "x", "n_frames": 1, "fps": 3}]
)
def test_options_are_strict(wrong):
    """n_frames is needed and positive, other keys are refused."""
    with pytest.raises(ValidationError):
        TypeAdapter(VideoFeed.Options).validate_python(wrong)
