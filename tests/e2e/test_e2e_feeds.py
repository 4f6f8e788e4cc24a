"""Runs fed by pictures and by a video instead of the generator."""

import json

import cv2
import numpy as np
import pytest

pytestmark = [pytest.mark.waiting, pytest.mark.long]  # short: test_feed_folder, test_feed_video


def with_feed(bench, feed):
    """Write a station with another feed; return its folder."""
    folder = bench.folder / bench.station()
    text = (folder / "profile.yaml").read_text()
    old = text[text.index("feed:") : text.index("queue:")]
    (folder / "profile.yaml").write_text(text.replace(old, f"feed: {feed}\n"))
    return folder


def picture(index):
    return np.full((128, 128, 3), index * 20, np.uint8)


def write_pictures(bench):
    """Write a station that is fed by three pictures with known truth; return its folder."""
    folder = with_feed(bench, "{source: folder, pool_frames: 8, options: {path: frames, truth: truth.csv}}")
    (folder / "frames").mkdir()
    for index in range(3):
        cv2.imwrite(str(folder / "frames" / f"{index}.png"), picture(index))
    (folder / "truth.csv").write_text("file,labels\n0.png,\n1.png,crack\n2.png,crack;spatter\n")
    return folder


def write_video(bench):
    """Write a station that is fed by the first three frames of a video; return its folder."""
    folder = with_feed(bench, "{source: video, pool_frames: 3, options: {path: line.avi, n_frames: 3}}")
    video = cv2.VideoWriter(str(folder / "line.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 30, (128, 128))
    for index in range(5):
        video.write(picture(index))
    video.release()
    return folder


@pytest.fixture(scope="module")
def shown(benches):
    """Return the bench and the call of a run for each source; both are done at once, neither is about time."""
    written = {"folder": write_pictures, "video": write_video}
    rooms = {source: benches.new(source) for source in written}
    calls = {source: bench.start("run", str(written[source](bench))) for source, bench in rooms.items()}
    return {source: (bench, benches.ended(calls[source])) for source, bench in rooms.items()}


@pytest.mark.parametrize("source", ["folder", "video"])
def test_a_run_shows_recorded_frames(shown, source):
    """Pictures with known truth, or a video without: shown in a cycle, each with its digest on record."""
    bench, called = shown[source]
    assert called.code == 11, called
    pool = json.loads((bench.run_dirs()[0] / "feed.json").read_bytes())
    assert len({frame["sha256"] for frame in pool}) == 3
    truths = [frame["labels"] for frame in pool]
    assert truths == ([[], ["crack"], ["crack", "spatter"]] if source == "folder" else [None] * 3)
