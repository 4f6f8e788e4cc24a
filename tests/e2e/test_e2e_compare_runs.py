"""`hilrig compare RUN RUN`, `hilrig list --html`, `hilrig baseline`: from the command to the page in a browser."""

import json

import pytest

from hilrig.core import files
from hilrig.core.verdict import RunStatus
from signed_runs import Signer, make_judgement, make_result, make_window

pytestmark = pytest.mark.long  # short: test_app_compare_runs, test_app_trend


class Desk:
    """The bench with a few finished runs in its reports folder, signed by a key of this user."""

    def __init__(self, bench) -> None:
        self.bench = bench
        self.signer = Signer(bench.folder / "home" / "keys", name="desk")

    def write(self, day: int, *, judgement=None, signer: Signer | None = None, **changes) -> str:
        """Write a run of that day; return its path as one would type it."""
        result = make_result(
            judgement, run_id=f"run{day}", started_at_utc=f"2026-11-{day:02d}T21:00:00.000000Z", **changes
        )
        path = self.bench.reports / f"202611{day:02d}T210000Z-{result.profile_name}-run{day}"
        (signer or self.signer).write(path, result)
        return str(path.relative_to(self.bench.folder))


@pytest.fixture
def desk(bench) -> Desk:
    return Desk(bench)


def drawn(page) -> int:
    """Return how many charts of an opened page have a picture."""
    page.wait_for_function("document.documentElement.dataset.ready !== undefined")
    return page.evaluate("document.querySelectorAll('.plot canvas').length")


