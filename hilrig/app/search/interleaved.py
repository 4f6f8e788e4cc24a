"""Champion against challenger on one rig, in alternating blocks so that drift hits both alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from hilrig import __version__
from hilrig.app.run.request import RunRequest
from hilrig.app.run.run import Status
from hilrig.app.run.search_stop import stop_watch
from hilrig.app.search.session import Done, SearchSession
from hilrig.config.noun_json import to_json
from hilrig.config.profile import load_profile
from hilrig.core.clock import Clock
from hilrig.core.errors import HilrigError, PreconditionError, RunAbortedError, UsageError
from hilrig.core.exits import ExitCode
from hilrig.core.profile import Profile
from hilrig.core.search import (
    COMPARISON_HTML,
    COMPARISON_JSON,
    COMPARISON_SCHEMA,
    Block,
    Comparison,
    Contender,
    Margin,
    Pair,
    SearchEnd,
    Side,
)
from hilrig.core.units import format_duration
from hilrig.report.compare_html import render_comparison
from hilrig.verdict.many_runs.comparison import Compared, block_of, block_order, compare, pair_of, unfinished

BLOCK_FRAMES_MIN: Final = 200
"""With fewer than 100 frames p99 is the slowest frame; twice that, so that one stall alone does not make it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareRequest:
    """A comparison as asked for.

    Args:
        run: rig, reports folder and key; its `profile` is the champion's.
        challenger: the other profile.
        block_s: measured part of each block.
        n_pairs: blocks of each side.
        margin: by how much the challenger's p99 may be higher.
    """

    run: RunRequest
    challenger: Path
    block_s: float
    n_pairs: int
    margin: Margin


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareDone:
    """A comparison that came to its end: its folder and what it found."""

    folder: Path
    comparison: Comparison


def compare_interleaved(
    request: CompareRequest,
    *,
    clock: Clock,
    on_status: Callable[[Status], None],
    on_block: Callable[[str], None],
) -> CompareDone:
    """Compare two profiles of one station block by block: AB BA AB BA.

    Args:
        request: what to compare.
        clock: of the documents, and of how long blocks take.
        on_status: called about twice a second with the live state of the block that goes on.
        on_block: called with a line for a person before each block and after each pair.

    Raises:
        HilrigError: a block could not be done; what was found before is kept, marked unfinished.
    """
    profiles = {
        Side.CHAMPION: load_profile(request.run.profile),
        Side.CHALLENGER: load_profile(request.challenger),
    }
    champion, challenger = profiles.values()
    refuse_unlike(champion, challenger)
    refuse_short_blocks(champion, request.block_s)
    name = f"{champion.name[:45]}-vs-{challenger.name[:45]}"
    with stop_watch() as watch:
        session = SearchSession(request.run, name=name, watch=watch, clock=clock, on_status=on_status)
        return _Comparing(session, request, profiles, on_block).run()


def refuse_unlike(champion: Profile, challenger: Profile) -> None:
    """Refuse two profiles that do not show their pipelines the same frames at the same times.

    Raises:
        PreconditionError: rate, queue, feed or arrivals differ; the message has a line for each.
    """
    asked: tuple[tuple[str, Callable[[Profile], Any]], ...] = (
        ("frame rate", lambda profile: f"{profile.frame_rate_fps} fps"),
        ("queue", lambda profile: profile.queue),
        ("feed", lambda profile: profile.feed),
        ("arrivals", lambda profile: profile.arrivals),
    )
    unlike = [
        f"  - {what}: {read(champion)} against {read(challenger)}"
        for what, read in asked
        if read(champion) != read(challenger)
    ]
    if unlike:
        raise PreconditionError(
            f"{champion.name} and {challenger.name} cannot be compared:\n" + "\n".join(unlike),
            hint="make these the same in both profiles, so that only the pipeline differs",
        )


