"""The finished runs of a reports folder as a trend, one group for each profile on each device class."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Final

from hilrig.app.compare.trend_fields import trend_conditions, trend_run
from hilrig.app.page_file import link_to_report
from hilrig.core import files
from hilrig.core.conditions import Conditions
from hilrig.core.errors import RecordError
from hilrig.core.trend import Trend, TrendChange, TrendGroup, TrendRun, UnreadableRun
from hilrig.record.listing import RESULT_MAX_BYTES, RunEntry, RunState
from hilrig.record.untrusted_file import read_json_object
from hilrig.verdict.many_runs.conditions import changes, writable

PASSED_OVER: Final = frozenset({"profile", "device class", "measured"})
"""What the runs are grouped by, and what differs when one is ended early: no change of what is tested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A run that was read: its numbers, and what it was made with."""

    run: TrendRun
    conditions: Conditions

    @property
    def group(self) -> tuple[str, str]:
        return self.conditions.profile_name, self.conditions.device_class


def read_trend(
    reports: Path,
    entries: Iterable[RunEntry],
    *,
    profile_name: str | None = None,
    device_class: str | None = None,
    page: Path | None = None,
) -> Trend:
    """Return the trend of the finished runs among `entries`. Only result.json is read, and no signature checked.

    A run whose result cannot be read is listed as such, whatever is asked for.

    Args:
        reports: the folder, for the page's title.
        entries: its runs (`hilrig.record.listing.list_runs`).
        profile_name: only runs of this profile; None for all.
        device_class: only runs on this device class; None for all.
        page: where the trend's page will lie, for its links; None for no page.
    """
    read: list[_Read] = []
    unreadable: list[UnreadableRun] = []
    n_unfinished = 0
    for entry in entries:
        if entry.state is RunState.UNREADABLE:
            unreadable.append(UnreadableRun(name=writable(entry.path.name), reason=writable(entry.detail)))
        elif entry.state is not RunState.FINISHED:
            n_unfinished += profile_name in (None, entry.profile_name)
        else:
            try:
                read.append(_read(entry.path, page))
            except RecordError as error:
                unreadable.append(UnreadableRun(name=writable(entry.path.name), reason=writable(error.message)))
    wanted = [one for one in read if profile_name in (None, one.group[0]) and device_class in (None, one.group[1])]
    return Trend(
        folder=writable(reports),
        groups=tuple(_groups(wanted)),
        unreadable=tuple(unreadable),
        n_unfinished=n_unfinished,
    )


def _read(run_dir: Path, page: Path | None) -> _Read:
    result: Mapping[str, Any] | None = read_json_object(run_dir / files.RESULT, max_bytes=RESULT_MAX_BYTES)
    if result is None:
        raise RecordError(f"{files.RESULT} went away while the folder was read")
    report = "" if page is None else link_to_report(run_dir, page)
    return _Read(run=trend_run(result, name=run_dir.name, report=report), conditions=trend_conditions(result))


def _groups(read: Iterable[_Read]) -> Iterator[TrendGroup]:
    ordered = sorted(read, key=lambda one: (one.group, one.run.started_s, one.run.name))
    for (profile_name, device_class), members in groupby(ordered, key=lambda one: one.group):
        runs = list(members)
        yield TrendGroup(
            profile_name=profile_name,
            device_class=device_class,
            runs=tuple(one.run for one in runs),
            changes=tuple(_changes(runs)),
        )


def _changes(runs: Iterable[_Read]) -> Iterator[TrendChange]:
    for before, after in pairwise(runs):
        texts = changes(before.conditions, after.conditions, but=PASSED_OVER)
        if texts:
            yield TrendChange(name=after.run.name, started_s=after.run.started_s, texts=texts)
