import io
import struct
from dataclasses import replace
from functools import cache

import matplotlib as mpl
import matplotlib.image
import numpy as np
import pytest
from report_checks import INFINITE_P999, PASSED_P99
from report_documents import make_document, make_empty, make_failing, make_inconclusive, make_passing

from hilrig.core.verdict import SeriesPoint, ThrottleWindow
from hilrig.report.png import PngSink, render_png
from hilrig.report.png_telemetry import LINES_MAX, merged, tracks
from telemetry_pages import make_orin, make_rtx
from telemetry_rows import HOT_S, make_telemetry_series

STRIP_COLORS = {make_passing: (11, 107, 58), make_failing: (179, 38, 30), make_inconclusive: (138, 90, 0)}


@cache
def picture_of(make) -> bytes:
    """Return the picture of a document that several tests look at."""
    return PngSink().render(make())


@cache
def drawn(make) -> bytes:
    """Return the picture of a judgement that several tests look at."""
    return render_png(make_document(make()))


def pixels(picture: bytes) -> np.ndarray:
    return np.round(mpl.image.imread(io.BytesIO(picture))[..., :3] * 255).astype(int)


@pytest.mark.parametrize(("make", "color"), STRIP_COLORS.items())
def test_the_verdict_is_seen_at_a_glance(make, color) -> None:
    """The strip on top has the verdict's colour, with the verdict written on it in white."""
    strip = pixels(picture_of(make))[:150]
    assert tuple(strip[5, 5]) == color
    assert (strip == 255).all(axis=-1).sum() > 1000


@pytest.mark.parametrize("make", [make_passing, make_failing, make_inconclusive, make_empty])
def test_any_document_gives_a_picture_of_known_size(make) -> None:
    """Also without data, or with hostile strings, the picture has the shape of A4 and fits a mail."""
    picture = picture_of(make)
    width_px, height_px = struct.unpack(">II", picture[16:24])
    assert (width_px, height_px) == (1402, 992)
    assert width_px / height_px == pytest.approx(297 / 210, abs=0.002)
    assert len(picture) < 80_000


def test_equal_documents_give_equal_bytes(failing) -> None:
    """No time, no version and no setting of the caller's matplotlib gets into the picture."""
    before = picture_of(make_failing)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "black", "savefig.dpi": 30}):
        assert PngSink().render(failing) == before
    assert b"matplotlib" not in before.lower()


def test_a_dollar_sign_is_not_mathematics() -> None:
    """A name with dollar signs and commands of TeX is written as it is instead of failing the report."""
    judgement = replace(make_passing().result.judgement, sentence=r"$\frac{$ costs $5")
    document = make_document(replace(judgement, checks=(replace(PASSED_P99, unit=r"$\bad{$"),)))
    named = replace(document, result=replace(document.result, rig=r"$x^{$", device_class="$$"))
    assert PngSink().render(named)


@pytest.mark.filterwarnings("error")
def test_a_missing_glyph_is_no_warning() -> None:
    """A name in a script that the font lacks does not write warnings to the technician's terminal."""
    document = make_document(replace(make_passing().result.judgement, sentence="焊接 \U0001f680"))
    assert PngSink().render(document)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n_dropped", [0, 30])
def test_a_lone_bucket_is_drawn(n_dropped: int) -> None:
    """A run of one bucket, decided or wholly lost, has a picture without complaints."""
    latency_ms = None if n_dropped else 20.0
    point = SeriesPoint(
        t_s=0.0,
        n=30,
        min_ms=latency_ms,
        p50_ms=latency_ms,
        p99_ms=latency_ms,
        max_ms=latency_ms,
        n_dropped=n_dropped,
        n_failed=0,
    )
    judgement = replace(make_passing().result.judgement, latency_series=(point,), checks=(INFINITE_P999,) * 12)
    assert PngSink().render(make_document(judgement))