def refuse_short_blocks(profile: Profile, block_s: float) -> None:
    """Refuse blocks in which p99 would be a single frame.

    Raises:
        UsageError: there would be fewer than 200 frames.
    """
    n_frames = round(block_s * profile.frame_rate_fps)
    if n_frames < BLOCK_FRAMES_MIN:
        least_s = -(-BLOCK_FRAMES_MIN // profile.frame_rate_fps)
        raise UsageError(
            f"a block of {format_duration(block_s)} has {n_frames} frames, too few for a p99",
            hint=f"--block-duration {least_s}s or longer",
        )


class _Comparing:
    """One comparison: pairs of blocks, then once more those that could not be used."""

    def __init__(
        self,
        session: SearchSession,
        request: CompareRequest,
        profiles: dict[Side, Profile],
        on_block: Callable[[str], None],
    ) -> None:
        self._session = session
        self._request = request
        self._profiles = profiles
        self._paths = {Side.CHAMPION: request.run.profile, Side.CHALLENGER: request.challenger}
        self._on_block = on_block
        self._pairs: list[Pair] = []
        self._seen: dict[Side, Done] = {}
        self._n_blocks = 0
        self._n_planned = request.n_pairs

    def run(self) -> CompareDone:
        try:
            self._do_pairs(block_order(self._request.n_pairs), is_repeat=False)
            again = [pair.first for pair in self._pairs if pair.champion.fault or pair.challenger.fault]
            self._n_planned += len(again)
            self._do_pairs(again, is_repeat=True)
        except RunAbortedError as error:
            return self._unfinished(error, SearchEnd.ABORTED)
        except HilrigError as error:
            self._unfinished(error, SearchEnd.FAILED)
            raise
        found = compare(self._pairs, self._request.margin)
        exit_code = found.verdict.exit_code
        return self._keep(found, ended=SearchEnd.COMPLETED, ended_reason="", exit_code=exit_code)

    def _do_pairs(self, order: Sequence[Side], *, is_repeat: bool) -> None:
        for first in order:
            second = Side.CHALLENGER if first is Side.CHAMPION else Side.CHAMPION
            pair = pair_of(self._do_block(first), self._do_block(second), is_repeat=is_repeat)
            self._pairs.append(pair)
            text = f"dropped: {pair.dropped}" if pair.dropped else f"p99 differs by {pair.difference_text}"
            self._on_block(f"  pair {len(self._pairs)} of {self._n_planned}: {text}")

    def _do_block(self, side: Side) -> Block:
        profile = self._profiles[side]
        n_left = 2 * self._n_planned - self._n_blocks
        left_s = n_left * (profile.warmup_s + self._request.block_s + self._session.overhead_s)
        self._on_block(
            f"pair {len(self._pairs) + 1} of {self._n_planned}, block {side.value} ({profile.name}) for "
            f"{format_duration(self._request.block_s)}; about {format_duration(left_s)} left"
        )
        done = self._session.run(
            lambda request: replace(
                request,
                profile=self._paths[side],
                duration_s=self._request.block_s,
                stop_when_failed=False,  # a block that fails its limits is compared to its end all the same
            ),
            profile_sha256=profile.sha256,
        )
        self._seen[side] = done
        self._n_blocks += 1
        return block_of(side, done.result.judgement, run_dir=done.run_dir)

    def _unfinished(self, error: HilrigError, ended: SearchEnd) -> CompareDone:
        if len(self._seen) < len(Side):
            self._session.discard()
            raise error
        exit_code = ExitCode.ABORTED if ended is SearchEnd.ABORTED else error.exit_code
        found = unfinished(self._pairs, self._request.margin)
        return self._keep(found, ended=ended, ended_reason=error.message, exit_code=exit_code)

    def _keep(self, found: Compared, *, ended: SearchEnd, ended_reason: str, exit_code: ExitCode) -> CompareDone:
        session, plan = self._session, self._seen[Side.CHAMPION].plan
        comparison = Comparison(
            schema=COMPARISON_SCHEMA,
            search_id=session.search_id,
            hilrig_version=__version__,
            started_at_utc=session.started_at_utc,
            ended_at_utc=session.now_utc(),
            ended=ended,
            ended_reason=ended_reason,
            rig=plan.rig,
            device_class=plan.device_class,
            champion=self._contender(Side.CHAMPION),
            challenger=self._contender(Side.CHALLENGER),
            frame_rate_fps=float(self._profiles[Side.CHAMPION].frame_rate_fps),
            block_duration_s=self._request.block_s,
            margin=self._request.margin,
            margin_ms=found.margin_ms,
            estimate=found.estimate,
            lower=found.lower,
            upper=found.upper,
            n_pairs=found.n_pairs,
            pairs_needed=found.pairs_needed,
            pairs=tuple(self._pairs),
            verdict=found.verdict,
            sentence=found.sentence,
            exit_code=exit_code,
        )
        session.sign_and_keep(
            document_name=COMPARISON_JSON,
            document=to_json(comparison),
            page_name=COMPARISON_HTML,
            page=render_comparison(comparison),
        )
        return CompareDone(folder=session.folder, comparison=comparison)

    def _contender(self, side: Side) -> Contender:
        plan = self._seen[side].plan
        return Contender(
            profile_name=plan.profile_name,
            profile_sha256=plan.profile_sha256,
            model_bundle_sha256=plan.model_bundle_sha256,
        )
