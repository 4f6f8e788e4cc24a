"""The charts of a report in a real browser: what is drawn is what was measured, in every zoom."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import hilrig
from drawn_charts import drawn, hash_of, ink, slowest_ms, soak_document, view_text, write, zoom
from hilrig.core.document import Document
from hilrig.report.assets import CHART_SCRIPTS, CHART_STYLES, script, style
from hilrig.report.blocks import block
from hilrig.report.raw_frames import encode
from raw_frames import EIGHT_HOURS, decoded, make_measured, ordinary_ms

pytestmark = pytest.mark.waiting  # for the browser

SCRIPTS = Path(hilrig.__file__).parent / "report" / "scripts"
PAGE_BYTES_MAX = 2_000_000
OUTLIER = 432_109
STEP_MS = 0.01
"""Steps of eight hours' frames."""


@pytest.fixture(scope="module")
def shift() -> Document:
    """Return eight hours at 30 fps."""
    return soak_document(hours=8)


@pytest.fixture(scope="module")
def shift_page(shift: Document, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return its page."""
    return write(shift, tmp_path_factory.mktemp("shift"))


@pytest.fixture(scope="module")
def short() -> Document:
    """Return six minutes."""
    return soak_document(hours=0.1)


@pytest.fixture(scope="module")
def short_page(short: Document, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return their page."""
    return write(short, tmp_path_factory.mktemp("short"))


def test_the_page_of_a_shift_is_small_asks_nothing_and_breaks_no_rule(tab, shift_page):
    """864,000 frames under 2 MB; no request, no complaint of the policy, nothing wider than the window."""
    assert shift_page.stat().st_size < PAGE_BYTES_MAX
    with drawn(tab, shift_page, viewport={"width": 1180, "height": 900}) as opened:
        assert opened.complaints == []
        assert [url for url in opened.requests if not url.startswith(("file:", "data:"))] == []
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 1180
        assert "864,000 frames" in view_text(opened)


def test_the_highest_point_drawn_is_the_slowest_frame_in_every_zoom(tab, shift, shift_page):
    """Forty random windows, from a second to hours: numpy on the raw frames says the same."""
    frames, rng = shift.frames, np.random.default_rng(4)
    due_s, end_s = frames.due_ns / 1e9, 8 * 3600
    with drawn(tab, shift_page) as opened:
        for width_s in 10 ** rng.uniform(0, 4.3, 40):
            begin = round(float(rng.uniform(0, end_s - width_s)), 3)
            end = round(begin + float(width_s), 3)
            text = zoom(opened, begin, end)
            inside = frames.latency_ns[(due_s >= begin) & (due_s < end)]
            more_ms = slowest_ms(text) - inside.max() / 1e6
            assert -1e-3 <= more_ms < STEP_MS + 1e-3, (begin, end, text)


def test_a_window_that_holds_the_slowest_frame_shows_it_exactly(tab, shift, shift_page):
    """The slowest frames keep their nanoseconds: chart and tables say one number."""
    worst_ms = shift.frames.latency_ns.max() / 1e6
    with drawn(tab, shift_page) as opened:
        assert slowest_ms(view_text(opened)) == pytest.approx(worst_ms, abs=0.0005)


def test_a_single_outlier_among_864000_frames_is_drawn_in_the_full_view(tab, shift, tmp_path):
    """One frame of five seconds: there is paint up to its height at its place, and none at another place."""
    latency_ms = ordinary_ms(EIGHT_HOURS)
    latency_ms[OUTLIER] = 5000.0
    page = write(replace(shift, frames=make_measured(latency_ms)), tmp_path)
    with drawn(tab, page, viewport={"width": 1180, "height": 900}) as opened:
        assert slowest_ms(view_text(opened)) == 5000.0
        at = OUTLIER / EIGHT_HOURS
        assert ink(opened, "latency", x_share=at, y_share=0.9) > 10
        assert ink(opened, "latency", x_share=at - 0.13, y_share=0.9) < ink(
            opened, "latency", x_share=at, y_share=0.9
        )


def test_dropped_and_failed_frames_show_in_their_lanes(tab, short, tmp_path):
    """Counted in words, and each a tick at its moment; a zoom counts its own."""
    n = short.frames.due_ns.size
    frames = make_measured(ordinary_ms(n), dropped=(n // 2, n // 2 + 1), failed=(n // 4,))
    page = write(replace(short, frames=frames), tmp_path)
    with drawn(tab, page, viewport={"width": 1180, "height": 900}) as opened:
        text = view_text(opened)
        assert "2 dropped" in text
        assert "1 failed" in text
        assert ink(opened, "lanes", x_share=0.5, y_share=0.85) > ink(opened, "lanes", x_share=0.6, y_share=0.85)
        at_s = int(frames.due_ns[n // 4]) / 1e9
        text = zoom(opened, at_s - 1, at_s + 1)
        assert "60 frames" in text
        assert "1 failed" in text
        assert "dropped" not in text


def test_a_frame_between_two_gaps_is_drawn(tab, short, tmp_path):
    """The only decided frame of a minute, among dropped ones, has its place on the chart; beside it is nothing."""
    n = short.frames.due_ns.size
    lonely, first, end = n // 2, n // 2 - 900, n // 2 + 900
    lost = [index for index in range(first, end) if index != lonely]
    frames = make_measured(ordinary_ms(n), dropped=lost)
    judgement = replace(short.result.judgement, throttle_windows=(), episodes=(), change_points=(), checks=())
    document = replace(short, frames=frames, result=replace(short.result, judgement=judgement))
    with drawn(tab, write(document, tmp_path), viewport={"width": 1180, "height": 900}) as opened:
        drawn_at = [ink(opened, "latency", x_share=share, y_share=0.0) for share in (0.4667, 0.5, 0.5333)]
        assert drawn_at[1] > drawn_at[0] + 2
        assert drawn_at[1] > drawn_at[2] + 2


def test_scripts_unpack_exactly_what_was_packed(tab):
    """Every latency, moment and code of odd frames, compared with numpy."""
    rng = np.random.default_rng(3)
    latency_ms = np.concatenate([ordinary_ms(3000), rng.uniform(0, 9000, 50)])
    frames = make_measured(latency_ms, dropped=(0, 5), failed=(7, 3049))
    raw = encode(frames)
    due_ns, latency_ns = decoded(raw.value)
    with tab.open("about:blank") as opened:
        source = (SCRIPTS / "decode.js").read_text()
        got = opened.page.evaluate(
            f"""async (block) => {{
              {source}
              const found = await decodeFrames(block);
              return [Array.from(found.due_s), Array.from(found.latency_ms, (one) => (one === one ? one : null))];
            }}""",
            raw.value,
        )
    assert np.array_equal(np.round(np.array(got[0]) * 1e6), due_ns // 1000)
    expected = [None if one < 0 else one for one in latency_ns.tolist()]
    assert [None if one is None else round(one * 1e6) for one in got[1]] == expected


def test_buckets_have_the_percentiles_of_their_frames(tab):
    """Minimum, p50, p99, maximum by nearest rank over the decided frames of each stretch, as in the verdict."""
    rng = np.random.default_rng(5)
    latency_ms = rng.uniform(1, 50, 5000)
    lost = rng.choice(5000, 800, replace=False)
    frames = make_measured(latency_ms, dropped=lost[:600].tolist(), failed=lost[600:].tolist())
    raw = encode(frames)
    _, latency_ns = decoded(raw.value)
    source = "\n".join((SCRIPTS / name).read_text() for name in ("decode.js", "buckets.js"))
    with tab.open("about:blank") as opened:
        got = opened.page.evaluate(
            f"async (block) => {{ {source}; return frameView(await decodeFrames(block), 0, 5000 / 30, 50); }}",
            raw.value,
        )
    assert got["nFrames"] == 5000
    assert (got["nDropped"], got["nFailed"]) == (600, 200)
    for index in range(50):
        inside = np.sort(
            latency_ns[(frames.due_ns >= index * 5000e9 / 1500) & (frames.due_ns < (index + 1) * 5000e9 / 1500)]
        )
        decided = inside[inside >= 0] / 1e6
        assert got["n"][index] == pytest.approx(inside.size, abs=1)
        if got["n"][index] == inside.size:
            assert got["max"][index] == decided[-1]
            assert got["min"][index] == decided[0]
            assert got["p50"][index] == decided[-(-decided.size * 500 // 1000) - 1]
            assert got["p99"][index] == decided[-(-decided.size * 990 // 1000) - 1]


def test_the_address_restores_the_view(tab, shift_page, short_page):
    """A link to a stretch opens on it; nonsense opens on the whole run."""
    with drawn(tab, shift_page, "#t=4200-4800") as opened:
        assert view_text(opened).startswith("1:10:00.0 to 1:20:00.0 · 18,000 frames")
    for nonsense in ("#t=9-1", "#t=a-b", "#t=-5-7", "#latency", "#t=1e3-2e3", "#t=9e999-"):
        with drawn(tab, short_page, nonsense) as opened:
            assert "10,800 frames" in view_text(opened)
            assert opened.complaints == []


def test_keys_zoom_move_and_show_all_again(tab, shift_page):
    """Plus halves the view, arrows move it, minus doubles it, Esc shows the run; the address follows."""
    with drawn(tab, shift_page) as opened:
        page = opened.page
        page.locator("#timeline").focus()
        page.keyboard.press("+")
        assert hash_of(opened) == (7200.0, 21_600.0)
        page.keyboard.press("ArrowLeft")
        assert hash_of(opened) == (3600.0, 18_000.0)
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert hash_of(opened) == (10_800.0, 25_200.0)
        page.keyboard.press("-")
        assert "864,000 frames" in view_text(opened)
        page.keyboard.press("+")
        page.keyboard.press("Escape")
        assert page.evaluate("location.hash") == ""
        page.get_by_role("button", name="Zoom in").click()
        assert hash_of(opened) == (7200.0, 21_600.0)


def test_a_drag_zooms_and_a_double_click_shows_all_again(tab, shift_page):
    """On the latency and on every panel below it."""
    with drawn(tab, shift_page, viewport={"width": 1180, "height": 900}) as opened:
        for panel in ("latency", "lanes", "0"):
            place = opened.page.locator(f'[data-panel="{panel}"] .u-over')
            place.scroll_into_view_if_needed()
            box = place.bounding_box()
            middle = box["y"] + box["height"] / 2
            opened.page.mouse.move(box["x"] + box["width"] * 0.25, middle)
            opened.page.mouse.down()
            opened.page.mouse.move(box["x"] + box["width"] * 0.5, middle, steps=4)
            opened.page.mouse.up()
            begin_s, end_s = hash_of(opened)
            assert begin_s == pytest.approx(7200, abs=60), panel
            assert end_s == pytest.approx(14_400, abs=60), panel
            opened.page.mouse.dblclick(box["x"] + 40, middle)
            assert "864,000 frames" in view_text(opened), panel


def test_a_worst_frame_leads_to_its_moment_on_the_chart(tab, shift, shift_page):
    """The link of the slowest frame zooms there, and the frame is in the view."""
    worst = next(one for one in shift.result.judgement.worst_frames if one.latency_ms is not None)
    with drawn(tab, shift_page) as opened:
        opened.page.locator(f'a[data-zoom-s="{worst.t_s:.3f}"]').first.click()
        begin_s, end_s = hash_of(opened)
        assert begin_s < worst.t_s < end_s
        assert end_s - begin_s < 10
        assert slowest_ms(view_text(opened)) == pytest.approx(worst.latency_ms, abs=0.0005)


def test_the_cursor_reads_latency_and_telemetry_of_its_moment(tab, shift_page):
    """In the middle of a hot window: the moment, p50 and p99, that it throttled, the temperature."""
    with drawn(tab, shift_page, "#t=4200-4800", viewport={"width": 1180, "height": 900}) as opened:
        place = opened.page.locator('[data-panel="latency"] .u-over')
        place.scroll_into_view_if_needed()
        place.hover(position={"x": 300, "y": 100})
        text = opened.page.locator(".cursor-text").text_content()
        for words in ("1:1", "p50", "p99", "slowest", "gpu0: thermal", "Temperature", "°C", "Power"):
            assert words in text
        opened.page.mouse.move(5, 5)
        assert "drag to zoom" in opened.page.locator(".cursor-text").text_content()


def test_a_page_without_raw_frames_and_telemetry_still_draws_its_buckets(tab, short, tmp_path):
    """Made with --no-raw on a rig without sensors: no complaint, the same slowest frame, zooming works."""
    judgement = replace(short.result.judgement, telemetry_series=(), throttle_windows=(), episodes=())
    document = replace(short, frames=None, result=replace(short.result, judgement=judgement))
    with drawn(tab, write(document, tmp_path)) as opened:
        assert opened.complaints == []
        worst_ms = max(point.max_ms for point in judgement.latency_series if point.max_ms is not None)
        assert slowest_ms(view_text(opened)) == pytest.approx(worst_ms, abs=0.0005)
        assert opened.page.locator('[data-panel="0"]').count() == 0
        assert slowest_ms(zoom(opened, 100, 200)) <= worst_ms + 0.0005


@pytest.mark.parametrize("changes", [{}, {"distribution": None, "budgets": (), "change_points": ()}])
def test_an_empty_run_has_no_chart_and_no_complaint(tab, short, tmp_path, changes):
    """Nothing was measured: the page says so."""
    judgement = replace(short.result.judgement, latency_series=(), worst_frames=(), telemetry_series=(), **changes)
    frames = make_measured(np.array([]))
    document = replace(short, frames=frames, result=replace(short.result, judgement=judgement))
    with drawn(tab, write(document, tmp_path)) as opened:
        assert opened.complaints == []
        assert "not measured" in opened.page.locator("#latency").text_content()


@pytest.mark.parametrize("damage", ["A" * 40, "", "=", "not base64!"])
def test_damaged_raw_frames_are_said_and_the_rest_of_the_page_works(tab, short, tmp_path, damage):
    """A block that does not unpack explains itself in the chart's place; the other charts are drawn."""
    page = write(short, tmp_path)
    whole = str(block("raw-frames", encode(short.frames).value))
    value = json.loads(whole.partition(">")[2].removesuffix("</script>"))
    value["latency"]["data"] = damage
    page.write_text(page.read_text().replace(whole, str(block("raw-frames", value))))
    with drawn(tab, page) as opened:
        assert "could not be drawn" in opened.page.locator("#timeline").text_content()
        assert opened.page.locator("#distribution canvas").count() == 2


def test_a_browser_that_cannot_unpack_falls_back_to_the_buckets(tab, short_page):
    """Without DecompressionStream the chart shows the buckets of the judgement, and does not speak of frames."""
    with drawn(tab, short_page, init_script="delete window.DecompressionStream") as opened:
        assert opened.complaints == []
        assert "slowest" in view_text(opened)
        note = opened.page.locator("[data-zoom-note]").text_content()
        assert note.startswith("This browser cannot unpack the single frames")


def test_without_scripts_the_picture_stands_in_for_the_charts(tab, short_page):
    """Nothing empty is shown: the static picture, and a sentence."""
    with tab.open(short_page, java_script_enabled=False) as opened:
        assert opened.page.locator("#latency .no-scripts").is_visible()
        assert not opened.page.locator("#timeline").is_visible()
        assert opened.page.locator('img[src^="data:image/png"]').first.is_visible()


def test_charts_fit_a_telephone_and_a_window_that_changes(tab, short_page):
    """390 pixels wide from the start, and after the window became so."""
    for first_px in (390, 1180):
        with drawn(tab, short_page, viewport={"width": first_px, "height": 800}) as opened:
            opened.page.set_viewport_size({"width": 390, "height": 800})
            opened.page.wait_for_function(
                """() => [...document.querySelectorAll(".plot")].every((one) => {
                  const canvas = one.querySelector("canvas");
                  return canvas && Math.abs(canvas.getBoundingClientRect().width - one.clientWidth) < 2;
                })"""
            )
            assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
            assert opened.complaints == []


def test_colours_follow_the_theme_without_a_reload(tab, short_page):
    """The same pixel of the p50 line is another colour in the dark."""
    with drawn(tab, short_page, color_scheme="light") as opened:
        look = "document.querySelector('[data-panel=latency] canvas').toDataURL()"
        light = opened.page.evaluate(look)
        opened.page.emulate_media(color_scheme="dark")
        opened.page.wait_for_function(f"(light) => {look} !== light", arg=light)


X = {
    "linear": [0.0, 1.0, 2.0, 3.0],
    "log": [0.5, 5.0, 50.0, 5000.0],
    "time": [0.0, 9600.0, 19_200.0, 28_800.0],
    "date": [1.79e9, 1.7901e9, 1.7902e9, 1.791e9],
    "tail": [0.0, 50.0, 99.0, 100.0],
}


def curves_block(block_id: str, *, x_scale: str, y_scale: str, kind: str) -> str:
    """Return a chart with gaps, a 0, a series of one point and one of none, and its data."""
    x, one = X[x_scale], {"style": kind, "dash": False, "tone": "median"}
    spec = {
        "x": {"label": "along", "scale": x_scale},
        "y": {"label": "up", "unit": "ms", "scale": y_scale},
        "series": [
            {**one, "label": "</script><b>first</b>", "x": x, "y": [1.0, None, 0, 900.5]},
            {**one, "label": "second", "x": x[1:2], "y": [40.0], "tone": 9, "dash": True},
            {**one, "label": "third", "x": [], "y": [], "tone": 3},
        ],
        "levels": [{"label": "a limit", "value": 45.0, "tone": "limit"}],
        "marks": [{"x": x[2], "label": "a moment"}],
    }
    return (
        f'{block(block_id, spec)}<div class="plot" data-chart="curves" data-source="{block_id}" role="img"></div>'
    )


@pytest.mark.parametrize("x_scale", X)
def test_the_generic_chart_draws_every_kind_of_axis_and_series(tab, x_scale):
    """Each style on both kinds of height: no complaint, foreign labels are text, the cursor reads the value."""
    kinds = [(y_scale, kind) for y_scale in ("linear", "log") for kind in ("line", "steps", "points", "bars")]
    charts = "".join(
        curves_block(f"d{index}", x_scale=x_scale, y_scale=y_scale, kind=kind)
        for index, (y_scale, kind) in enumerate(kinds)
    )
    with tab.open("about:blank", viewport={"width": 600, "height": 500}) as opened:
        css = "".join(style(name) for name in CHART_STYLES)
        opened.page.set_content(f"<style>{css}</style>{charts}")
        scripts = "\n".join(script(name) for name in CHART_SCRIPTS)
        opened.page.evaluate(f"() => {{ {scripts} }}")
        opened.page.wait_for_function("document.documentElement.dataset.ready")
        assert opened.complaints == []
        assert opened.page.locator(".plot canvas").count() == len(kinds)
        for index in range(len(kinds)):
            keys = opened.page.locator(".keys").nth(index).locator(".key")
            assert keys.all_text_contents() == ["</script><b>first</b>", "second", "third"]
            opened.page.locator(".u-over").nth(index).hover(position={"x": 14, "y": 20})
            assert keys.first.text_content().endswith(": 1 ms"), kinds[index]


def test_every_chart_has_words_for_who_cannot_see_it(tab, short_page):
    """Each is an image with a description in a whole sentence."""
    with drawn(tab, short_page) as opened:
        labels = opened.page.eval_on_selector_all(
            ".plot", "all => all.map((one) => [one.getAttribute('role'), one.ariaLabel])"
        )
        assert len(labels) > 5
        assert all(role == "img" and text.endswith(".") and len(text) > 20 for role, text in labels)