SHADE = (246, 213, 210)


def window(begin_s: float, end_s: float) -> ThrottleWindow:
    return ThrottleWindow(begin_s=begin_s, end_s=end_s, cause="thermal", hw_id="gpu0", evidence="counted")


def shaded_columns(picture: bytes, *, first_row: int, last_row: int) -> set[int]:
    """Return the columns that are shaded between two rows; the palette may be off by a little."""
    rows = pixels(picture)[first_row:last_row]
    is_shade = (abs(rows - SHADE) <= 6).all(axis=-1)
    return set(np.flatnonzero(is_shade.sum(axis=0) >= 10).tolist())


@pytest.mark.parametrize(("make", "titles"), [(make_orin, 3), (make_rtx, 3)])
def test_temperature_clock_and_power_stand_under_the_latency(make, titles: int) -> None:
    """Throttling and what it did to the frames are seen in one look: every panel is shaded in the same columns."""
    judgement = make()
    assert len(tracks(judgement)) == titles
    assert all(1 <= len(track.lines) <= LINES_MAX for track in tracks(judgement))
    picture = drawn(make)
    assert len(picture) < 80_000
    in_latency = shaded_columns(picture, first_row=200, last_row=480)
    in_telemetry = shaded_columns(picture, first_row=540, last_row=810)
    assert in_latency
    assert in_latency == in_telemetry


def test_the_shade_lies_where_the_hardware_throttled() -> None:
    """42 s of 600 s are 7 % of the axis, two more seconds a stripe; the rest of the picture is not shaded."""
    columns = shaded_columns(drawn(make_orin), first_row=200, last_row=480)
    width_px = (0.865 - 0.085) * 1402
    expected = sum(end_s - begin_s for begin_s, end_s in HOT_S) / 600 * width_px
    assert expected - 8 <= len(columns) <= expected  # the edges are blended with what lies beside them


def test_without_throttling_nothing_is_shaded() -> None:
    """A run with telemetry and no throttle window has no pixel in that colour."""
    calm = replace(make_orin(), throttle_windows=())
    assert not shaded_columns(render_png(make_document(calm)), first_row=200, last_row=810)


def test_the_hottest_sensors_are_drawn_and_gaps_are_no_zeros() -> None:
    """Of five sensors the three with the highest reading get a line; a sensor that never answered gets none."""
    sensors = [
        make_telemetry_series(f"hw.temperature{{hw.id=zone/{name}}}", "Cel", lambda t_s, c=celsius: c, spread=1.0)
        for name, celsius in (("a", 40.0), ("b", 90.0), ("c", 60.0), ("d", 70.0))
    ]
    silent = make_telemetry_series(
        "hw.temperature{hw.id=zone/e}", "Cel", lambda t_s: 99.0, spread=1.0, silent=range(120)
    )
    judgement = replace(make_passing().result.judgement, telemetry_series=(*sensors, silent))
    (track,) = tracks(judgement)
    assert [line.key for line in track.lines] == [
        f"hw.temperature{{hw.id=zone/{name}}}" for name in ("b", "d", "c")
    ]
    assert render_png(make_document(judgement))


def test_a_second_in_eight_hours_is_seen() -> None:
    """A short episode is widened, those that touch are one, what lies beside the axis is not drawn."""
    day_s = 8 * 3600.0
    spans = merged([window(100, 101), window(101, 160), window(day_s - 1, day_s + 9), window(-9, -1)], 0.0, day_s)
    assert [(round(begin_s), round(end_s)) for begin_s, end_s in spans] == [(100, 160), (28_742, 28_800)]


def test_many_windows_are_drawn_as_few(failing) -> None:
    """Ten thousand episodes of a counter that grew all night are one shade, not ten thousand."""
    windows = [window(index * 2.9, index * 2.9 + 1.5) for index in range(10_000)]
    assert len(merged(windows, 0.0, 28_800.0)) == 1
