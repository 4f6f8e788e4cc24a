"""A capacity search in one sentence, with its exit code."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from hilrig.core.exits import ExitCode
from hilrig.core.search import ProbeOutcome, SearchLimit
from hilrig.verdict.many_runs.capacity import Answer, Tried, best_fps, settled_probes
from hilrig.verdict.wording import counted, quantity

NOT_THE_MODEL: Final = (SearchLimit.INSTRUMENT, SearchLimit.UNDECIDED)

_WHY: Final = {
    SearchLimit.PROFILE: "at {at} a limit of the profile does not hold",
    SearchLimit.INSTRUMENT: "limited by the instrument at {at}: hilrig itself could not keep up there, so nothing "
    "is said of the model from that rate on",
    SearchLimit.UNDECIDED: "at {at} the runs could not be decided, which counts as not sustained",
    SearchLimit.CEILING: "hilrig offers no higher rate",
}


def capacity_exit_code(answer: Answer, profile_fps: Fraction) -> ExitCode:
    """Return 0 when the profile's rate is sustained, 11 when not and the model is not to blame, else 10."""
    if answer.found_fps is not None and answer.found_fps >= profile_fps:
        return ExitCode.OK
    return ExitCode.INCONCLUSIVE if answer.limited_by in NOT_THE_MODEL else ExitCode.FAIL


def capacity_sentence(answer: Answer, profile_fps: Fraction, tried: Sequence[Tried]) -> str:
    """Return what was found, what stands in the way of more, what could not be decided."""
    at = "" if answer.limited_at_fps is None else rate_text(answer.limited_at_fps)
    why = _WHY[answer.limited_by].format(at=at)
    return f"{_found(answer, profile_fps)}; {why}.{_open_rates(answer, tried)}"


def unfinished_sentence(tried: Sequence[Tried]) -> str:
    """Return what a search that was cut short can say."""
    best = best_fps(tried)
    seen = "no rate had passed" if best is None else f"{rate_text(best)} had passed once, not yet confirmed"
    return f"Unfinished after {counted(len(tried), 'probe')}: {seen}."


def rate_text(fps: Fraction | float) -> str:
    """Return `29.97 fps`."""
    return quantity(float(fps), "fps")


def _found(answer: Answer, profile_fps: Fraction) -> str:
    asked = f"the profile's rate of {rate_text(profile_fps)}"
    if answer.found_fps is None:
        return f"No rate was found that two runs sustained within the limits ({asked} included)"
    side = "at least" if answer.found_fps >= profile_fps else "below"
    return f"Sustains {rate_text(answer.found_fps)} within the limits, confirmed by a second run, {side} {asked}"


def _open_rates(answer: Answer, tried: Sequence[Tried]) -> str:
    """Name the undecided rates, unless the reason already does."""
    rates = sorted(
        {one.step.frame_rate_fps for one in settled_probes(tried) if one.outcome is ProbeOutcome.UNDECIDED}
    )
    others = [rate_text(fps) for fps in rates if fps != answer.limited_at_fps]
    return f" Undecided in two runs and counted as not sustained: {', '.join(others)}." if others else ""
