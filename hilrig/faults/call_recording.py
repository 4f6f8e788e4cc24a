"""A subject's update, run once with its file calls recorded.

The record is held against what the update really left.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from hilrig.core.errors import PreconditionError, RecordError
from hilrig.core.power_loss import UpdateSubject
from hilrig.faults.call_trace import FileCall, parse_trace
from hilrig.faults.crash_states import RecordedStep
from hilrig.faults.disk_model import DiskModel, read_disk, tree_bytes
from hilrig.faults.fuse_recorder import recorded_folder
from hilrig.faults.stepping import (
    INSTALL_EPISODE,
    TRACE_VARIABLE,
    Progress,
    copy_store,
    install,
    require_done,
    run_step,
    start_of,
    stop_if,
)

START: Final = "start"
STORE_MAX_BYTES: Final = 256 << 20
"""Every state is rebuilt in memory and on disk: a larger model only takes longer."""


def recorded_episodes(
    subject: UpdateSubject, work: Path, progress: Progress, should_stop: Callable[[], bool]
) -> Iterator[tuple[str, tuple[RecordedStep, ...]]]:
    """Yield the calls of each episode; what it started from lies in the folder `START` of `work` meanwhile.

    Raises:
        PreconditionError: the update does not work even uncut, or nothing can record its calls here.
        RecordError: the record does not account for what an episode left: it would be no evidence.
        RunAbortedError: it was stopped.
    """
    store, base = work / "store", work / "base"
    _install(subject, store)
    copy_store(store, base)
    for number, name in enumerate(subject.episodes):
        progress(f"recording {name}", number, len(subject.episodes))
        stop_if(should_stop)
        start_of(name, base, work / START)
        _refuse_large(work / START)
        steps = _record(subject, name, base, store, work)
        _require_whole(subject, name, work / START, steps, store)
        yield name, steps


def _install(subject: UpdateSubject, store: Path) -> None:
    shutil.rmtree(store, ignore_errors=True)
    if not subject.writes_trace:
        store.mkdir(parents=True)  # as it will be while it is recorded: a mount's folder is there
    install(subject, store)


def _record(subject: UpdateSubject, name: str, base: Path, store: Path, work: Path) -> tuple[RecordedStep, ...]:
    """Run an episode with its calls recorded."""
    start_of(name, base, store)
    if name == INSTALL_EPISODE and subject.writes_trace:
        store.rmdir()  # its first step makes it
    trace = work / "calls.jsonl"
    with ExitStack() as stack:
        if not subject.writes_trace:
            stack.enter_context(recorded_folder(store, trace=trace, backing=work / "backing"))
        return tuple(
            RecordedStep(step=step, calls=_calls_of(subject, step.argv, step.name, store, trace))
            for step in subject.episodes[name]
        )


def _calls_of(
    subject: UpdateSubject, argv: tuple[str, ...], name: str, store: Path, trace: Path
) -> tuple[FileCall, ...]:
    trace.write_bytes(b"")
    environment = {TRACE_VARIABLE: str(trace)} if subject.writes_trace else {}
    require_done(run_step(argv, store, environment=environment), name=name, subject=subject)
    with trace.open() as lines:
        return parse_trace(lines)


def _refuse_large(store: Path) -> None:
    n_bytes = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
    if n_bytes > STORE_MAX_BYTES:
        raise PreconditionError(
            f"the store holds {n_bytes >> 20} MiB; the depth file_calls rebuilds it for every state "
            f"and takes {STORE_MAX_BYTES >> 20} MiB at most",
            hint="test the update with a smaller model: its steps are the same",
        )


def _require_whole(
    subject: UpdateSubject, name: str, start: Path, steps: Sequence[RecordedStep], store: Path
) -> None:
    """Refuse a record that does not lead to what the episode really left, byte for byte."""
    model = DiskModel(read_disk(start))
    for step in steps:
        for call in step.calls:
            model.apply(call)
    made, real = dict(tree_bytes(model.root)), dict(tree_bytes(read_disk(store)))
    differing = sorted(path for path in made.keys() | real.keys() if made.get(path, 0) != real.get(path, 0))
    if differing:
        raise RecordError(
            f"{subject.name}: the record of {name}'s file calls does not lead to what {name} left: "
            f"{', '.join(differing[:3])} differ{'s' if len(differing) == 1 else ''}",
            hint="some changes went past the recorder: the store must make all of them through the recorded calls",
        )
