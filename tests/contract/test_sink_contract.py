"""What every view of a result promises."""

from dataclasses import replace
from pathlib import Path

import pytest

from hilrig.config.noun_json import from_json
from hilrig.core import registry
from hilrig.core.document import Document, SignatureInfo
from hilrig.core.files import VIEW_FILES
from hilrig.core.result import Result
from hilrig.core.verdict import RunStatus

SAMPLE = Path(__file__).parents[2] / "reports" / "sample"


@pytest.fixture(scope="module")
def document():
    """Return the document of the sample run."""
    result = from_json(Result, (SAMPLE / "result.json").read_bytes(), what="the sample")
    signature = SignatureInfo(
        key_fingerprint="SHA256:x", envelope_file="attestation.dsse.json", envelope_sha256="0" * 64
    )
    return Document(result=result, signature=signature)


@pytest.fixture(scope="module", params=registry.BUILT_IN["sinks"])
def sink(request):
    """Return every built-in sink."""
    return registry.load("sinks", request.param)()


@pytest.fixture(scope="module")
def view(sink, document):
    """Return the document's view, which takes long to draw."""
    return sink.render(document)


@pytest.fixture
def undrawn(monkeypatch):
    """Leave the picture out of the page, so that the page itself has to say what it shows."""
    monkeypatch.setattr("hilrig.report.html.render_png", lambda document: b"")


def test_every_view_has_a_file_of_its_own():
    """The files that a run leaves are those of the sinks."""
    names = [registry.load("sinks", name)().file_name for name in registry.BUILT_IN["sinks"]]
    assert sorted(names) == sorted(VIEW_FILES)


def test_equal_documents_give_equal_bytes(sink, document, view):
    """A view depends on nothing but its document."""
    assert sink.render(document) == view


@pytest.mark.usefixtures("undrawn")
def test_another_verdict_is_another_view(sink, document):
    """The verdict is on every view: each of the three makes bytes of its own."""
    views = {
        sink.render(replace(document, result=replace(document.result, judgement=judgement)))
        for judgement in (replace(document.result.judgement, status=status) for status in RunStatus)
    }
    assert len(views) == len(RunStatus)
