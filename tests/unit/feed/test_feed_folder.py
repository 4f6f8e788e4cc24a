import cv2
import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from hilrig.core.errors import ConfigError, PreconditionError
from hilrig.feed.folder import FolderFeed, FolderOptions


def write_image(path, grey, height_px=40, width_px=60):
    cv2.imwrite(str(path), np.full((height_px, width_px, 3), grey, np.uint8))


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name, grey in (("b.png", 20), ("a.BMP", 10), ("c.tif", 30)):
        write_image(folder / name.lower(), grey)
        (folder / name.lower()).rename(folder / name)
    return folder


def fill(feed, index):
    info = feed.describe()
    pixels = np.zeros((info.height_px, info.width_px, 3), np.uint8)
    return feed.fill(index, pixels), pixels


def test_images_come_in_the_order_of_their_names(images, tmp_path):
    """Frame i is the i-th name; the suffix's case does not matter."""
    feed = FolderFeed(FolderOptions(path="images"), tmp_path)
    assert feed.describe().n_frames == 3
    assert [int(fill(feed, i)[1][0, 0, 0]) for i in range(3)] == [10, 20, 30]


def test_what_is_no_image_is_left_out(images, tmp_path):
    """Hidden files, folders and other kinds of file are not frames."""
    (images / "._a.png").write_bytes(b"junk")
    (images / "notes.txt").write_text("hello")
    (images / "more.png").mkdir()
    assert FolderFeed(FolderOptions(path="images"), tmp_path).describe().n_frames == 3


def test_without_a_table_nobody_knows_the_truth(images, tmp_path):
    """Labels are None, which is not the same as a good part."""
    assert fill(FolderFeed(FolderOptions(path="images"), tmp_path), 0)[0].labels is None


def test_a_table_gives_the_truth(images, tmp_path):
    """Each image has the labels of its row, whatever the order of rows."""
    (tmp_path / "truth.csv").write_text("file,labels\nc.tif,crack\nb.png,\na.BMP,spatter;crack\n")
    feed = FolderFeed(FolderOptions(path="images", truth="truth.csv"), tmp_path)
    assert [fill(feed, i)[0].labels for i in range(3)] == [("spatter", "crack"), (), ("crack",)]


def test_mistakes_in_the_table_come_before_the_first_frame(images, tmp_path):
    """A wrong table is told by describe, not in the middle of filling."""
    (tmp_path / "truth.csv").write_text("file,labels\nc.tif,crack\n")
    with pytest.raises(ConfigError, match=r"'a\.BMP'(?s:.*)'b\.png'"):
        FolderFeed(FolderOptions(path="images", truth="truth.csv"), tmp_path).describe()


def test_an_image_of_another_size_is_refused(images, tmp_path):
    """Mixed sizes are an error that names the file, both sizes and the way out."""
    write_image(images / "d.png", 40, height_px=41)
    feed = FolderFeed(FolderOptions(path="images"), tmp_path)
    with pytest.raises(PreconditionError, match=r"d\.png: expected 60 x 40 px .* found 60 x 41 px") as caught:
        fill(feed, 3)
    assert "width_px" in caught.value.hint


def test_images_are_scaled_only_when_asked_for(images, tmp_path):
    """With width_px and height_px all images get one size, whatever theirs is."""
    write_image(images / "d.png", 40, height_px=99, width_px=31)
    feed = FolderFeed(FolderOptions(path="images", width_px=30, height_px=20), tmp_path)
    truth, pixels = fill(feed, 3)
    assert pixels.shape == (20, 30, 3)
    assert (pixels == 40).all()
    assert truth.labels is None


def test_a_damaged_image_is_named(images, tmp_path):
    """The file that cannot be read is in the message."""
    (images / "b.png").write_bytes((images / "b.png").read_bytes()[:60])
    with pytest.raises(PreconditionError, match=r"images/b\.png"):
        fill(FolderFeed(FolderOptions(path="images"), tmp_path), 1)


@pytest.mark.parametrize(("path", "words"), [("gone", "No such file"), ("images/b.png", "Not a directory")])
def test_no_folder_is_refused(images, tmp_path, path, words):
    """A path that is no folder is told with the system's reason."""
    with pytest.raises(PreconditionError, match=words):
        FolderFeed(FolderOptions(path=path), tmp_path).describe()


def test_an_empty_folder_is_refused(tmp_path):
    """A folder without images is not a feed of no frames."""
    with pytest.raises(PreconditionError, match="expected images .* found none"):
        FolderFeed(FolderOptions(path="."), tmp_path).describe()


@pytest.mark.parametrize("size", [{"width_px": 5}, {"height_px": 5}, {"width_px": 0, "height_px": 5}])
def test_half_a_size_is_refused(size):
    """A width without a height, or none at all, is a mistake in the options."""
    with pytest.raises(ValueError, match="width_px, height_px: expected"):
        FolderOptions(path="x", **size)


@pytest.mark.parametrize("wrong", [{}, {"path": "x", "truths": "y"}, {"path": 3}, {"path": "x", "width_px": 5}])
def test_options_are_strict(wrong):
    """A missing path, an unknown key or a wrong type is refused."""
    with pytest.raises(ValidationError):
        TypeAdapter(FolderFeed.Options).validate_python(wrong)
