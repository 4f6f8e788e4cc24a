"""What every feed promises, asked of each of them; of the one that `HILRIG_CONTRACT_PROFILE` names as well."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from asked_plugins import asked_profile
from hilrig.core.frame import FeedInfo, Truth
from hilrig.core.profile import FeedSpec
from hilrig.core.registry import BUILT_IN
from hilrig.feed.opening import open_feed
from hilrig.feed.pool import fill_pool

N_FRAMES = 6
LABELS = {"porosity", "crack", "undercut", "spatter"}


def picture(index):
    rows, columns = np.mgrid[0:96, 0:128]
    return np.stack([rows + 20 * index, columns, rows + columns], axis=-1).clip(0, 255).astype(np.uint8)


def make_synthetic(folder: Path):
    return {"seed": 4, "width_px": 192, "height_px": 128, "n_frames": N_FRAMES, "defect_ratio": 0.7}


def make_folder(folder: Path):
    (folder / "images").mkdir()
    rows = ["file,labels"]
    for index in range(N_FRAMES):
        cv2.imwrite(str(folder / "images" / f"{index:03}.png"), picture(index))
        rows.append(f"{index:03}.png,{('', 'crack', 'spatter;porosity')[index % 3]}")
    (folder / "truth.csv").write_text("\n".join(rows))
    return {"path": "images", "truth": "truth.csv"}


def make_video(folder: Path):
    writer = cv2.VideoWriter(str(folder / "line.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 30, (128, 96))
    for index in range(N_FRAMES):
        writer.write(picture(index))
    writer.release()
    return {"path": "line.avi", "n_frames": N_FRAMES}


def make_noise(folder: Path):
    return {"seed": 4, "width_px": 96, "height_px": 70, "n_frames": N_FRAMES}


def make_wedge(folder: Path):
    return {"width_px": 96, "height_px": 64, "n_frames": N_FRAMES}


MAKERS = {
    "synthetic": make_synthetic,
    "noise": make_noise,
    "folder": make_folder,
    "video": make_video,
    "wedge": make_wedge,
}


ASKED = asked_profile()


@pytest.fixture(params=[*MAKERS, *([ASKED.feed.source] if ASKED else [])])
def make_feed(request, tmp_path):
    """Build the feed as hilrig does: by its registered name, from its options and the profile's folder."""
    if request.param not in MAKERS:
        return lambda: open_feed(ASKED.feed, Path(ASKED.folder))
    options = MAKERS[request.param](tmp_path)
    return lambda: open_feed(FeedSpec(source=request.param, pool_frames=N_FRAMES, options=options), tmp_path)


@pytest.fixture
def feed(make_feed):
    """One feed, closed in the end."""
    opened = make_feed()
    yield opened
    opened.close()


def blank(feed, value=0):
    info = feed.describe()
    return np.full((info.height_px, info.width_px, 3), value, np.uint8)


def test_every_built_in_feed_is_asked():
    """A feed that is added to the registry must be added here."""
    assert MAKERS.keys() == BUILT_IN["feeds"].keys()


def indices(feed):
    """Return the first frames of a feed: all that a built-in one is made with here."""
    return range(min(feed.describe().n_frames, N_FRAMES))


def test_it_has_as_many_frames_as_its_options_say(make_feed, request):
    """Of the built-in feeds it is known; every other one has at least a frame."""
    n_frames = make_feed().describe().n_frames
    assert n_frames == N_FRAMES if request.node.callspec.params["make_feed"] in MAKERS else n_frames > 0


def test_it_describes_itself(feed):
    """The description is complete, and the same when asked again."""
    info = feed.describe()
    assert isinstance(info, FeedInfo)
    assert info.height_px > 0
    assert info.width_px > 0
    assert feed.describe() == info


def test_it_writes_every_pixel(feed):
    """Nothing of the buffer's former content shows through."""
    black, white = blank(feed, 0), blank(feed, 255)
    feed.fill(indices(feed)[-1], black)
    feed.fill(indices(feed)[-1], white)
    assert black.tobytes() == white.tobytes()
    assert black.std() > 0


def test_it_writes_only_its_own_frame(feed):
    """A slot between others in one block of memory is filled without touching its neighbours."""
    info = feed.describe()
    block = np.full((3, info.height_px, info.width_px, 3), 77, np.uint8)
    feed.fill(0, block[1])
    assert (block[0] == 77).all()
    assert (block[2] == 77).all()
    assert (block[1] != 77).any()


def test_the_same_index_gives_the_same_bytes_and_truth(feed):
    """Repeating, going back and skipping change nothing."""
    first = [(blank(feed), index) for index in indices(feed)]
    truths = [feed.fill(index, pixels) for pixels, index in first]
    for index in (number % len(first) for number in (5, 5, 0, 3, 1, 4, 2)):
        again = blank(feed)
        assert feed.fill(index, again) == truths[index]
        assert again.tobytes() == first[index][0].tobytes()


def test_two_feeds_of_the_same_options_agree(make_feed):
    """What one process saw, another sees as well."""
    digests = []
    for opened in (make_feed(), make_feed()):
        frames = [blank(opened) for _ in indices(opened)]
        fill_pool(opened, frames)
        digests.append([frame.tobytes() for frame in frames])
        opened.close()
    assert digests[0] == digests[1]


def test_frames_are_distinct(feed):
    """A pool of n frames really holds n different ones."""
    frames = [blank(feed) for _ in indices(feed)]
    fill_pool(feed, frames)
    assert len({frame.tobytes() for frame in frames}) == len(frames)


@pytest.mark.parametrize("beyond", [None, 0, 1, 2**40])
def test_an_index_out_of_range_is_an_index_error(feed, beyond):
    """No wrap-around, not even of -1; the buffer stays as it was."""
    pixels = blank(feed, 9)
    n_frames = feed.describe().n_frames
    index = -1 if beyond is None else n_frames + beyond
    with pytest.raises(IndexError, match=f"expected a frame index from 0 to {n_frames - 1}, found {index}"):
        feed.fill(index, pixels)
    assert (pixels == 9).all()


def test_truth_is_unknown_or_made_of_known_labels(feed):
    """Labels are None, or different ones of the profile; boxes belong to labels and lie in the frame."""
    known = LABELS | set(ASKED.model.labels if ASKED else ())
    for index in indices(feed):
        pixels = blank(feed)
        truth = feed.fill(index, pixels)
        assert isinstance(truth, Truth)
        labels = truth.labels or ()
        assert set(labels) <= known
        assert len(set(labels)) == len(labels)
        for defect in truth.defects:
            assert defect.label in labels
            assert 0 <= defect.x0_px < defect.x1_px <= pixels.shape[1]
            assert 0 <= defect.y0_px < defect.y1_px <= pixels.shape[0]


def test_closing_twice_is_harmless(make_feed):
    """A feed may be closed before it was used, and again after."""
    opened = make_feed()
    opened.close()
    opened.describe()
    opened.close()
    opened.close()
