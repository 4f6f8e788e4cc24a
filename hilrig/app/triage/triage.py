"""Triage: read what there is, choose a playbook, go through its steps."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from hilrig.app.golden.check import check_bundle
from hilrig.app.triage.run import read_run
from hilrig.app.triage.service import read_service
from hilrig.app.triage.store import NODE_FILE, read_lines, read_store
from hilrig.core import files
from hilrig.core.errors import RecordError, UsageError
from hilrig.core.playbook import Triage
from hilrig.core.verdict import CheckStatus
from hilrig.gate.playbooks.catalog import go_through
from hilrig.gate.playbooks.choice import choose
from hilrig.gate.playbooks.subject import GoldenSeen, Subject

WEB: Final = ("http://", "https://")


def triage(
    subjects: Sequence[str],
    *,
    playbook_id: str | None = None,
    log: Path | None = None,
    bundle: Path | None = None,
) -> Triage:
    """Return what a playbook comes to on a run, a store, a service, or several of them at once.

    Args:
        subjects: run directories, store folders, URLs of services; at most one of each kind.
        playbook_id: None: the one that fits what is found.
        log: lines of a node's log.
        bundle: a golden diagnostic bundle, which is run here.

    Raises:
        UsageError: two subjects of one kind, no such playbook, no address.
        RecordError: a folder is neither a run nor a store, or cannot be read.
        PreconditionError: a service does not answer.
    """
    subject = read_subject(subjects, log=log)
    if bundle is not None:
        subject = replace(subject, golden=_golden(bundle))
    if playbook_id is not None:
        return go_through(playbook_id, subject, chosen_because="asked for by name")
    choice = choose(subject)
    return go_through(choice.playbook_id, subject, chosen_because=choice.because)


def read_subject(subjects: Sequence[str], *, log: Path | None) -> Subject:
    """Return everything that there is to look at.

    Raises:
        HilrigError: as `triage`.
    """
    subject = Subject(name=" ".join(subjects), log=_log(log))
    for name in subjects:
        seen = _read(name)
        kind = next(field for field in ("run", "store", "service") if getattr(seen, field) is not None)
        if getattr(subject, kind) is not None:
            raise UsageError(f"{name} is a second {kind}; triage looks at one of each kind")
        subject = replace(subject, **{kind: getattr(seen, kind)})
    return subject


def _read(name: str) -> Subject:
    if name.startswith(WEB):
        return Subject(name=name, service=read_service(name))
    folder = Path(name)
    if not folder.is_dir():
        raise RecordError(f"{name} is no folder", hint="hilrig list, or the folder of a model store")
    if (folder / NODE_FILE).exists():
        return Subject(name=name, store=read_store(folder))
    if (folder / files.RESULT).exists() or (folder / files.PLAN).exists():
        return Subject(name=name, run=read_run(folder))
    raise RecordError(f"{name} is neither a run directory nor a model store", hint="hilrig list")


def _golden(bundle: Path) -> GoldenSeen:
    found = check_bundle(bundle, None)
    differing = tuple(
        f"{frame.name}: {frame.sentence}" for frame in found.frames if frame.status is not CheckStatus.PASS
    )
    return GoldenSeen(n_inputs=len(found.frames), differing=differing, other_versions=found.differences)


def _log(path: Path | None) -> tuple[dict[str, object], ...]:
    if path is None:
        return ()
    if not path.exists():
        raise RecordError(f"{path} is missing", hint="journalctl -u hilrig-node -o cat > node.log")
    return tuple(dict(line) for line in read_lines(path))
