"""The highest frame rate that this rig sustains within a profile's limits, found by many short runs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Final

from hilrig import __version__
from hilrig.app.run.request import RunRequest
from hilrig.app.run.run import Status
from hilrig.app.run.search_stop import stop_watch
from hilrig.app.search.session import Done, SearchSession
from hilrig.config.noun_json import to_json
from hilrig.config.profile import load_profile
from hilrig.core.clock import Clock
from hilrig.core.errors import HilrigError, PreconditionError, RunAbortedError
from hilrig.core.exits import ExitCode
from hilrig.core.profile import ArrivalModel, Profile
from hilrig.core.search import (
    CAPACITY_HTML,
    CAPACITY_JSON,
    CAPACITY_SCHEMA,
    Capacity,
    Probe,
    ProbePurpose,
    SearchEnd,
)
from hilrig.core.units import format_duration
from hilrig.report.capacity_html import render_capacity
from hilrig.verdict.many_runs.capacity import (
    RESOLUTION,
    Answer,
    SearchRules,
    Step,
    Tried,
    best_fps,
    foretell,
    next_step,
    probe_duration_s,
    search_rules,
)
from hilrig.verdict.many_runs.capacity_sentence import (
    capacity_exit_code,
    capacity_sentence,
    rate_text,
    unfinished_sentence,
)
from hilrig.verdict.many_runs.probe import ProbeFinding, weigh_probe
from hilrig.verdict.percentile import PERMILLE_OF

PROBE_S: Final = 20.0
"""Shortest measured part of a probe; percentile limits at low rates ask for more."""

PURPOSE_WORDS: Final = {
    ProbePurpose.BRACKET: "looking for the range",
    ProbePurpose.BISECT: "narrowing the range",
    ProbePurpose.CONFIRM: "confirming the rate that was found",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchDone:
    """A search that came to its end: its folder and what it found."""

    folder: Path
    capacity: Capacity


@dataclass(frozen=True, slots=True, kw_only=True)
class _Probed:
    tried: Tried
    probe: Probe
    done: Done


def search_capacity(
    request: RunRequest,
    *,
    clock: Clock,
    on_status: Callable[[Status], None],
    on_probe: Callable[[str], None],
) -> SearchDone:
    """Search for the highest sustained frame rate; `request.duration_s` is the shortest measured part of a probe.

    Args:
        request: profile, rig, reports folder, key.
        clock: of the documents, and of how long probes take.
        on_status: called about twice a second with the live state of the probe that goes on.
        on_probe: called with a line for a person before and after each probe.

    Raises:
        HilrigError: a probe could not be done; what was found before is kept, marked unfinished.
    """
    profile = load_profile(request.profile)
    refuse_other_arrivals(profile)
    with stop_watch() as watch:
        session = SearchSession(
            request, name=f"{profile.name[:80]}-capacity", watch=watch, clock=clock, on_status=on_status
        )
        return _Search(session, profile, request.duration_s or PROBE_S, on_probe).run()


def refuse_other_arrivals(profile: Profile) -> None:
    """Refuse a profile whose frames do not come by their rate alone.

    Raises:
        PreconditionError: its arrivals have times of their own.
    """
    arrivals = profile.arrivals
    by_rate_alone = arrivals.model in {ArrivalModel.FIXED, ArrivalModel.POISSON}
    if not by_rate_alone or len(arrivals.camera_offsets_ms) > 1:
        raise PreconditionError(
            f"{profile.name} has arrivals with times of their own ({arrivals.model.value}, "
            f"{len(arrivals.camera_offsets_ms)} cameras): they do not say what another rate would look like",
            hint="search with a profile of one camera and the arrival model fixed or poisson",
        )


class _Search:
    """One search: probes until there is an answer, the operator ends it, or a probe can't be done."""

    def __init__(
        self,
        session: SearchSession,
        profile: Profile,
        shortest_s: float,
        on_probe: Callable[[str], None],
    ) -> None:
        self._session = session
        self._profile = profile
        self._shortest_s = shortest_s
        self._on_probe = on_probe
        self._rules: SearchRules = search_rules(profile.frame_rate_fps, profile.limits)
        self._probed: list[_Probed] = []

    @property
    def _tried(self) -> list[Tried]:
        return [one.tried for one in self._probed]

    def run(self) -> SearchDone:
        try:
            while isinstance(step := next_step(self._rules, self._tried), Step):
                self._do(step)
        except RunAbortedError as error:
            return self._unfinished(error, SearchEnd.ABORTED)
        except HilrigError as error:
            self._unfinished(error, SearchEnd.FAILED)
            raise
        return self._conclude(step)

    def _do(self, step: Step) -> None:
        self._on_probe(self._announcement(step))
        duration_s = self._duration_s(step)
        done = self._session.run(
            lambda request: replace(request, frame_rate_fps=step.frame_rate_fps, duration_s=duration_s),
            profile_sha256=self._profile.sha256,
        )
        finding = weigh_probe(done.result.judgement)
        self._probed.append(
            _Probed(
                tried=Tried(step=step, outcome=finding.outcome),
                probe=_probe(step, finding, done, duration_s),
                done=done,
            )
        )
        self._on_probe(f"  {rate_text(step.frame_rate_fps)}: {finding.outcome.value}. {finding.reason}")

    def _duration_s(self, step: Step) -> float:
        return probe_duration_s(step, shortest_s=self._shortest_s, limits=self._profile.limits)

    def _announcement(self, step: Step) -> str:
        ahead = foretell(self._rules, self._tried)
        around_s = self._profile.warmup_s + self._session.overhead_s
        left_s = sum(self._duration_s(one) + around_s for one in ahead)
        again = ", again and longer" if step.attempt > 1 else ""
        return (
            f"probe {len(self._probed) + 1}: {rate_text(step.frame_rate_fps)} for "
            f"{format_duration(self._duration_s(step))}, {PURPOSE_WORDS[step.purpose]}{again}; "
            f"about {format_duration(left_s)} left, this probe included"
        )

    def _conclude(self, answer: Answer) -> SearchDone:
        asked_fps = self._profile.frame_rate_fps
        return self._keep(
            self._capacity(
                ended=SearchEnd.COMPLETED,
                ended_reason="",
                answer=answer,
                sentence=capacity_sentence(answer, asked_fps, self._tried),
                exit_code=capacity_exit_code(answer, asked_fps),
            )
        )

    def _unfinished(self, error: HilrigError, ended: SearchEnd) -> SearchDone:
        if not self._probed:
            self._session.discard()
            raise error
        return self._keep(
            self._capacity(
                ended=ended,
                ended_reason=error.message,
                answer=None,
                sentence=unfinished_sentence(self._tried),
                exit_code=ExitCode.ABORTED if ended is SearchEnd.ABORTED else error.exit_code,
            )
        )

    def _capacity(
        self, *, ended: SearchEnd, ended_reason: str, answer: Answer | None, sentence: str, exit_code: ExitCode
    ) -> Capacity:
        session, plan = self._session, self._probed[0].done.plan
        limits = [limit for limit in self._profile.limits if limit.metric in PERMILLE_OF]
        return Capacity(
            schema=CAPACITY_SCHEMA,
            search_id=session.search_id,
            hilrig_version=__version__,
            started_at_utc=session.started_at_utc,
            ended_at_utc=session.now_utc(),
            ended=ended,
            ended_reason=ended_reason,
            profile_name=self._profile.name,
            profile_sha256=self._profile.sha256,
            rig=plan.rig,
            device_class=plan.device_class,
            model_bundle_sha256=plan.model_bundle_sha256,
            profile_rate_fps=float(self._profile.frame_rate_fps),
            latency_limits_ms={limit.metric: limit.limit for limit in limits},
            resolution_pct=float(100 * RESOLUTION),
            found_fps=_as_float(answer.found_fps if answer else None),
            best_fps=_as_float(best_fps(self._tried)),
            limited_by=answer.limited_by if answer else None,
            limited_at_fps=_as_float(answer.limited_at_fps if answer else None),
            probes=tuple(one.probe for one in self._probed),
            sentence=sentence,
            exit_code=exit_code,
        )

    def _keep(self, capacity: Capacity) -> SearchDone:
        self._session.sign_and_keep(
            document_name=CAPACITY_JSON,
            document=to_json(capacity),
            page_name=CAPACITY_HTML,
            page=render_capacity(capacity),
        )
        return SearchDone(folder=self._session.folder, capacity=capacity)


def _probe(step: Step, finding: ProbeFinding, done: Done, duration_s: float) -> Probe:
    judgement = done.result.judgement
    values = {one.metric: one.value for one in judgement.measurements}
    return Probe(
        purpose=step.purpose,
        attempt=step.attempt,
        frame_rate_fps=float(step.frame_rate_fps),
        duration_s=duration_s,
        outcome=finding.outcome,
        status=judgement.status,
        p50_ms=values.get("latency_p50_ms"),
        p95_ms=values.get("latency_p95_ms"),
        p99_ms=values.get("latency_p99_ms"),
        drop_pct=values.get("drop_pct"),
        n_frames=int(values.get("frames_offered") or 0),
        run_dir=done.run_dir,
        reason=finding.reason,
    )


def _as_float(fps: Fraction | None) -> float | None:
    return None if fps is None else float(fps)
