"""A run on a rig, from the moment it is in place there until it is here: followed, stopped, fetched, checked."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hilrig.app.rigs.fetch import accept, fetch, read_small
from hilrig.app.rigs.link import RigLink
from hilrig.app.rigs.mirror import Mirror
from hilrig.app.rigs.patience import Patience
from hilrig.app.rigs.upload import Progress
from hilrig.app.run.ending import Stop
from hilrig.app.run.process import rebuilt
from hilrig.app.run.said import say
from hilrig.core import files
from hilrig.core.clock import Clock
from hilrig.core.errors import HilrigError, RecordError, RigLostError
from hilrig.core.units import NS_PER_S
from hilrig.record.stop_request import StopRequest, read_stop_request
from hilrig.record.utc import utc_text
from hilrig.rig.agent_call import Answer, LinkBrokenError, error_of, printable

SILENCE_S: Final = 15.0
"""`follow` gives a status each second: fifteen that do not come are a broken line, not a slow one."""

LOST_PERIOD_NS: Final = 2 * NS_PER_S
"""How often the transport is asked whether the rig is still ours."""

CANCEL_GRACE_S: Final = 120.0
"""What a run whose keeper died has to end in order and judge itself: an hour of frames takes ten seconds."""

RECOVER_S: Final = 1800.0
"""Judging a recovered shift on a slow board."""

CALL_S: Final = 60.0


@dataclass(kw_only=True)
class Seen:
    """What the rig's events told so far. `after` is the number of the last one."""

    after: int = 0
    run_dir: str = ""
    error: Mapping[str, Any] | None = None
    is_finished: bool = False
    is_ended: bool = False


