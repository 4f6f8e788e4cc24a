import io
import struct
from dataclasses import replace

import matplotlib as mpl
import matplotlib.image
import numpy as np
import pytest
from report_checks import INFINITE_P999, PASSED_P99
from report_documents import make_document, make_passing

from hilrig.core.verdict import SeriesPoint
from hilrig.report.png import PngSink

STRIP_COLORS = {"passing": (11, 107, 58), "failing": (179, 38, 30), "inconclusive": (138, 90, 0)}


def pixels(picture: bytes) -> np.ndarray:
    return np.round(mpl.image.imread(io.BytesIO(picture))[..., :3] * 255).astype(int)


@pytest.mark.parametrize(("name", "color"), STRIP_COLORS.items())
def test_the_verdict_is_seen_at_a_glance(name: str, color, request: pytest.FixtureRequest) -> None:
    """The strip on top has the verdict's colour, with the verdict written on it in white."""
    strip = pixels(PngSink().render(request.getfixturevalue(name)))[:150]
    assert tuple(strip[5, 5]) == color
    assert (strip == 255).all(axis=-1).sum() > 1000


def test_any_document_gives_a_picture_of_known_size(any_document) -> None:
    """Also without data, or with hostile strings, the picture is 1200 x 800 and fits a mail."""
    picture = PngSink().render(any_document)
    assert struct.unpack(">II", picture[16:24]) == (1200, 800)
    assert len(picture) < 300_000


def test_equal_documents_give_equal_bytes(failing) -> None:
    """No time, no version and no setting of the caller's matplotlib gets into the picture."""
    before = PngSink().render(failing)
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
