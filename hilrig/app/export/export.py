"""`hilrig export`: a run, or a part of it, in the form of other tools."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial
from io import BufferedWriter
from os import dup, fdopen, fsync
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from hilrig.app.export import run_tables
from hilrig.app.export.window import EVERYTHING, HINT, Span, Worst, measured_part, n_frames_in, spans_of
from hilrig.app.finished.conclude import hash_files, read_evidence, refuse_other_than_run
from hilrig.app.finished.signed_result import read_result_by_any_key
from hilrig.core.canonical import canonical_json
from hilrig.core.errors import HilrigError, PreconditionError, RecordError, UsageError
from hilrig.core.run import RunRecord
from hilrig.record.run_directory import replacing, sync_folder

N_FRAMES_MAX: Final = 200_000
"""Of a trace or an MCAP file: nearly two hours at 30 fps, some 200 MB, what a browser can still open."""

Said = Mapping[str, str]
"""What a person reads of a file as a whole."""

Progress = Callable[[int, int], None]
Write = Callable[[RunRecord, Sequence[Span], BufferedWriter, Said, Progress], None]


class Form(str, Enum):
    """What a run is exported to."""

    CSV = "csv"
    PARQUET = "parquet"
    TRACE = "trace"
    MCAP = "mcap"


TIMELINES: Final = (Form.TRACE, Form.MCAP)
"""Forms that are made in memory and looked at frame by frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where files go: a folder, made when missing, and whether files that are there may be replaced."""

    folder: Path
    may_replace: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written, and in words whether a signature covers it."""

    paths: tuple[Path, ...]
    provenance: str


def export(
    run_dir: Path,
    form: Form,
    *,
    window: Span | Worst | None,
    place: Place,
    keys: Sequence[Path],
    on_progress: Callable[[str, int, int], None],
) -> Exported:
    """Write a run, finished or not, into files, each whole or not at all.

    Args:
        run_dir: the run.
        form: of the files.
        window: the part; None is all of it.
        place: where to.
        keys: files of the public keys that the run may be signed with; another signature is told, not refused.
        on_progress: told a file's name, and how many of how many of its rows are written.

    Raises:
        UsageError: files are there already, the place is in the run directory, the part is empty or too large.
        RecordError: it is no run directory, or the files cannot be written.
    """
    if not run_dir.is_dir():
        raise RecordError(f"{run_dir} is not a folder", hint="hilrig list")
    refuse_other_than_run(run_dir)
    _refuse_place(place, run_dir, WRITERS[form])
    record, provenance = read_evidence(run_dir), provenance_of(run_dir, keys)
    spans = _spans(record, window, form)
    if form in TIMELINES:
        _refuse_size(record, spans)
    said = _said(record, provenance)
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
        for name, write in WRITERS[form].items():
            with _whole(place.folder / name) as file:
                write(record, spans, file, said, partial(on_progress, name))
        sync_folder(place.folder)
    except OSError as error:
        raise RecordError(
            f"{place.folder} cannot be written: {error.strerror}", hint="make room, or another folder with --out"
        ) from error
    return Exported(paths=tuple(place.folder / name for name in WRITERS[form]), provenance=provenance)


def provenance_of(run_dir: Path, keys: Sequence[Path]) -> str:
    """Return in words whether the evidence is what a known key signed."""
    try:
        signed = read_result_by_any_key(run_dir, keys)
        digests = hash_files(run_dir)
    except PreconditionError:
        return "not signed: the run is unfinished"
    except HilrigError as error:
        return f"its signature does not hold: {error.message}"
    changed = [name for name, sha256 in signed.result.files.items() if digests.get(name) != sha256]
    if changed:
        return f"not as it was signed: {changed[0]} changed or is missing"
    if not signed.is_key_known:
        return f"signed by an unknown key, {signed.key_fingerprint}: nobody checked whose that is"
    return f"as {signed.key_fingerprint} signed it"


def _refuse_place(place: Place, run_dir: Path, names: Mapping[str, Write]) -> None:
    if place.folder.resolve().is_relative_to(run_dir.resolve()):
        raise UsageError(f"{place.folder} is in the run directory, whose files are signed", hint="another --out")
    there = [name for name in names if (place.folder / name).exists()]
    if there and not place.may_replace:
        raise UsageError(f"{place.folder / there[0]} exists", hint="another folder with --out, or --force")