class Follower:
    """Follows one run on a rig and brings it home.

    Args:
        link: the line to the rig.
        run_id: the run's name there.
        mirror_of: makes the local directory when the rig has named it; the one of an earlier client is given.
        stop: whether somebody here wants the run to end.
        clock: of pauses and signs of life.
        key: the file of the public key that was accepted for the rig.
        reconnect_s: for how long a rig that is away is waited for.
    """

    def __init__(
        self,
        link: RigLink,
        *,
        run_id: str,
        mirror_of: Callable[[str], Mirror],
        stop: Stop,
        clock: Clock,
        key: Path,
        reconnect_s: float,
    ) -> None:
        self._link, self._run_id, self._mirror_of = link, run_id, mirror_of
        self._stop, self._clock, self._key = stop, clock, key
        self._mirror: Mirror | None = None
        self._seen = Seen()
        self._is_asked = self._is_revoked = False
        self._look_ns = 0
        self._patience = Patience(
            link, clock=clock, reconnect_s=reconnect_s, on_wait=lambda: None, on_break=self._told_of_break
        )

    def to_its_end(self) -> int:
        """Follow the run, bring it home; return the exit code of its verdict.

        Raises:
            HilrigError: what kept the run from starting or from being judged there, the rig did not come back, or
                what came back is not what its key signed.
        """
        try:
            self._patience.through(self._follow)
            self._require_a_verdict()
            return self._bring_home()
        except HilrigError as error:
            if isinstance(error, RigLostError) and not self._seen.is_ended:
                self._link.leave()
            if self._mirror is not None and self._mirror.run_dir.is_dir():
                self._mirror.last_words(f"{error.message} {error.hint}")
            raise
        finally:
            if self._mirror is not None:
                self._mirror.close()

    def _follow(self) -> None:
        """Take in events until the run has ended, or its keeper is gone."""
        arguments = {"run_id": self._run_id, "after": self._seen.after}
        for answer in self._link.stream("follow", arguments, silence_s=SILENCE_S, on_wait=self._look_around):
            if isinstance(answer, bytes) or "kind" not in answer:
                continue
            if answer["kind"] == "status":
                self._show(answer)
            else:
                self._take_in(answer)

    def _show(self, answer: Answer) -> None:
        status = answer.get("status")
        if self._mirror is not None and isinstance(status, dict):
            self._mirror.status(status)

    def _take_in(self, event: Answer) -> None:
        seq, after = event.get("seq"), self._seen.after
        if not isinstance(seq, int) or seq <= after:
            return
        if seq != after + 1:
            raise RecordError(
                f"rig {self._link.spec.name}: event {seq} came after event {after}",
                hint="report this fault of hilrig",
            )
        self._heed(event)
        self._seen.after = seq

    def _heed(self, event: Answer) -> None:
        match event["kind"]:
            case "started":
                self._start_mirror(str(event.get("run_dir", "")))
            case "run_event" if self._mirror is not None and isinstance(event.get("event"), dict):
                self._mirror.event(event["event"])
            case "finished":
                self._seen.is_finished = True
            case "error":
                self._seen.error = event
            case "ended":
                self._seen.is_ended = True

    def _start_mirror(self, name: str) -> None:
        """Show the run here as soon as it is one there."""
        if self._mirror is None:
            self._mirror = self._mirror_of(name)
        for file, data in read_small(self._link, self._run_id, files.CONFIGURATION_FILES).items():
            self._mirror.keep(file, data)
        self._mirror.touch()  # a view that looks before the rig's first status sees a run that lives
        if not self._seen.run_dir:
            self._stop.watch(self._mirror.run_dir)
            say("started", run_dir=str(self._mirror.run_dir), run_id=self._run_id)
        self._seen.run_dir = name

    def _look_around(self) -> None:
        """Pass on a request to stop; tell the run when the rig is not ours any more."""
        if self._stop() and not self._is_asked:
            request = self._request()
            self._ask("stop", by=request.by, reason=request.reason)
            self._is_asked = True
        now_ns = self._clock.monotonic_ns()
        if now_ns >= self._look_ns and not self._is_revoked:
            self._look_ns = now_ns + LOST_PERIOD_NS
            why = self._link.lost()
            if why:
                self._ask("revoke", reason=why)
                self._is_revoked = True

    def _request(self) -> StopRequest:
        asked = None if self._mirror is None else read_stop_request(self._mirror.run_dir)
        at_utc = utc_text(self._clock.triple().realtime_ns)
        return asked or StopRequest(by="the operator", reason="", at_utc=at_utc)

    def _ask(self, verb: str, **words: str) -> None:
        with suppress(RecordError):  # nobody keeps the run any more: the events say how it ended
            self._link.call(verb, {"run_id": self._run_id, **words})

    def _told_of_break(self, why: str) -> None:
        if self._mirror is None:
            return
        self._mirror.link_warning = f"the link to the rig broke: {why}" if why else ""
        if why:
            self._mirror.touch()

    def _require_a_verdict(self) -> None:
        """See to it that the rig has judged and signed the run; raise what kept it from that.

        A run whose keeper or process is gone, or whose rig rebooted, is recovered there.
        """
        error, seen = self._seen.error, self._seen
        if error is not None and not seen.run_dir:
            self._clean_up()
            raise rebuilt_there(error)
        if seen.is_finished and seen.is_ended:
            return
        try:
            self._patience.through(self._recover)
        except LinkBrokenError:
            raise
        except HilrigError as failed:
            raise (rebuilt_there(error) if error is not None else failed) from failed

    def _recover(self) -> None:
        self._link.call(
            "cancel", {"run_id": self._run_id, "grace_s": CANCEL_GRACE_S}, deadline_s=CANCEL_GRACE_S + CALL_S
        )
        said = self._link.whole("hilrig.app.rigs.side", "recover", self._run_id, silence_s=RECOVER_S)
        name = str(said.get("run_dir", ""))
        if not name:
            self._seen.is_ended = True
            self._clean_up()
            raise RigLostError(
                f"the run on rig {self._link.spec.name} was lost before its first frame and left nothing",
                hint="look at the rig (power, log), run again",
            )
        if self._mirror is None:
            self._start_mirror(name)

    def _bring_home(self) -> int:
        mirror = self._mirror
        assert mirror is not None  # noqa: S101 - a run with a verdict has named its directory
        digests = self._patience.through(
            lambda: fetch(self._link, mirror.run_dir, self._run_id, on_progress=self._show_fetching)
        )
        exit_code = accept(mirror.run_dir, digests, mirror.remote, self._key)
        self._clean_up()
        say("finished", exit_code=exit_code)
        return exit_code

    def _show_fetching(self, progress: Progress) -> None:
        if self._mirror is not None:
            self._mirror.phase("fetching", **told(progress))

    def _clean_up(self) -> None:
        """Remove the run from the rig, and here what a run without a verdict left; a failure is left to `tidy`."""
        with suppress(HilrigError):
            self._link.call("fetched", {"run_id": self._run_id})
        if self._mirror is not None and self._seen.error is not None and not self._seen.is_finished:
            self._mirror.remove()


def told(progress: Progress) -> dict[str, float | None]:
    """Return a progress as a status tells it."""
    return {"done_mib": progress.done_mib, "total_mib": progress.total_mib, "left_s": progress.left_s}


def rebuilt_there(described: Mapping[str, Any]) -> HilrigError:
    """Return the error that the run's process on the rig described; what cannot be read is a lost rig."""
    if "problems" not in described:
        return error_of(described)
    try:
        return rebuilt(described)
    except (LookupError, TypeError):
        return RigLostError(
            f"the rig described mistakes that cannot be read: {printable(str(described).encode())[:500]}"
        )
