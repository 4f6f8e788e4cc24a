"""The views of a run, rendered from its directory."""

from pathlib import Path
from typing import Final

import numpy as np

from hilrig.app.finished.thumbnails import read_thumbnails
from hilrig.config.noun_json import from_json
from hilrig.core import files, registry
from hilrig.core.baseline import Baseline
from hilrig.core.document import Document, MeasuredFrames, SignatureInfo
from hilrig.core.result import Result
from hilrig.core.run import RunRecord
from hilrig.core.sink import Sink
from hilrig.core.units import BYTES_PER_MIB
from hilrig.record.untrusted_file import read_untrusted
from hilrig.verdict.window import DECIDED, INTENDED, cut

SINKS: Final = ("junit", "markdown", "png")
"""The views that are rendered from the document alone; the page also has the picture in it."""

PROFILE_BYTES_MAX: Final = BYTES_PER_MIB
BASELINE_BYTES_MAX: Final = 16 * BYTES_PER_MIB
NO_DECISION: Final = -1


def measured_frames(record: RunRecord) -> MeasuredFrames:
    """Return the frames of a record's measured part: 17 bytes each, where the record has 64."""
    window = cut(record)
    stamps_ns = window.measured.stamps_ns
    lasted_ns = stamps_ns[DECIDED] - stamps_ns[INTENDED]
    return MeasuredFrames(
        due_ns=stamps_ns[INTENDED] - window.start_ns,
        latency_ns=np.where(window.measured.is_decided, lasted_ns, NO_DECISION),
        outcome=window.measured.outcome.copy(),
    )


def read_document(
    run_dir: Path, result: Result, signature: SignatureInfo, *, frames: MeasuredFrames | None
) -> Document:
    """Return the document of a run: with its profile, its pictures and its baseline as they lie in `run_dir`.

    Raises:
        RecordError: one of these files is a link or too large, or baseline.json holds no baseline.
    """
    return Document(
        result=result,
        signature=signature,
        profile_text=_profile_text(run_dir),
        frames=frames,
        thumbnails=read_thumbnails(run_dir, result.judgement.worst_frames),
        baseline=_baseline(run_dir),
    )


def render_views(document: Document) -> dict[str, bytes]:
    """Return every view by its file name. The picture is drawn once: it is a view, and part of the page."""
    from hilrig.report.html import render_report

    views = {}
    for name in SINKS:
        sink = load_sink(name)
        views[sink.file_name] = sink.render(document)
    views[files.REPORT_HTML] = render_report(document, png=views[files.REPORT_PNG])
    return views


def load_sink(name: str) -> Sink:
    """Return what renders the view called `name`, built in or a plug-in's.

    Raises:
        UsageError: nothing has that name, or the plug-in is unsound.
    """
    sink: Sink = registry.load("sinks", name)()
    return sink


def _profile_text(run_dir: Path) -> str:
    data = read_untrusted(run_dir / files.PROFILE, max_bytes=PROFILE_BYTES_MAX)
    return "" if data is None else data.decode(errors="replace")


def _baseline(run_dir: Path) -> Baseline | None:
    data = read_untrusted(run_dir / files.BASELINE, max_bytes=BASELINE_BYTES_MAX)
    return None if data is None else from_json(Baseline, data, what=str(run_dir / files.BASELINE))
