"""The depths in which a machine's power is cut in mid-update: `virtual_rig`, `rig`.

After its boot the machine is asked what it runs. Killing QEMU keeps this machine's page cache: it finds missing
fsyncs in the guest, no missing flushes to its disk.
"""

import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hilrig.app.power_loss.cuts import RETURNED, CutPoint, cut_points
from hilrig.app.power_loss.rig_cut import refuse_cut_for_others
from hilrig.app.power_loss.rig_subject import send_subject
from hilrig.app.power_loss.rig_under_cuts import QEMU, DidNotBootError, RigUnderCuts
from hilrig.app.power_loss.served import served_node
from hilrig.app.power_loss.subject import NAME
from hilrig.app.rigs.command import event_name
from hilrig.app.rigs.link import linked
from hilrig.app.rigs.power import refuse_without_power
from hilrig.core.errors import HilrigError, PreconditionError
from hilrig.core.power_loss import (
    BadRecovery,
    Calibration,
    Depth,
    DepthResult,
    Recovery,
    UpdateStep,
    UpdateSubject,
)
from hilrig.core.rig import RigSpec
from hilrig.faults.calibration import calibration_subjects
from hilrig.faults.recovery_check import Found, check_recovery, parse_answer
from hilrig.faults.stepping import Progress, stop_if
from hilrig.rig.power_opening import open_power

EPISODE: Final = "update"
"""The episode whose steps are cut: an update takes a machine's boot for each cut, so that one has to do."""
SHOWN_BAD: Final = 20
FINDS: Final = {
    Depth.VIRTUAL_RIG: "missing fsyncs in the guest, no missing flushes: killing QEMU keeps the host's page cache",
    Depth.RIG: "missing fsyncs, and a disk that loses its own write cache",
}


def depth_of(rig: RigSpec) -> Depth:
    """Return which of the two depths a rig is."""
    return Depth.VIRTUAL_RIG if rig.power == QEMU else Depth.RIG


def run_on_rig(
    subject: UpdateSubject,
    *,
    rig: RigSpec,
    seed: int,
    n_cuts: int,
    work: Path,
    progress: Progress,
    should_stop: Callable[[], bool],
) -> DepthResult:
    """Cut a rig's power in the midst of updates and ask after each boot what it runs.

    Args:
        subject: its commands name files of this machine; those go to the rig. hilrig's own node gets releases that
            can be served, and is asked over HTTP.
        rig: it is up, and has a power control.
        seed: of where the cuts come.
        n_cuts: of the subject's update; six more calibrate the test.
        work: an empty folder, for such releases; everything else lies on the rig.
        progress: what is being done, cuts done, cuts in all.
        should_stop: looked at ten times a second.

    Raises:
        PreconditionError: the rig cannot cut its power, or a step fails without any cut.
        RigBusyError: another one holds the rig.
        RigLostError: it cannot be reached, or kept its power through a cut.
        RunAbortedError: `should_stop` said so.
    """
    refuse_without_power(rig)
    refuse_cut_for_others(rig)
    begun_s = time.monotonic()
    if subject.name == NAME:
        subject = served_node(work / "served")
    stores = calibration_subjects(depth_of(rig))
    with linked(rig) as link:
        there = RigUnderCuts(link, open_power(rig), on_wait=lambda: stop_if(should_stop))
        there.hold()
        try:
            meter = _Meter(progress=progress, n_cuts=n_cuts + sum(len(one.episodes[EPISODE]) for one in stores))
            calibrations = tuple(_calibrated(there, store, meter) for store in stores)
            tally = _Tally()
            _cut_often(there, subject, tally, meter, n_cuts=n_cuts, seed=seed)
        finally:
            with suppress(HilrigError):  # a rig that is gone is told by what went before
                there.let_go()
    took_s = time.monotonic() - begun_s
    return _result(tally, calibrations, rig=rig, took_s=took_s, boot_seconds=there.boot_seconds)


@dataclass(slots=True)
class _Tally:
    """What was found so far."""

    counts: Counter[str] = field(default_factory=Counter)
    bad: list[BadRecovery] = field(default_factory=list)

    def add(self, point: CutPoint, found: Found) -> None:
        self.counts[found.recovery.value] += 1
        if not found.is_sound:
            bad = BadRecovery(step=point.step, at=point.words, recovery=found.recovery, detail=found.detail)
            self.bad.append(bad)


@dataclass(slots=True, kw_only=True)
class _Meter:
    """Tells how far the whole test is."""

    progress: Progress
    n_cuts: int
    n_done: int = 0

    def tell(self, what: str) -> None:
        self.progress(what, self.n_done, self.n_cuts)


