"""One run on a rig elsewhere, seen from here: checked, sent, started, followed, fetched.

The process that does this has the same place, and prints the same lines, as the one that does a run in place.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from hilrig.app.folders import keys_folder, make_reports_folder
from hilrig.app.rigs.conditions import Asked, doubts_of, problems_of
from hilrig.app.rigs.enroll import require_accepted
from hilrig.app.rigs.files import holder
from hilrig.app.rigs.follow import Follower, told
from hilrig.app.rigs.link import RigLink, in_work_folder, linked
from hilrig.app.rigs.mirror import Mirror, make_mirror
from hilrig.app.rigs.patience import RECONNECT_S, Patience
from hilrig.app.rigs.upload import Progress, SentProfile, read_profile, upload
from hilrig.app.run.ending import Stop
from hilrig.app.run.request import RunRequest, new_run_id
from hilrig.app.run.said import say
from hilrig.config.noun_json import to_json
from hilrig.core.clock import Clock
from hilrig.core.errors import HilrigError, PreconditionError, RigLostError, RunAbortedError, UsageError
from hilrig.core.rig import RigSpec
from hilrig.record.remote import RemoteRun

GRACE_S: Final = 600.0
"""What a run has that is to end: to judge what it recorded and sign it; a shift on a slow board takes minutes."""

SPARE_S: Final = 3600.0
"""What a run may take beyond its frames: loading an engine, judging a shift on a slow board."""

CANCEL_S: Final = 30.0


def rig_soak(
    request: RunRequest, rig: RigSpec, *, stop: Stop, clock: Clock, reconnect_s: float = RECONNECT_S
) -> int:
    """Do one run on a rig from its request to its fetched report; return the exit code of its verdict.

    Raises:
        HilrigError: it could not start or be judged, or what came back does not hold.
    """
    _refuse_what_is_ours(request)
    _refuse_disabled(rig)
    make_reports_folder(request.reports)
    say("status", phase="reading the profile")
    sent = read_profile(request.profile)
    run_id = request.run_id or new_run_id()
    say("status", phase="reaching the rig")
    with linked(rig) as link:
        key = require_accepted(link, keys_folder=keys_folder())
        remote = RemoteRun(
            rig=link.pinned(), run_id=run_id, boot_id=link.boot_facts.boot_id, profile_sha256=sent.profile.sha256
        )
        with _held(link, run_id, note=request.note):
            facts = _checked(link, sent)
            job = _job(link, run_id, sent, request, lock_folder=_lock_folder(link, facts))
            _send(link, remote, sent, job, stop=stop, clock=clock, reconnect_s=reconnect_s)
        say("status", phase="preflight")
        follower = Follower(
            link,
            run_id=run_id,
            mirror_of=partial(_mirror, request.reports, remote=remote, doubts=doubts_of(rig, facts), clock=clock),
            stop=stop,
            clock=clock,
            key=key,
            reconnect_s=reconnect_s,
        )
        return follower.to_its_end()


def _refuse_what_is_ours(request: RunRequest) -> None:
    """Refuse what a run elsewhere would pass over."""
    if request.baseline is not None:
        raise UsageError(
            "a run on a rig elsewhere cannot be shown beside a baseline yet",
            hint="leave --baseline out; compare afterwards: hilrig compare A B",
        )
    if request.passphrase_file is not None or request.passphrase_fd is not None:
        raise UsageError("a rig elsewhere signs with its own key: no passphrase is needed", hint="leave it out")


def _refuse_disabled(rig: RigSpec) -> None:
    if rig.disabled:
        raise PreconditionError(f"rig {rig.name} is out of service: {rig.disabled}", hint="hilrig rigs list")


@contextmanager
def _held(link: RigLink, run_id: str, *, note: str) -> Iterator[None]:
    """Hold the rig for a run while it is sent; when that fails, leave nothing of it there."""
    ttl_s = link.spec.lease.ttl_s
    try:
        link.call("lease", {"holder": holder(), "run_id": run_id, "note": note, "ttl_s": ttl_s})
    except RigLostError:
        _give_up(link, run_id)  # its answer may have been lost
        raise
    try:
        yield
    except BaseException:
        _give_up(link, run_id)
        raise


def _give_up(link: RigLink, run_id: str) -> None:
    """End a run's keeper and remove its folder; what cannot be reached goes when its lease is over."""
    with suppress(HilrigError):
        link.call("cancel", {"run_id": run_id, "grace_s": 0}, deadline_s=CANCEL_S)
        link.call("fetched", {"run_id": run_id}, deadline_s=CANCEL_S)


