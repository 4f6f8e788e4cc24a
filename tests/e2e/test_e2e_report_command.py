"""`hilrig report` and `hilrig export` as a person calls them, over a soak that was judged and signed."""

import json

import pytest

from finished_soaks import finish_soak

pytestmark = pytest.mark.waiting


@pytest.fixture(scope="module")
def soak(tmp_path_factory):
    return finish_soak(tmp_path_factory.mktemp("soak"))


def test_a_report_is_rendered_anew_beside_the_run(bench, soak):
    """A page and a picture in the folder where one stands; exit 0 though the verdict is FAIL."""
    before = sorted(path.name for path in soak.run_dir.iterdir())
    called = bench.call("report", str(soak.run_dir), "--key", str(soak.public_key), "--png", "p.png")
    page = bench.folder / f"{soak.run_dir.name}.html"
    assert called.code == 0, called.err
    assert page.read_bytes() == (soak.run_dir / "report.html").read_bytes()
    assert (bench.folder / "p.png").read_bytes().startswith(b"\x89PNG")
    assert "FAIL" in called.out
    assert "next: hilrig verify" in called.out
    assert sorted(path.name for path in soak.run_dir.iterdir()) == before


def test_a_small_page_for_e_mail(bench, soak):
    """--no-raw, with its figures as JSON."""
    called = bench.call(
        "report", str(soak.run_dir), "--key", str(soak.public_key), "--no-raw", "--to", "small.html", "--json"
    )
    told = json.loads(called.out)
    assert told["page"] == "small.html"
    assert told["status"] == "FAIL"
    assert (bench.folder / "small.html").stat().st_size < (soak.run_dir / "report.html").stat().st_size


def test_other_views_lie_beside_the_page(bench, soak):
    """Under their own names; one that nobody knows is refused before anything is written."""
    asked = ("report", str(soak.run_dir), "--key", str(soak.public_key), "--no-raw", "--to", "out/page.html")
    (bench.folder / "out").mkdir()
    unknown = bench.call(*asked, "--view", "junitt")
    assert (unknown.code, list((bench.folder / "out").iterdir())) == (2, []), unknown
    assert "known: html, junit, markdown, png" in unknown.err
    called = bench.call(*asked, "--view", "junit", "--view", "markdown", "--json")
    assert json.loads(called.out)["views"] == ["out/junit.xml", "out/summary.md"]
    for name in ("junit.xml", "summary.md"):
        assert (bench.folder / "out" / name).read_bytes() == (soak.run_dir / name).read_bytes()


def test_a_run_of_an_unknown_key_has_no_page(bench, soak):
    """Exit 30, no file."""
    called = bench.call("report", str(soak.run_dir), "--to", "x.html")
    assert called.code == 30
    assert "unknown key" in called.err
    assert not (bench.folder / "x.html").exists()


def test_an_export_says_what_it_wrote_and_what_covers_it(bench, soak):
    """The default window, a second call that is refused, a third with --force."""
    call = ("export", str(soak.run_dir), "--to", "trace", "--key", str(soak.public_key))
    called = bench.call(*call)
    path = bench.folder / f"{soak.run_dir.name}-trace" / "trace.json"
    assert called.code == 0, called.err
    assert str(path.relative_to(bench.folder)) in called.out
    assert "signed it" in called.out
    assert json.loads(path.read_bytes())["traceEvents"]
    again = bench.call(*call)
    assert again.code == 2
    assert "--force" in again.err
    assert bench.call(*call, "--force").code == 0


@pytest.mark.parametrize(("form", "window"), [("xlsx", "worst:3"), ("csv", "yesterday")])
def test_an_unknown_form_or_window_is_a_usage_error(bench, soak, form, window):
    """Exit 2, with what would be right."""
    called = bench.call("export", str(soak.run_dir), "--to", form, "--window", window)
    assert called.code == 2
    assert "csv" in called.err or "worst:20" in called.err