def _calibrated(there: RigUnderCuts, store: UpdateSubject, meter: _Meter) -> Calibration:
    """Cut a store that is known right after each of its steps: what it promised must be there."""
    sent = send_subject(there.link, store, f"{there.folder}/files")
    _install(there, sent)
    tally = _Tally()
    for step in sent.episodes[EPISODE]:
        _one_cut(there, sent, CutPoint(step=step.name, event=RETURNED), tally, meter)
    return Calibration(store=store.name, n_states=tally.counts.total(), n_caught=len(tally.bad))


def _cut_often(
    there: RigUnderCuts, subject: UpdateSubject, tally: _Tally, meter: _Meter, *, n_cuts: int, seed: int
) -> None:
    meter.tell(f"{subject.name}: sent to the rig, updated once without a cut")
    sent = send_subject(there.link, subject, f"{there.folder}/files")
    _install(there, sent)
    events = _uncut(there, sent)
    try:
        for point in cut_points(events, n_cuts=n_cuts, seed=seed):
            _one_cut(there, sent, point, tally, meter)
    except DidNotBootError as error:
        tally.add(point, Found(recovery=Recovery.DID_NOT_BOOT, detail=error.message))


def _install(there: RigUnderCuts, subject: UpdateSubject) -> None:
    there.shell('rm -rf "$1" "$1".base && mkdir -p "${1%/*}"', there.store)
    step = UpdateStep(name="install", argv=subject.install, may_run_during=(), may_run_after=())
    there.step(subject, step)
    there.shell('mv "$1" "$1".base && sync', there.store)


def _fresh(there: RigUnderCuts) -> None:
    there.shell('rm -rf "$1" && cp -a "$1".base "$1" && sync', there.store)


def _uncut(there: RigUnderCuts, subject: UpdateSubject) -> Mapping[str, tuple[str, ...]]:
    """Update once without a cut; return the events of each step."""
    _fresh(there)
    events = {}
    for step in subject.episodes[EPISODE]:
        lines = there.step(subject, step).lines
        events[step.name] = tuple(name for line in lines if (name := event_name(line)))
    found = _asked(there, subject, subject.episodes[EPISODE][-1].may_run_after)
    if not found.is_sound:
        message = (
            f"{subject.name}: after an update without any cut it does not run the new release: {found.detail}"
        )
        raise PreconditionError(message, hint="run the update on the rig by hand first")
    return events


def _one_cut(there: RigUnderCuts, subject: UpdateSubject, point: CutPoint, tally: _Tally, meter: _Meter) -> None:
    meter.tell(f"{subject.name}: power cut {point.words}")
    _fresh(there)
    allowed = _until(there, subject, point)
    there.cut()
    tally.add(point, _asked(there, subject, allowed))
    meter.n_done += 1


def _until(there: RigUnderCuts, subject: UpdateSubject, point: CutPoint) -> tuple[str, ...]:
    """Run the update up to a point; return what may run after a cut there."""
    seen: Counter[str] = Counter()

    def is_there(name: str) -> bool:
        seen[name] += 1
        return name == point.event and seen[name] == point.nth

    for step in subject.episodes[EPISODE]:
        if step.name != point.step:
            there.step(subject, step)
            continue
        ended = there.step(subject, step, on_event=is_there)
        return step.may_run_during if ended.returncode is None else step.may_run_after
    return ()


def _asked(there: RigUnderCuts, subject: UpdateSubject, allowed: tuple[str, ...]) -> Found:
    ended = there.run([word.replace("{store}", there.store) for word in subject.ask])
    answers = [answer for line in ended.lines if (answer := parse_answer(line)) and "active" in answer]
    answer = answers[-1] if answers else None
    return check_recovery(answer, allowed=allowed, releases=subject.releases)


def _result(
    tally: _Tally,
    calibrations: tuple[Calibration, ...],
    *,
    rig: RigSpec,
    took_s: float,
    boot_seconds: list[float],
) -> DepthResult:
    n_states = tally.counts.total()
    facts: dict[str, Any] = {
        "rig": rig.name,
        "power": rig.power,
        "board": rig.labels.get("board", ""),
        "device_class": rig.device_class,
        "finds": FINDS[depth_of(rig)],
        "n_boots": len(boot_seconds),
        "boot_s": round(statistics.median(boot_seconds), 1) if boot_seconds else None,
        "s_per_cut": round(took_s / len(boot_seconds), 1) if boot_seconds else None,
    }
    return DepthResult(
        depth=depth_of(rig),
        ran=True,
        n_states=n_states,
        counts=dict(sorted(tally.counts.items())),
        n_bad=len(tally.bad),
        bad=tuple(tally.bad[:SHOWN_BAD]),
        calibrations=calibrations,
        took_s=round(took_s, 1),
        facts=facts,
    )
