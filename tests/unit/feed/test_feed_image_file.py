import cv2
import numpy as np
import pytest

from hilrig.core.errors import PreconditionError
from hilrig.feed.image_file import SUFFIXES, read_image

PICTURE = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8), (5, 5), 0)


def encoded(suffix, picture=PICTURE):
    return cv2.imencode(suffix, picture)[1].tobytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_known_kind_is_read(tmp_path, suffix):
    """Each image kind gives height x width x 3 uint8; lossless ones give their very pixels, as BGR."""
    path = tmp_path / f"weld{suffix}"
    path.write_bytes(encoded(suffix))
    pixels = read_image(path)
    assert (pixels.shape, pixels.dtype) == ((48, 64, 3), np.uint8)
    if not suffix.startswith(".j"):
        assert (pixels == PICTURE).all()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9, 0.99])
def test_a_cut_file_is_refused_by_name(tmp_path, suffix, share):
    """A file that was cut anywhere is refused, never half a picture; the message names it."""
    data = encoded(suffix)
    path = tmp_path / f"half{suffix}"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(PreconditionError, match=rf"half{suffix}") as caught:
        read_image(path)
    assert path.name in caught.value.hint


def test_a_jpeg_that_lost_only_its_last_byte_is_refused(tmp_path):
    """Even one missing byte of a JPEG counts, where some decoders fill up with grey."""
    path = tmp_path / "almost.jpg"
    path.write_bytes(encoded(".jpg")[:-1])
    with pytest.raises(PreconditionError, match="before its end marker"):
        read_image(path)


def test_a_cut_jpeg_with_a_whole_preview_is_refused(tmp_path):
    """An embedded preview's end marker does not hide that the picture itself was cut."""
    data = encoded(".jpg")
    preview = b"\xff\xe1" + (len(data) + 2).to_bytes(2, "big") + data
    path = tmp_path / "preview.jpg"
    path.write_bytes(data[:2] + preview + data[2:-30])
    with pytest.raises(PreconditionError, match="before its end marker"):
        read_image(path)
    path.write_bytes(data[:2] + preview + data[2:] + b"\0" * 9)
    assert read_image(path).shape == (48, 64, 3)


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"BM", b"GIF89a"])
def test_no_image_is_refused(tmp_path, data):
    """Text, a bare signature or nothing at all is refused."""
    path = tmp_path / "fake.png"
    path.write_bytes(data)
    with pytest.raises(PreconditionError, match=r"fake\.png"):
        read_image(path)


def test_a_missing_file_is_refused(tmp_path):
    """The operating system's reason is told."""
    with pytest.raises(PreconditionError, match="No such file"):
        read_image(tmp_path / "gone.png")


@pytest.mark.parametrize(
    "picture", [PICTURE[:, :, 0], PICTURE.astype(np.uint16) * 257, np.dstack([PICTURE] * 2)[:, :, :4]]
)
def test_grey_deep_and_transparent_images_become_bgr(tmp_path, picture):
    """One channel, 16 bits or an alpha channel still give three channels of 8 bits."""
    path = tmp_path / "odd.png"
    path.write_bytes(encoded(".png", picture))
    pixels = read_image(path)
    assert (pixels.shape, pixels.dtype) == ((48, 64, 3), np.uint8)
    assert abs(int(pixels[20, 20, 0]) - int(PICTURE[20, 20, 0])) <= 1


def test_a_name_beyond_ascii_is_read(tmp_path):
    """File names of any language work."""
    path = tmp_path / "Schweißnaht 溶接.png"
    path.write_bytes(encoded(".png"))
    assert read_image(path).shape == (48, 64, 3)