def is_too_wide(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def test_two_runs_are_compared_on_the_terminal(desk):
    """Differences first, then numbers with what they are worth, the way to the page; exit 0."""
    first = desk.write(1)
    other = desk.write(2, judgement=make_judgement(p99_ms=30.0), model_bundle_sha256="ff" * 32)
    called = desk.bench.call("compare", first, other)
    assert called.code == 0, called
    assert called.out.index("model") < called.out.index("latency.p99_max_ms")
    assert "+10 ms beyond" in called.out
    assert f"signed by {desk.signer.signer.public_key.keyid}" in called.out
    assert f"hilrig compare {first} {other} --html" in called.out


def test_a_broken_signature_ends_the_comparison(desk):
    """Exit 30, and no number is printed."""
    first, other = desk.write(1), desk.write(2)
    path = desk.bench.folder / other / files.RESULT
    path.write_bytes(path.read_bytes().replace(b'"rig":"local"', b'"rig":"loca1"'))
    called = desk.bench.call("compare", first, other, "--html", "page.html")
    assert called.code == 30, called
    assert "p99" not in called.out
    assert not (desk.bench.folder / "page.html").exists()


def test_an_unknown_key_is_shown_and_said(desk, tmp_path):
    """A run from another rig: compared, not vouched for; with its key at hand it is."""
    stranger = Signer(tmp_path / "elsewhere", name="stranger")
    first, other = desk.write(1), desk.write(2, signer=stranger)
    called = desk.bench.call("compare", first, other)
    assert called.code == 0, called
    assert f"NOT CHECKED: it is by an unknown key, {stranger.signer.public_key.keyid}" in called.out
    keys = ("--signed-by", str(stranger.public_key), "--signed-by", str(desk.signer.public_key))
    assert "NOT CHECKED" not in desk.bench.call("compare", first, other, *keys).out


def test_json_holds_the_whole_comparison(desk):
    """One object on stdout."""
    called = desk.bench.call("compare", desk.write(1), desk.write(2), "--json")
    found = json.loads(called.out)
    assert [run["label"] for run in found["runs"]] == ["A", "B"]
    assert found["rows"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compare", "station", "station2"), "hilrig compare --interleaved station station2"),
        (("compare", "station"), "expected 2 to 8"),
        (("compare", "--interleaved", "station"), "compares two profiles"),
        (("compare", "--interleaved", "station", "station2", "--html", "x.html"), "leave out --html"),
        (("compare", "--interleaved", "station", "station2", "--signed-by", "k.pub"), "leave out --signed-by"),
        (("compare", "one", "two", "--block-duration", "30s"), "leave out --block-duration"),
        (("compare", "one", "two", "--key", "k"), "leave out --key"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_way_out(bench, arguments, words):
    """Exit 2, nothing runs."""
    for name in ("station", "station2"):
        bench.station(name)
    called = bench.call(*arguments)
    assert called.code == 2, called
    assert words in called.err
    assert bench.run_dirs() == []


@pytest.fixture(scope="module")
def compared(new_bench):
    """Return a page of two runs with hostile names, and what the call gave that made it."""
    desk = Desk(new_bench("compared"))
    hot = make_judgement(p99_ms=30.0, throttle_windows=(make_window(60.0, 200.0),))
    first = desk.write(1, rig="\x1b[2Jhidden\u202e")
    other = desk.write(2, judgement=hot, rig="</script><img src=x onerror=alert(1)>")
    called = desk.bench.call("compare", first, other, "--html", "compare.html")
    assert called.code == 0, called
    return desk.bench.folder / "compare.html", called


def test_escapes_in_a_name_do_not_reach_the_terminal(compared):
    """A rig called so that it would clear the screen, or turn the text around."""
    _, called = compared
    assert "hidden" in called.out
    assert "\x1b" not in called.out
    assert "\u202e" not in called.out


def test_the_page_of_a_comparison_draws_its_charts(compared, browser):
    """No request, no complaint, two charts, links that lead to the reports; at 390 px nothing is cut off."""
    page, _ = compared
    for width in (1120, 390):
        with browser.open(page, viewport={"width": width, "height": 900}) as opened:
            assert drawn(opened.page) == 2
            assert not is_too_wide(opened.page)
            assert opened.page.locator("svg.lanes rect").count() == 1
            assert (opened.complaints, opened.requests) == ([], [])
            opened.page.get_by_role("link", name="report").last.click()
            assert opened.page.title() == "report"


def test_a_page_without_scripts_still_has_its_numbers(compared, browser):
    """Each chart says why it is not there."""
    page, _ = compared
    with browser.open(page, java_script_enabled=False) as opened:
        assert opened.page.get_by_text("This chart needs the page's own script").count() == 2
        assert opened.page.get_by_text("latency.p99_max_ms").is_visible()


def test_the_trend_draws_the_folder(desk, browser):
    """Four charts for the group with throttling measured, verdicts in words, a link to each report."""
    desk.write(1)
    desk.write(2, judgement=make_judgement(p99_ms=50.0, status=RunStatus.FAIL), model_bundle_sha256="ff" * 32)
    (desk.bench.reports / "20261103T210000Z-weld-station-run3").mkdir()
    called = desk.bench.call("list", "--html", "pages/trend.html")
    assert called.code == 2, "a folder that is not there is not made"
    called = desk.bench.call("list", "--html", "trend.html")
    assert called.code == 0, called
    with browser.open(desk.bench.folder / "trend.html", viewport={"width": 390, "height": 900}) as opened:
        assert drawn(opened.page) == 4
        assert not is_too_wide(opened.page)
        assert (opened.complaints, opened.requests) == ([], [])
        assert opened.page.get_by_text("model a1b2c3d4..d4 -> ffffffff..ff").is_visible()
        assert opened.page.get_by_text("1 without a result are not shown").is_visible()
        opened.page.locator("tbody a").first.click()
        assert opened.page.title() == "report"


def test_the_list_gives_the_numbers_of_the_page(desk):
    """--json: every run with its state, finished ones with their numbers; filters choose."""
    desk.write(1)
    desk.write(2, device_class="arm64-cpu")
    found = json.loads(desk.bench.call("list", "--json").out)
    assert [run["numbers"]["run_id"] for run in found["runs"]] == ["run2", "run1"]
    assert found["runs"][0]["numbers"]["p99_ms"] == 20.0
    called = desk.bench.call("list", "--device-class", "arm64-cpu")
    assert "run2" in called.out
    assert "run1" not in called.out
    assert "run2" in desk.bench.call("list", "--profile", "weld-station").out
    assert desk.bench.call("list", "--profile", "nobody").out.startswith("no runs")


def test_a_baseline_is_set_shown_and_forgotten(desk):
    """PASS only; the copy survives its run."""
    passed = desk.write(1)
    failed = desk.write(2, judgement=make_judgement(status=RunStatus.FAIL))
    refused = desk.bench.call("baseline", "set", failed)
    assert refused.code == 22, refused
    assert "only a PASS" in refused.err
    assert desk.bench.call("baseline", "show").code == 2
    assert desk.bench.call("baseline", "set", passed).code == 0
    (desk.bench.folder / passed / files.RESULT).unlink()
    shown = desk.bench.call("baseline", "show", "weld-station")
    assert "run run1" in shown.out
    (kept,) = json.loads(desk.bench.call("baseline", "list", "--json").out)["baselines"]
    assert (kept["profile"], kept["device_class"]) == ("weld-station", "x86-cpu")
    assert desk.bench.call("baseline", "unset", "weld-station").code == 0
    assert desk.bench.call("baseline", "list").out.startswith("no baseline is set")


def test_a_stranger_sets_no_baseline(desk, tmp_path):
    """Exit 30."""
    path = desk.write(1, signer=Signer(tmp_path / "elsewhere", name="stranger"))
    called = desk.bench.call("baseline", "set", path)
    assert called.code == 30, called
    assert "unknown key" in called.err


def test_a_real_run_is_compared_with_its_second_judgement(finished):
    """The same evidence under a tighter limit: profile and its digest differ, no measured number does."""
    bench, _, run_dir = finished
    bench.station("tighter", p99_max_ms=900)
    judged = bench.call("judge", str(run_dir), "--profile", "tighter", "--reports", "again", "--json")
    again = json.loads(judged.out)["run_dir"]
    called = bench.call("compare", str(run_dir), again, "--json")
    assert called.code == 0, called
    found = json.loads(called.out)
    assert [one["what"] for one in found["differences"]] == ["profile digest"]
    deltas = {row["metric"]: row["cells"][1]["delta"] for row in found["rows"] if row["group"] == "latency"}
    assert deltas["latency_p50_ms"] == 0.0
    assert set(deltas.values()) <= {0.0, None}  # infinite where this machine dropped frames