def _spans(record: RunRecord, window: Span | Worst | None, form: Form) -> tuple[Span, ...]:
    """Return the stretches to write.

    Raises:
        UsageError: no frame was due in them.
    """
    if window is not None:
        spans = spans_of(record, window)
    else:
        spans = (measured_part(record),) if form in TIMELINES else (EVERYTHING,)
    if not n_frames_in(record, spans):
        raise UsageError("no frame was due in this part of the run", hint=HINT)
    return spans


def _refuse_size(record: RunRecord, spans: Sequence[Span]) -> None:
    n_frames = n_frames_in(record, spans)
    if n_frames > N_FRAMES_MAX:
        raise UsageError(
            f"{n_frames} frames are too many for this form, {N_FRAMES_MAX} at most",
            hint="a part of the run: --window worst:20, or --window 01:10..01:20",
        )


def _said(record: RunRecord, provenance: str) -> Said:
    plan = record.plan
    return {
        "run_id": plan.run_id,
        "profile": plan.profile_name,
        "rig": plan.rig,
        "device_class": plan.device_class,
        "started_at_utc": plan.created_at_utc,
        "hilrig_version": plan.hilrig_version,
        "evidence": provenance,
        "t_s": "seconds after the start of the measured part",
    }


@contextmanager
def _whole(path: Path) -> Iterator[BufferedWriter]:
    """Give a file that takes the place of `path` when the body is through."""
    with replacing(path) as fd:
        with fdopen(dup(fd), "wb") as file:
            yield file
        fsync(fd)


def _table_writer(form: str, table_of: Callable[[RunRecord], pd.DataFrame]) -> Write:
    """Return what writes a table's rows of some stretches."""

    def write(
        record: RunRecord, spans: Sequence[Span], file: BufferedWriter, said: Said, progress: Progress
    ) -> None:
        from hilrig.app.export import tables as export_tables

        rows = _within(table_of(record), spans)
        writer = export_tables.write_csv if form == "csv" else export_tables.write_parquet
        writer(rows, file, said=said, progress=progress)

    return write


def _within(table: pd.DataFrame, spans: Sequence[Span]) -> pd.DataFrame:
    """Return the rows of the stretches, their last moments included."""
    t_s = table["t_s"] if "t_s" in table else table.index.to_series()
    inside = np.zeros(len(table), np.bool_)
    for span in spans:
        inside |= t_s.between(span.begin_s, span.end_s).to_numpy()
    rows: pd.DataFrame = table if inside.all() else table[inside]
    return rows


def _events_as_text(record: RunRecord) -> pd.DataFrame:
    events = run_tables.events_table(record)
    events["detail"] = [canonical_json(detail).decode() for detail in events["detail"]]
    return events


def _trace(record: RunRecord, spans: Sequence[Span], file: BufferedWriter, said: Said, progress: Progress) -> None:
    from hilrig.app.export.trace import trace_json

    progress(0, 1)
    file.write(trace_json(record, spans, said=said))
    progress(1, 1)


def _mcap(record: RunRecord, spans: Sequence[Span], file: BufferedWriter, said: Said, progress: Progress) -> None:
    try:
        from hilrig.app.export.mcap import write_mcap
    except ModuleNotFoundError as error:
        raise UsageError(
            f"MCAP needs the module {error.name}, which is missing", hint="pip install 'hilrig[mcap]'"
        ) from error
    write_mcap(record, spans, file, said=said, progress=progress)


WRITERS: Final[Mapping[Form, Mapping[str, Write]]] = {
    **{
        form: {
            f"frames.{form.value}": _table_writer(form.value, run_tables.frames_table),
            f"telemetry.{form.value}": _table_writer(form.value, run_tables.telemetry_table),
            f"events.{form.value}": _table_writer(form.value, _events_as_text),
        }
        for form in (Form.CSV, Form.PARQUET)
    },
    Form.TRACE: {"trace.json": _trace},
    Form.MCAP: {"run.mcap": _mcap},
}
"""What each form consists of, by file name."""
