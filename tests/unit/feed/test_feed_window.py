import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hilrig.feed.seam import lay_seam
from hilrig.feed.stream import Stream
from hilrig.feed.window import Window, enclosing

SEAM = lay_seam(Stream(1), 200, 300)
ANYWHERE = st.floats(-500, 800)


@given(ANYWHERE, ANYWHERE, ANYWHERE, ANYWHERE)
def test_a_window_is_never_empty_or_outside(x0, y0, x1, y1):
    """Whatever is asked for, a window holds at least one pixel of the frame."""
    window = Window.between(SEAM, x0, y0, x1, y1)
    assert 0 <= window.x0_px < window.x1_px <= SEAM.width_px
    assert 0 <= window.y0_px < window.y1_px <= SEAM.height_px
    assert window.shrunk(1).of(np.zeros((200, 300), np.float32)).size > 0


def test_a_window_around_a_point_holds_its_reach():
    """The pixels within reach are in, at a fraction of a pixel too."""
    window = Window.around(SEAM, 100.5, 50.0, 2.0, 3.0)
    assert (window.x0_px, window.x1_px) == (98, 104)
    assert (window.y0_px, window.y1_px) == (47, 54)


def test_offsets_are_zero_at_the_point():
    """Offsets count from the point to each pixel, right and down positive."""
    dx, dy = Window.around(SEAM, 100.0, 50.0, 2.0).offsets(100.0, 50.0)
    assert dx[0].tolist()[:5] == [-2, -1, 0, 1, 2]
    assert dy[:5, 0].tolist() == [-2, -1, 0, 1, 2]


def test_of_is_a_view():
    """What is drawn into a window appears in the plane."""
    plane = np.zeros((200, 300), np.float32)
    Window(x0_px=1, y0_px=2, x1_px=4, y1_px=6).of(plane)[...] = 1.0
    assert plane.sum() == 12
    assert plane[2:6, 1:4].all()


def test_enclosing_holds_every_window():
    """The box of a cluster is the smallest around its members."""
    first = Window(x0_px=5, y0_px=9, x1_px=7, y1_px=30)
    second = Window(x0_px=1, y0_px=12, x1_px=6, y1_px=14)
    assert enclosing([first, second]) == Window(x0_px=1, y0_px=9, x1_px=7, y1_px=30)
