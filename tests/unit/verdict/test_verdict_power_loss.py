"""A power-loss test as a check: what passes, what fails, what proves nothing."""

from dataclasses import replace

import pytest

from builders import make_limit, make_plan, make_record
from hilrig.core.power_loss import Calibration, Depth, PowerLossSpec
from hilrig.core.verdict import CheckStatus
from hilrig.verdict.judge import judge
from hilrig.verdict.power_loss import measure_power_loss
from power_losses import KILLED, MISSED, NOT_SURVIVED, SOUND, SURVIVED, UNABLE, WRONG, power_loss

LIMIT = make_limit("recovery.power_loss_test", "power_loss_recovered", 1.0, "bool", at_least=True)


def check(result, spec=None):
    record = replace(make_record(replace(make_plan(limits=[LIMIT]), power_loss=spec)), power_loss=result)
    judgement = judge(record)
    assert judgement.power_loss == result
    return judgement.checks[0]


def test_every_cut_survived_in_every_required_depth_passes():
    """The evidence names the depths, their states and the calibration."""
    held = check(power_loss(SURVIVED, KILLED))
    assert held.status is CheckStatus.PASS
    assert held.n == 1453
    assert held.evidence == "file calls: 1,412 states, kill: 41 states; calibrated by 1 wrong store"


def test_one_cut_not_survived_fails_with_its_words():
    """In which step, at which point, what it then ran."""
    held = check(power_loss(SURVIVED, NOT_SURVIVED))
    assert held.status is CheckStatus.FAIL
    for words in ("kill: 2 of 41", "update: activate", "killed at state.linked:1", "no active"):
        assert words in held.evidence


def test_a_cut_not_survived_in_a_depth_that_nobody_required_fails_as_well():
    """What was seen was seen."""
    assert check(power_loss(SURVIVED, NOT_SURVIVED, required=[Depth.FILE_CALLS])).status is CheckStatus.FAIL


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (None, "no power-loss test was made"),
        (power_loss(SURVIVED), "kill was not tried"),
        (power_loss(required=()), "required no depth"),
        (power_loss(SURVIVED, UNABLE, required=[Depth.FILE_CALLS, Depth.BLOCK_LOG]), "needs root"),
        (power_loss(SURVIVED, replace(KILLED, calibrations=())), "not tried on stores that are known"),
        (power_loss(SURVIVED, replace(KILLED, calibrations=(SOUND,))), "not tried on stores that are known"),
        (power_loss(SURVIVED, replace(KILLED, calibrations=(WRONG,))), "not tried on stores that are known"),
        (power_loss(SURVIVED, replace(KILLED, calibrations=(SOUND, WRONG, MISSED))), "catch no_folder_fsync"),
        (power_loss(SURVIVED, replace(KILLED, n_states=0)), "cut nothing"),
        (
            power_loss(SURVIVED, replace(KILLED, calibrations=(replace(SOUND, n_caught=1), WRONG))),
            "found fault with a sound store",
        ),
    ],
)
def test_what_is_no_evidence_is_not_measured(result, words):
    """It passes nothing, and the reason is said."""
    held = check(result)
    assert held.status is CheckStatus.NOT_MEASURED
    assert words in held.sentence


@pytest.mark.parametrize(
    "calibrations", [(), (WRONG,), (replace(SOUND, n_caught=3), WRONG), (replace(SOUND, n_states=0), WRONG)]
)
def test_a_test_that_would_accuse_a_sound_store_accuses_nobody(calibrations):
    """A false FAIL blocks a release: without a sound store found sound there is none, and no PASS either."""
    result = power_loss(SURVIVED, replace(NOT_SURVIVED, calibrations=calibrations))
    assert check(result).status is CheckStatus.NOT_MEASURED


def test_the_run_s_profile_says_which_depths_are_required():
    """Judged again by a profile that asks for more, the old evidence is not enough."""
    spec = PowerLossSpec(depths=(Depth.FILE_CALLS, Depth.BLOCK_LOG))
    held = check(power_loss(SURVIVED, KILLED), spec)
    assert held.status is CheckStatus.NOT_MEASURED
    assert "block log was not tried" in held.sentence
    assert measure_power_loss(power_loss(SURVIVED, KILLED), PowerLossSpec(depths=(Depth.KILL,))).value == 1.0


@pytest.mark.parametrize(
    ("calibration", "holds"),
    [
        (SOUND, True),
        (WRONG, True),
        (MISSED, False),
        (replace(SOUND, n_caught=1), False),
        (Calibration(store="sound", n_states=0, n_caught=0), False),
        (Calibration(store="x", n_states=0, n_caught=0), False),
    ],
)
def test_a_known_store_holds_when_the_test_told_it_right(calibration, holds):
    """Found sound or caught, and on one state at least."""
    assert calibration.holds == holds