def _checked(link: RigLink, sent: SentProfile) -> Mapping[str, Any]:
    """Return what was found on a rig; refuse one that is not as its file asks, all that is wrong at once."""
    before_ns = time.time_ns()
    facts = link.call("facts", {"gpu_of": []})
    middle_ns = (before_ns + time.time_ns()) // 2
    asked = Asked(facts=facts, middle_ns=middle_ns, upload_mib=sent.size_mib)
    problems = problems_of(link.spec, asked, sent.profile)
    if problems:
        raise PreconditionError(
            f"rig {link.spec.name} is not as its file asks:\n" + "\n".join(f"  - {one.words}" for one in problems),
            hint=f"hilrig rigs check {link.spec.name} --ask shows every condition",
        )
    return facts


def _send(
    link: RigLink,
    remote: RemoteRun,
    sent: SentProfile,
    job: Mapping[str, Any],
    *,
    stop: Stop,
    clock: Clock,
    reconnect_s: float,
) -> None:
    """Send what the rig lacks, put the job in place: from then on the run goes on without us."""
    look = partial(_heed, stop, remote)

    def on_break(why: str) -> None:
        say("status", phase="reconnecting" if why else "uploading", why=why)
        if not why and link.boot_facts.boot_id != remote.boot_id:
            raise RigLostError(f"rig {link.spec.name} rebooted before the run began", hint="run again")

    patience = Patience(link, clock=clock, reconnect_s=reconnect_s, on_wait=look, on_break=on_break)
    patience.through(lambda: upload(link, sent.files, on_progress=_say_uploading, on_wait=look))
    look()
    placed = _placed(link, remote.run_id, sent, job)
    patience.through(lambda: link.call("place", placed))


def _say_uploading(progress: Progress) -> None:
    say("status", phase="uploading", **told(progress))


def _heed(stop: Stop, remote: RemoteRun) -> None:
    if stop():
        raise RunAbortedError(
            f"{stop.told()[1]}: the run was not sent to rig {remote.rig.name}", hint="nothing of it is left there"
        )


def _placed(link: RigLink, run_id: str, sent: SentProfile, job: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `place`."""
    return {
        "run_id": run_id,
        "files": [{"path": file.path, "sha256": file.sha256} for file in sent.files],
        "texts": {"rig.yaml": rig_file_text(link.spec)},
        "job": job,
    }


def _job(
    link: RigLink, run_id: str, sent: SentProfile, request: RunRequest, *, lock_folder: str
) -> dict[str, Any]:
    there: Callable[..., Path] = lambda *parts: Path(in_work_folder(link, "runs", run_id, *parts))  # noqa: E731
    request_there = replace(
        request,
        profile=there("profile", sent.file_name),
        rig_file=there("rig.yaml"),
        reports=there("reports"),
        key=Path(in_work_folder(link, "home", "keys", "rig.pem")),
        passphrase_file=None,
        passphrase_fd=None,
        is_detached=False,
        run_id=run_id,
    )
    measured_s = sent.profile.duration_s if request.duration_s is None else request.duration_s
    return {
        "argv": ["-m", "hilrig.app.soak.main", to_json(request_there).decode()],
        "env": {**link.environment(), "HILRIG_LOCK_FOLDER": lock_folder},
        "tied": not request.is_detached,
        "ttl_s": link.spec.lease.ttl_s,
        "max_s": 2 * (measured_s + sent.profile.warmup_s + sent.profile.self_test_s) + SPARE_S,
        "grace_s": GRACE_S,
    }


def _lock_folder(link: RigLink, facts: Mapping[str, Any]) -> str:
    """Return where the run locks its machine, as runs in place there do; a simulated rig is one of its own."""
    return in_work_folder(link, "home") if link.spec.transport == "local" else str(facts["lock_folder"])


def rig_file_text(rig: RigSpec) -> str:
    """Return the rig file of a run in place on `rig`: JSON, which is YAML."""
    keys = {"format": 1, "name": rig.name, "transport": "local", "device_class": rig.device_class}
    return json.dumps({**keys, "labels": dict(rig.labels)})


def _mirror(reports: Path, name: str, *, remote: RemoteRun, doubts: list[str], clock: Clock) -> Mirror:
    mirror = make_mirror(reports, name, remote, clock=clock)
    mirror.warnings = tuple(doubts)
    return mirror
